package pipeline_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	queuemem "kodoferry/shared/queue/mem"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// moody is a target that refuses some parts so many times.
type moody struct {
	pipeline.Target
	mu   sync.Mutex
	left map[int]int // by part
}

func (m *moody) PutPart(ctx context.Context, key, id string, n int, body io.Reader, size int64) (store.Part, error) {
	m.mu.Lock()
	m.left[n]--
	refused := m.left[n] >= 0
	m.mu.Unlock()
	if refused {
		return store.Part{}, fault.New(fault.Temporary, "part", key, errors.New("reset"))
	}
	return m.Target.PutPart(ctx, key, id, n, body, size)
}

func TestAnyPartOfATaskMayBeTheOneThatIsLeft(t *testing.T) {
	for name, bad := range map[string]func(n int) bool{
		"the first":         func(n int) bool { return n == 1 },
		"one in the middle": func(n int) bool { return n == 3 },
		"the last":          func(n int) bool { return n == 5 },
		"all but one":       func(n int) bool { return n != 4 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, inParts)
			put(t, w.src, "big", random(20*mib, 1))
			left := map[int]int{} // tries that still fail, by part
			for n := 1; n <= 5; n++ {
				if bad(n) {
					left[n] = 4 // one more than there are in one delivery
				}
			}
			w.target = func(d pipeline.Target) pipeline.Target { return &moody{Target: d, left: left} }
			w.fresh()
			rep := w.run()
			wantTotals(t, rep, report.Totals{Listed: 1, Copied: 1, Verified: 1})
			w.same()
			if open := w.dst.Uploads(); len(open) > 0 {
				t.Errorf("uploads %q are left open", open)
			}
		})
	}
}

// losing does a run of a deployment whose queue loses the first message that
// lose names, and sends again what the sweeper would. It ends with the report.
func (w *world) losing(lose func(task.Task) bool) (lost bool) {
	w.t.Helper()
	w.config.Shared = true
	w.pipe = pipeline.New(w.config)
	q := queuemem.New(queuemem.Options{Clock: w.clock, Visibility: time.Hour})
	do := &worker.Worker{Doer: w, Log: discard, Attempts: 5, Pause: time.Second, Marks: &marks{names: map[string]bool{}}, Send: map[task.Stage]queue.Sender{}}
	for _, s := range task.Stages {
		do.Send[s] = q
	}
	submit := func(tasks []task.Task, err error) {
		if err == nil {
			err = do.Submit(w.t.Context(), tasks...)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	submit(w.start(), nil)
	for n := 1; n < 1000; n++ {
		if over, err := w.config.Ledger.Run(runName).Over(w.t.Context()); err != nil || over {
			return lost
		}
		if n%50 == 0 { // what waits for others is all that is left
			lost, _, err := w.pipe.Lost(w.t.Context(), runName)
			submit(lost, err)
		}
		messages, err := q.Receive(w.t.Context(), 1, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		if at, ok := q.Next(); len(messages) == 0 && ok {
			w.clock.Advance(at.Sub(w.clock.Now()))
		}
		for _, m := range messages {
			if t, err := task.Decode(m.Body); err == nil && !lost && lose(t) {
				lost = true
			} else if err := do.Process(w.t.Context(), m); err != nil {
				w.t.Fatal(err)
			}
			if err := q.Delete(w.t.Context(), m); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	w.t.Error("the run does not end")
	return lost
}

func TestALostMessageOfABigObjectIsFoundAndSentAgain(t *testing.T) {
	for name, lose := range map[string]func(task.Task) bool{
		"a Begin":                  func(t task.Task) bool { return t.Kind == task.Begin },
		"a Part":                   func(t task.Task) bool { return t.Kind == task.Part },
		"a Part that had failed":   func(t task.Task) bool { return t.Kind == task.Part && t.Attempt > 0 },
		"a Finish":                 func(t task.Task) bool { return t.Kind == task.Finish },
		"a Finish that had failed": func(t task.Task) bool { return t.Kind == task.Finish && t.Attempt > 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, inParts)
			put(t, w.src, "big", random(7*mib, 1))
			completions := 0
			w.target = func(d pipeline.Target) pipeline.Target {
				return &uploads{Target: &moody{Target: d, left: map[int]int{1: 3, 2: 3}}, finish: func(string, int) error {
					if completions++; completions == 1 {
						return fault.New(fault.Temporary, "finish", "big", errors.New("reset"))
					}
					return nil
				}}
			}
			w.fresh()
			if !w.losing(lose) {
				t.Error("no such message was sent")
			}
			wantTotals(t, w.report(), report.Totals{Listed: 1, Copied: 1, Verified: 1})
			w.same()
		})
	}
}

// deadly is a ledger's bucket whose process dies when a batch is written off.
type deadly struct {
	*mem.Bucket
	die func()
}

func (d *deadly) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	stored, err := d.Bucket.Put(ctx, o, body, how)
	if strings.Contains(o.Key, "/copied/") {
		d.die()
	}
	return stored, err
}

func TestAnUploadOfNoUseIsAbortedThoughTheProcessDies(t *testing.T) {
	temporary := fault.New(fault.Temporary, "part", "big", errors.New("reset"))
	for name, tc := range map[string]struct {
		part  func(w *world, call int) error
		state ledger.State
	}{
		"an object that begins again": {
			part: func(w *world, call int) error {
				if call == 1 {
					put(w.t, w.src, "big", random(6*mib, 2))
				}
				return nil
			},
			state: ledger.Copied,
		},
		"an object that fails": {
			part:  func(*world, int) error { return temporary },
			state: ledger.Failed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, inParts)
			put(t, w.src, "big", random(7*mib, 1))
			var calls atomic.Int64
			w.target = func(d pipeline.Target) pipeline.Target {
				return &uploads{Target: d, part: func(int) error { return tc.part(w, int(calls.Add(1))) }}
			}
			w.fresh()
			ctx, die := context.WithCancel(t.Context())
			w.config.Ledger = ledger.Open(&deadly{w.led, die}, w.job.Ledger.Prefix)
			w.pipe = pipeline.New(w.config)
			w.drive(ctx, 0, w.start()...)
			if ctx.Err() == nil {
				t.Fatal("the process did not die")
			}
			w.fresh()
			open, err := w.pipe.Resume(t.Context(), runName)
			if err != nil {
				t.Fatal(err)
			}
			w.drive(t.Context(), 0, open...)
			if got := w.rows()["big"]; got.State != tc.state {
				t.Errorf("the object is %s (%s), want %s", got.State, got.Reason, tc.state)
			}
			if left := w.dst.Uploads(); len(left) > 0 {
				t.Errorf("uploads %q are left open", left)
			}
		})
	}
}

func TestAnUploadThatVanishesIsBegunAnewAndToldAsSuch(t *testing.T) {
	for name, times := range map[string]int{"once": 1, "whenever it is begun": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, inParts)
			put(t, w.src, "big", random(7*mib, 1))
			gone := 0
			w.before = func(tk task.Task) {
				if open := w.dst.Uploads(); tk.Kind == task.Part && len(open) > 0 && gone < times {
					gone++
					if err := w.dst.Abort(t.Context(), "big", open[0]); err != nil { // as a lifecycle rule does
						t.Fatal(err)
					}
				}
			}
			rep := w.run()
			row := w.rows()["big"]
			if times == 1 {
				wantTotals(t, rep, report.Totals{Listed: 1, Copied: 1, Verified: 1})
				w.same()
			} else if row.State != ledger.Failed || !strings.Contains(row.Reason, "the upload is gone") {
				t.Errorf("the row is %s: %q, want failed because the upload is gone", row.State, row.Reason)
			}
		})
	}
}

// mute is a source that does not describe one of its objects.
type mute struct {
	store.Source
	key string
	err error
}

func (m *mute) Stat(ctx context.Context, key string) (store.Object, error) {
	if key == m.key {
		return store.Object{}, m.err
	}
	return m.Source.Stat(ctx, key)
}

// TestABigObjectThatIsNotDescribedFailsAlone holds also where it is the only one to
// probe its source by, and where each answer says to come back later.
func TestABigObjectThatIsNotDescribedFailsAlone(t *testing.T) {
	for kind, small := range map[fault.Kind]int{fault.Temporary: 5, fault.Denied: 0, fault.Throttled: 5, fault.Invalid: 0, fault.Corrupt: 5} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, inParts)
			put(t, w.src, "big", random(7*mib, 1))
			w.fill(small, 1)
			w.source = func(s store.Source) store.Source {
				return &mute{s, "big", fault.New(kind, "stat", "big", errors.New("not now"))}
			}
			w.fresh()
			rep := w.run()
			if row := w.rows()["big"]; row.State != ledger.Failed || !strings.Contains(row.Reason, "not now") {
				t.Errorf("the object is %s: %q, want failed and what the source said", row.State, row.Reason)
			}
			if o := rep.Objects; o.Failed != 1 || o.Verified != int64(small) {
				t.Errorf("%+v, want one failed and %d verified", o, small)
			}
		})
	}
}
