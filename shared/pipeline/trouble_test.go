package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// troubled is a source whose Open is made to go wrong by the test.
type troubled struct {
	store.Source
	open func(ctx context.Context, o store.Object) (store.Object, io.ReadCloser, error)
	list func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error]
}

func (s *troubled) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if s.open != nil {
		if o, body, err := s.open(ctx, o); body != nil || err != nil {
			return o, body, err
		}
	}
	return s.Source.Open(ctx, o, off, n)
}

func (s *troubled) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	if s.list != nil {
		return s.list(ctx, r)
	}
	return s.Source.List(ctx, r)
}

func TestTroubleWithOneObjectStaysWithIt(t *testing.T) {
	const victim = "k/00005"
	for name, tc := range map[string]struct {
		set     func(*job.Job)
		source  func(w *world, n int) (io.ReadCloser, error) // of the victim's n-th Open; nil, nil: as it is
		alter   func(o *store.Object)                        // of what is listed
		state   ledger.State
		proof   ledger.Proof
		reason  string
		visible bool
	}{
		"a flipped byte is read again": {
			source: func(w *world, n int) (io.ReadCloser, error) { return flip(w, victim, n == 1) },
			state:  ledger.Copied, proof: ledger.ByQetag, visible: true,
		},
		"a reset in mid-body is read again": {
			source: func(w *world, n int) (io.ReadCloser, error) {
				if n > 2 {
					return nil, nil
				}
				return io.NopCloser(io.MultiReader(strings.NewReader("x"), errReader{errors.New("reset")})), nil
			},
			state: ledger.Copied, proof: ledger.ByQetag, visible: true,
		},
		"a listed hash that is wrong is told apart from damage": {
			alter: func(o *store.Object) { o.Hash = "FkXAIGDnCbH5M2CwKqkYyfLzMLXo"; o.MD5 = "" },
			state: ledger.Failed, reason: "the listed hash is wrong",
		},
		"hashMismatch=copy takes what two reads agree on": {
			set:   func(j *job.Job) { j.HashMismatch = job.CopyMismatch },
			alter: func(o *store.Object) { o.Hash = "FkXAIGDnCbH5M2CwKqkYyfLzMLXo"; o.MD5 = "" },
			state: ledger.Copied, proof: ledger.ByCRC, visible: true,
		},
		"an object without a hash is proved by size and CRC64": {
			alter: func(o *store.Object) { o.Hash, o.MD5 = "", "" },
			state: ledger.Copied, proof: ledger.ByCRC, visible: true,
		},
		"a disabled object is skipped": {
			alter: func(o *store.Object) { o.Disabled = true },
			state: ledger.Skipped, reason: "disabled",
		},
		"an archived object is skipped": {
			alter: func(o *store.Object) { o.Frozen, o.Class = true, store.Archive },
			state: ledger.Skipped, reason: "restore",
		},
		"an object larger than any that OSS holds fails and says so": {
			alter: func(o *store.Object) { o.Size = 49 << 40 },
			state: ledger.Failed, reason: "OSS holds no object of more",
		},
		"an object denied three times fails while others go on": {
			source: func(*world, int) (io.ReadCloser, error) {
				return nil, fault.New(fault.Denied, "kodo.Open", victim, errors.New("403"))
			},
			state: ledger.Failed, reason: "403",
		},
		"an object that times out for ever fails in the end": {
			source: func(*world, int) (io.ReadCloser, error) {
				return nil, fault.New(fault.Temporary, "kodo.Open", victim, errors.New("timeout"))
			},
			state: ledger.Failed, reason: "timeout",
		},
		"an object the download host does not have, though it is listed": {
			source: func(*world, int) (io.ReadCloser, error) {
				return nil, fault.New(fault.NotFound, "kodo.Open", victim, errors.New("404"))
			},
			state: ledger.Failed, reason: "leave out domain=",
		},
		"a throttled object waits and spends no try": {
			source: func(_ *world, n int) (io.ReadCloser, error) {
				if n > 3 {
					return nil, nil
				}
				return nil, fault.Throttle("kodo.Open", victim, time.Millisecond, errors.New("573"))
			},
			state: ledger.Copied, proof: ledger.ByQetag, visible: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, small, func(j *job.Job) {
				if tc.set != nil {
					tc.set(j)
				}
			})
			w.fill(30, 3)
			if tc.alter != nil {
				w.src.Alter(victim, tc.alter)
			}
			var opened atomic.Int64
			w.source = func(src store.Source) store.Source {
				return &troubled{Source: src, open: func(ctx context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
					if o.Key != victim || tc.source == nil {
						return o, nil, nil
					}
					body, err := tc.source(w, int(opened.Add(1)))
					return o, body, err
				}}
			}
			w.fresh()
			rep := w.run()
			row := w.rows()[victim]
			if row.State != tc.state || row.Proof != tc.proof || !strings.Contains(row.Reason, tc.reason) {
				t.Errorf("row = %s by %q: %s (tries %d), want %s by %q: …%s…", row.State, row.Proof, row.Reason, row.Tries, tc.state, tc.proof, tc.reason)
			}
			if _, err := w.dst.Stat(t.Context(), victim); (err == nil) != tc.visible {
				t.Errorf("visible in the target: %v, want %v", err == nil, tc.visible)
			}
			if got := rep.Objects.Copied; got < 29 {
				t.Errorf("copied %d, want all the others", got)
			}
		})
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

// flip returns the victim's body with one bit flipped.
func flip(w *world, key string, bad bool) (io.ReadCloser, error) {
	if !bad {
		return nil, nil
	}
	body := read(w.t, w.src, key)
	body[len(body)/2] ^= 1
	return io.NopCloser(bytes.NewReader(body)), nil
}

func TestADeniedBucketWaitsWithoutSpendingTries(t *testing.T) {
	w := newWorld(t, small)
	w.fill(60, 7)
	var denied atomic.Bool
	var refusals atomic.Int64
	w.source = func(src store.Source) store.Source {
		no := fault.New(fault.Denied, "kodo", "", errors.New("the account is frozen"))
		return &troubled{Source: src,
			open: func(_ context.Context, o store.Object) (store.Object, io.ReadCloser, error) {
				if denied.Load() {
					if refusals.Add(1) > 400 {
						denied.Store(false) // the bill is paid
					}
					return o, nil, no
				}
				return o, nil, nil
			},
			list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
				if denied.Load() {
					return func(yield func(store.Object, error) bool) { yield(store.Object{}, no) }
				}
				return src.List(ctx, r)
			}}
	}
	w.fresh()
	w.pipeline(func(tk task.Task) {
		if tk.Kind == task.Copy && refusals.Load() == 0 {
			denied.Store(true)
		}
	})
	wantTotals(t, w.run(), report.Totals{Listed: 60, Copied: 60, Verified: 60})
}

func TestABatchTooBigForOneInvocationIsHandedOver(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.Parallel = 50, 1 })
	w.fill(50, 8)
	tasks := w.start()
	invocations := 0
	for len(tasks) > 0 {
		next := tasks[0]
		tasks = tasks[1:]
		// 15 s are kept free for the outcome: this leaves some milliseconds to copy in.
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second+3*time.Millisecond)
		if next.Kind != task.Copy {
			ctx, cancel = context.WithCancel(t.Context())
		}
		follow, err := w.pipe.Do(ctx, next)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if next.Kind == task.Copy {
			invocations++
		}
		tasks = append(tasks, follow...)
		if invocations > 60 {
			t.Fatal("the batch does not end")
		}
	}
	wantTotals(t, w.report(), report.Totals{Listed: 50, Copied: 50, Verified: 50})
	t.Logf("%d invocations", invocations)
	for key, row := range w.rows() {
		if row.Tries != 0 {
			t.Errorf("%s spent %d tries by being handed over, want 0", key, row.Tries)
		}
	}
}

func TestGivingUpIsAnOutcome(t *testing.T) {
	for name, tc := range map[string]struct {
		kind   task.Kind
		want   report.Totals
		result report.Result
		open   int // unknown stretches
	}{
		"a listing":      {task.List, report.Totals{}, report.Incomplete, 1},
		"a batch":        {task.Copy, report.Totals{Listed: 60, Copied: 40, Failed: 20, Verified: 40}, report.Incomplete, 0},
		"a verification": {task.Verify, report.Totals{}, report.Incomplete, 1},
		"the report":     {task.Report, report.Totals{Listed: 60, Copied: 60, Verified: 60}, report.Verified, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			w.fill(60, 9)
			given := false
			w.give = func(tk task.Task) error {
				if tk.Kind == tc.kind && !given && w.allCopied(tk.Kind) {
					given = true
					return fault.New(fault.Invalid, "test", "", errors.New("it cannot be done"))
				}
				return nil
			}
			rep := w.run()
			wantTotals(t, rep, tc.want)
			if rep.Result != tc.result || len(rep.Unknown) != tc.open {
				t.Errorf("result %s, unknown %+v, want %s, %d", rep.Result, rep.Unknown, tc.result, tc.open)
			}
		})
	}
}

func TestKeysThatCannotBeHeldFailAndNameTheCure(t *testing.T) {
	w := newWorld(t, small)
	for _, key := range []string{"/lead", `\back`, strings.Repeat("k", 1024), ".ferry/runs/x", "fine"} {
		put(t, w.src, key, []byte(key))
	}
	rep := w.run()
	wantTotals(t, rep, report.Totals{Listed: 5, Copied: 1, Failed: 4, Verified: 1})
	rows := w.rows()
	for key, cure := range map[string]string{"/lead": "give the target a prefix", `\back`: "give the target a prefix", strings.Repeat("k", 1024): "give the target a prefix", ".ferry/runs/x": "ledger"} {
		if !strings.Contains(rows[key].Reason, cure) {
			t.Errorf("%.20q: %q, want the cure %q", key, rows[key].Reason, cure)
		}
	}
}

func TestASourceThatListsOnlyFromExistingKeysIsFoundOutAndStillCovered(t *testing.T) {
	w := newWorld(t, small)
	w.fill(400, 10)
	w.source = func(src store.Source) store.Source {
		return &troubled{Source: src, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
			if r.After != "" {
				if _, err := src.Stat(ctx, r.After); err != nil {
					return func(func(store.Object, error) bool) {} // it lists nothing from there
				}
			}
			return src.List(ctx, r)
		}}
	}
	w.fresh()
	removed := false
	w.pipeline(func(tk task.Task) {
		if tk.Kind == task.List && tk.Range.After != "" && !removed {
			removed = true
			_ = w.src.Delete(t.Context(), tk.Range.After)
		}
	})
	wantTotals(t, w.run(), report.Totals{Listed: 400, Copied: 399, Gone: 1, Verified: 399})
	started, err := w.config.Ledger.Run(runName).ReadStarted(t.Context())
	if err != nil || !started.Chain {
		t.Errorf("started as a chain: %v, %v, want true", started.Chain, err)
	}
}

func TestAListingErrorNeverBecomesASmallNumber(t *testing.T) {
	w := newWorld(t, small)
	w.fill(300, 11)
	w.source = func(src store.Source) store.Source {
		return &troubled{Source: src, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
			return func(yield func(store.Object, error) bool) {
				for o, err := range src.List(ctx, r) {
					if o.Key == "k/00200" {
						yield(store.Object{}, fault.New(fault.Temporary, "kodo.List", "", errors.New("599")))
						return
					}
					if !yield(o, err) {
						return
					}
				}
			}
		}}
	}
	w.fresh()
	rep := w.run()
	if rep.Result != report.Incomplete || len(rep.Unknown) == 0 || !strings.Contains(rep.Unknown[0].Reason, "599") {
		t.Errorf("result %s, unknown %+v, want incomplete with an unknown stretch", rep.Result, rep.Unknown)
	}
}

// lying stores other bytes than it was sent, some times.
type lying struct {
	pipeline.Target
	key   string
	times atomic.Int64
}

func (l *lying) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	s, err := l.Target.Put(ctx, o, body, how)
	if err == nil && o.Key == l.key && l.times.Add(-1) >= 0 {
		s.CRC64 = "1"
	}
	return s, err
}

func TestDamageOnTheWayToTheTargetIsOverwrittenOrRemoved(t *testing.T) {
	for name, tc := range map[string]struct {
		times   int64
		state   ledger.State
		visible bool
	}{
		"once":     {1, ledger.Copied, true},
		"for ever": {1 << 40, ledger.Failed, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			w.fill(20, 12)
			w.target = func(dst pipeline.Target) pipeline.Target {
				l := &lying{Target: dst, key: "k/00003"}
				l.times.Store(tc.times)
				return l
			}
			w.fresh()
			w.run()
			if got := w.rows()["k/00003"].State; got != tc.state {
				t.Errorf("state %s, want %s", got, tc.state)
			}
			if _, err := w.dst.Stat(t.Context(), "k/00003"); (err == nil) != tc.visible {
				t.Errorf("visible: %v, want %v", err == nil, tc.visible)
			}
		})
	}
}
