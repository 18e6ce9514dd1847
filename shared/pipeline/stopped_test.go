package pipeline_test

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// steer has the run stand so from now on, and lets every process notice.
func (w *world) steer(s ledger.Standing) {
	w.t.Helper()
	if err := w.config.Ledger.Run(runName).Steering().WriteStanding(w.t.Context(), s, w.clock.Now()); err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(limit.Notice)
}

// shared is a world whose tasks are in queues that others share.
func shared(t *testing.T, set ...func(*job.Job)) *world {
	w := newWorld(t, set...)
	w.config.Shared = true
	w.pipe = pipeline.New(w.config)
	return w
}

func batches(n int) func(*job.Job) {
	return func(j *job.Job) { j.Limits.BatchObjects = n }
}

func TestAPausedRunRestsAndIsResumedToItsEnd(t *testing.T) {
	w := shared(t, batches(10))
	w.fill(100, 1)
	copies := 0
	w.before = func(at task.Task) {
		if at.Kind != task.Copy {
			return
		}
		if copies++; copies == 4 {
			w.steer(ledger.Paused)
		}
	}
	w.drive(t.Context(), 0, w.start()...) // until nothing is in the queue
	if n := len(w.dst.Keys()); n != 30 {
		t.Errorf("%d objects are there, want the 30 of the batches before the pause", n)
	}
	if over, err := w.config.Ledger.Run(runName).Over(t.Context()); over || err != nil {
		t.Fatalf("the run is over (%v, %v), want it to rest", over, err)
	}
	w.before = nil
	w.steer(ledger.Going)
	open, err := w.pipe.Resume(t.Context(), runName)
	if err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, open...)
	if rep := w.report(); rep.Result != report.Verified || rep.Objects.Verified != 100 {
		t.Errorf("%+v, want 100 verified", rep.Summary)
	}
	w.same()
}

func TestATaskIsDroppedOnlyByWhatTheLedgerSaysNow(t *testing.T) {
	w := shared(t)
	w.fill(3, 1)
	first := w.start()
	w.steer(ledger.Paused)
	if next, err := w.pipe.Do(t.Context(), first[0]); len(next) > 0 || err != nil {
		t.Fatalf("a task of a paused run yields %v, %v, want nothing", next, err)
	}
	// The process has just read that the run is paused, and will not ask again for a while.
	if err := w.config.Ledger.Run(runName).Steering().WriteStanding(t.Context(), ledger.Going, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if next, err := w.pipe.Do(t.Context(), first[0]); len(next) == 0 || err != nil {
		t.Errorf("a task of a run that was resumed yields %v, %v, want what follows: nobody would send it again", next, err)
	}
}

// sealedBefore seals a job before the first record of a run is created.
type sealedBefore struct {
	ledger.Bucket
	seal func()
}

func (b sealedBefore) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if strings.HasSuffix(o.Key, "/job.json") {
		b.seal()
	}
	return b.Bucket.Put(ctx, o, body, how)
}

func TestARunThatBeginsWhileItsJobIsSealedEndsAtOnce(t *testing.T) {
	w := shared(t)
	w.fill(3, 1)
	sealed := w.config.Ledger
	w.config.Ledger = ledger.Open(sealedBefore{w.led, func() {
		if _, err := sealed.CreateSeal(t.Context(), "j", w.clock.Now()); err != nil {
			t.Error(err)
		}
	}}, w.job.Ledger.Prefix)
	w.pipe = pipeline.New(w.config)
	first, err := w.pipe.Start(t.Context(), w.job, runName)
	if fault.KindOf(err) != fault.Invalid || len(first) > 0 {
		t.Fatalf("the start yields %v, %v, want invalid: its job is sealed", first, err)
	}
	if rep := w.report(); rep.Result != report.Cancelled {
		t.Errorf("the run ends %q, want cancelled: whoever sealed the job has not seen it", rep.Result)
	}
}

func TestALateTaskWritesNothing(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"the run is cancelled": func(w *world) { w.steer(ledger.Cancelled) },
		"the run is paused":    func(w *world) { w.steer(ledger.Paused) },
		"its job was sealed":   func(w *world) { _, _ = w.config.Ledger.CreateSeal(w.t.Context(), "j", w.clock.Now()) },
		"its report was written": func(w *world) {
			_, _ = w.config.Ledger.Run(runName).Results().CreateReport(w.t.Context(), []byte("{}"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t, inParts, func(j *job.Job) { j.Delete = true })
			w.fill(20, 1)
			put(t, w.src, "big", random(9*mib, 1))
			late := map[task.Kind]task.Task{}
			for todo := w.start(); len(todo) > 0; todo = todo[1:] { // as far as Begin, and nothing is copied
				late[todo[0].Kind] = todo[0]
				if todo[0].Kind != task.List && todo[0].Kind != task.Begin {
					continue
				}
				next, err := w.pipe.Do(t.Context(), todo[0])
				if err != nil {
					t.Fatal(err)
				}
				todo = append(todo, next...)
			}
			late[task.Finish] = task.Task{Kind: task.Finish, Run: runName, Shard: "0", Batch: late[task.Begin].Batch}
			late[task.Delete] = task.Task{Kind: task.Delete, Run: runName, Shard: "0", Batch: late[task.Copy].Batch}
			end(w)
			w.clock.Advance(limit.Notice)
			before := append(w.led.Keys(), w.dst.Keys()...)
			if len(late) != 9 {
				t.Fatalf("the kinds are %v, want all 9", late)
			}
			for kind, one := range late {
				for what, do := range map[string]func() ([]task.Task, error){
					"done": func() ([]task.Task, error) { return w.pipe.Do(t.Context(), one) },
					"given up": func() ([]task.Task, error) {
						return w.pipe.GiveUp(t.Context(), one, fault.New(fault.Unknown, "test", "", nil))
					},
				} {
					if next, err := do(); len(next) > 0 || err != nil {
						t.Errorf("a late %s task, %s, yields %v, %v, want nothing", kind, what, next, err)
					}
				}
			}
			if after := append(w.led.Keys(), w.dst.Keys()...); !slices.Equal(after, before) {
				t.Errorf("late tasks wrote: there are %d keys, before %d", len(after), len(before))
			}
		})
	}
}

func TestWhatIsInFlightIsCutAndWhatEndedIsWrittenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, func(j *job.Job) { j.Limits.Parallel, j.Limits.BatchObjects = 2, 20 })
		f.objects(20, 8*mib)
		f.slow = time.Second / 64 // 1 MiB/s each of two
		f.config.Shared = true
		f.process("one")
		f.start()
		time.Sleep(61 * time.Second)
		if err := f.kept().Steering().WriteStanding(t.Context(), ledger.Cancelled, time.Now()); err != nil {
			t.Fatal(err)
		}
		cancelled := time.Now()
		time.Sleep(limit.Notice)
		at := len(f.dst.Keys())
		f.done.Wait() // the process drops the report's task when its turn comes
		if late := f.rate(&f.read, "", int(cancelled.Sub(f.began).Seconds()+limit.Notice.Seconds()), 600); late > 0 || len(f.dst.Keys()) != at {
			t.Errorf("%.0f bytes a second were read, and there are %d objects instead of %d, after everybody should have noticed", late, len(f.dst.Keys()), at)
		}
		rep, err := pipeline.New(f.config).End(t.Context(), runName)
		if err != nil {
			t.Fatal(err)
		}
		o := rep.Objects
		if rep.Result != report.Cancelled || !rep.Balanced || o.Listed != 20 || o.Copied != int64(at) || o.Open != int64(20-at) || at < 12 {
			t.Errorf("%s, balanced %v, %+v, want it cancelled, its books balanced, and copied what is in the target: %d", rep.Result, rep.Balanced, o, at)
		}
		for key, row := range f.rows() {
			if row.Tries > 0 {
				t.Errorf("%s counts %d tries, want none for being cut", key, row.Tries)
			}
		}
	})
}

// TestAProcessThatCannotReadHowTheRunStandsStopsByItself has the ledger not answer a
// process any more how the run stands, while it copies.
func TestAProcessThatCannotReadHowTheRunStandsStopsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, func(j *job.Job) { j.Limits.Parallel, j.Limits.BatchObjects = 2, 20 })
		f.objects(20, 8*mib)
		f.slow = time.Second / 64 // 1 MiB/s each of two
		f.config.Shared = true
		bucket := &withholding{Bucket: f.led}
		f.config.Ledger = ledger.Open(bucket, f.job.Ledger.Prefix)
		f.process("one")
		f.start()
		time.Sleep(30 * time.Second)
		bucket.withheld.Store(true)
		stopped := time.Now()
		time.Sleep(limit.Notice)
		at := len(f.dst.Keys())
		time.Sleep(time.Minute)
		if late := f.rate(&f.read, "", int(stopped.Sub(f.began).Seconds()+limit.Notice.Seconds()), 150); late > 0 || len(f.dst.Keys()) != at {
			t.Errorf("%.0f bytes a second were read, and there are %d objects instead of %d", late, len(f.dst.Keys()), at)
		}
		bucket.withheld.Store(false)
		if rep := f.wait(); rep.Result != report.Verified {
			t.Errorf("%+v, want it verified once the ledger answers again", rep.Summary)
		}
	})
}

// TestWhatIsCutShortForWantOfAnAnswerSpendsNoTry has the ledger not tell how the run
// stands while a source is listed, and a side that did not answer before.
func TestWhatIsCutShortForWantOfAnAnswerSpendsNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fill(5, 1)
		w.source = func(s store.Source) store.Source { return slowListed{s} }
		w.fresh()
		w.led.Now = time.Now
		bucket := &withholding{Bucket: w.led}
		w.config.Shared, w.config.Now, w.config.Ledger = true, time.Now, ledger.Open(bucket, w.job.Ledger.Prefix)
		w.pipe = pipeline.New(w.config)
		list := task.Task{Kind: task.List, Run: runName, Shard: "0", Range: store.Range{Prefix: w.job.Source.Prefix}}
		w.start()
		go func() {
			time.Sleep(5 * time.Second)
			bucket.withheld.Store(true)
		}()
		for n := range 3 { // cut short, and not begun
			next, err := w.pipe.Do(t.Context(), list)
			if err != nil || len(next) != 1 || next[0].Kind != task.List || next[0].Attempt != 0 || next[0].Waits != n+1 || next[0].Since != list.Since {
				t.Fatalf("delivery %d yields %+v (%v), want it once more, later, without a try spent", n, next, err)
			}
			list = next[0]
			list.Since = time.Now().Unix()
		}
	})
}

// slowListed takes ten minutes to list anything.
type slowListed struct{ store.Source }

func (s slowListed) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		select {
		case <-time.After(10 * time.Minute):
		case <-ctx.Done():
			yield(store.Object{}, ctx.Err())
			return
		}
		s.Source.List(ctx, r)(yield)
	}
}

// withholding is a ledger's bucket that does not answer how a run stands.
type withholding struct {
	ledger.Bucket
	withheld atomic.Bool
}

func (s *withholding) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if s.withheld.Load() && strings.HasSuffix(o.Key, "state.json") {
		return store.Object{}, nil, fault.New(fault.Temporary, "withholding.Open", o.Key, nil)
	}
	return s.Bucket.Open(ctx, o, off, n)
}
