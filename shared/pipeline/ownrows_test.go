package pipeline_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// rowsLedger counts the files of rows and the write-offs that are read, and refuses write-offs
// while it is full.
type rowsLedger struct {
	*mem.Bucket
	read  int
	asked atomic.Int64
	full  bool
}

func (l *rowsLedger) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if strings.Contains(o.Key, "/listed/") {
		l.read++
	}
	if strings.Contains(o.Key, "/copied/") {
		l.asked.Add(1)
	}
	return l.Bucket.Open(ctx, o, off, n)
}

func (l *rowsLedger) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if l.full && strings.Contains(o.Key, "/copied/") {
		return store.Stored{}, fault.New(fault.Denied, "put", o.Key, errors.New("no room"))
	}
	return l.Bucket.Put(ctx, o, body, how)
}

// TestACopyHasTheRowsThatItsProcessWrote: it reads none right after its List, and any other does.
func TestACopyHasTheRowsThatItsProcessWrote(t *testing.T) {
	for name, tc := range map[string]struct {
		between func(w *world, l *rowsLedger, do func(deliveries int) error)
		reads   int
	}{
		"right after its List": {func(*world, *rowsLedger, func(int) error) {}, 0},
		"in another process":   {func(w *world, l *rowsLedger, _ func(int) error) { w.onto(l) }, 1},
		"once more, where its write-off failed": {func(w *world, l *rowsLedger, do func(int) error) {
			l.full = true
			if err := do(1); err == nil {
				w.t.Error("a batch without a write-off is copied")
			}
			l.full = false
		}, 1},
		"of a run that was paused meanwhile": {func(w *world, _ *rowsLedger, do func(int) error) {
			w.steer(ledger.Paused)
			if err := do(1); err != nil {
				w.t.Error(err)
			}
			w.steer(ledger.Going)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(30, 1)
			l := &rowsLedger{Bucket: w.led}
			w.onto(l)
			next, err := w.pipe.Do(t.Context(), w.start()[0])
			if err != nil {
				t.Fatal(err)
			}
			do := func(deliveries int) error {
				_, err := w.pipe.Do(t.Context(), with(only(t, next, task.Copy), func(t *task.Task) { t.Deliveries = deliveries }))
				return err
			}
			tc.between(w, l, do)
			l.read = 0
			if err := do(2); err != nil {
				t.Fatal(err)
			}
			if l.read != tc.reads {
				t.Errorf("%d files of rows are read, want %d", l.read, tc.reads)
			}
			w.same()
			for key, row := range w.rows() {
				if row.State != ledger.Copied {
					t.Errorf("%s is %s (%s), want it copied", key, row.State, row.Reason)
				}
			}
		})
	}
}

// TestTheFirstCopyOfABatchIsBegunWithoutALookWhetherItIsCopied, where none but this process can have
// done that.
func TestTheFirstCopyOfABatchIsBegunWithoutALookWhetherItIsCopied(t *testing.T) {
	for name, tc := range map[string]struct {
		shared bool
		other  bool          // process
		slept  time.Duration // by this one
		how    func(*task.Task)
		asked  int64
	}{
		"right after its List":                {how: func(*task.Task) {}},
		"a while after its List":              {slept: live.For / 3, how: func(*task.Task) {}},
		"another can have taken the run over": {slept: live.For, how: func(*task.Task) {}, asked: 1},
		"its clock was put back":              {slept: -time.Minute, how: func(*task.Task) {}, asked: 1},
		"its queue is one of many processes":  {shared: true, how: func(*task.Task) {}, asked: 1},
		"another process has listed":          {other: true, how: func(*task.Task) {}, asked: 1},
		"it was delivered before":             {how: func(t *task.Task) { t.Deliveries = 2 }, asked: 1},
		"it was tried before":                 {how: func(t *task.Task) { t.Attempt = 1 }, asked: 1},
		"it is sent again, from the ledger":   {how: func(t *task.Task) { t.Resend = 7 }, asked: 1},
		"it waited, and may have been copied": {how: func(t *task.Task) { t.Waits = 1 }, asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(30, 1)
			l := &rowsLedger{Bucket: w.led}
			asked := atomic.Int64{}
			asked.Store(-1)
			process := func() {
				w.onto(l)
				w.config.Shared = tc.shared
				w.config.Watch = func(e watch.Progress) {
					if e.Kind == watch.Settled {
						asked.CompareAndSwap(-1, l.asked.Load())
					}
				}
				w.pipe = pipeline.New(w.config)
			}
			process()
			next, err := w.pipe.Do(t.Context(), w.start()[0])
			if err != nil {
				t.Fatal(err)
			}
			if tc.other {
				process()
			}
			w.clock.Advance(tc.slept)
			copies := with(only(t, next, task.Copy), func(t *task.Task) { t.Deliveries = 1 })
			if _, err := w.pipe.Do(t.Context(), with(copies, tc.how)); err != nil {
				t.Fatal(err)
			}
			if n := asked.Load(); n != tc.asked {
				t.Errorf("the ledger is asked %d times for an outcome before the first object is copied, want %d", n, tc.asked)
			}
			w.same()
		})
	}
}

// TestAProcessThatSleptCopiesNothingThatAnotherHasCopied: the other has taken the run over
// meanwhile, and an application has written over the copy.
func TestAProcessThatSleptCopiesNothingThatAnotherHasCopied(t *testing.T) {
	w := copiedWorld(t, "kodo", 9, following)
	w.another(9, "b")
	w.fresh()
	slept := w.pipe
	next, err := slept.Do(t.Context(), w.startAs(laterRun)[0])
	if err != nil {
		t.Fatal(err)
	}
	w.fresh()
	w.lose = func(k task.Task) bool { return k.Kind == task.Report } // the run is not over
	w.drive(t.Context(), 0, next...)
	w.edit(1)
	copies := with(only(t, next, task.Copy), func(t *task.Task) { t.Deliveries = 1 })
	if _, err := slept.Do(t.Context(), copies); err != nil {
		t.Fatal(err)
	}
	if got := string(read(t, w.dst, rewritten)); got != "111111111" {
		t.Errorf("the target has %q, want what the application wrote", got)
	}
}

// onto makes a new pipeline whose ledger is in l.
func (w *world) onto(l *rowsLedger) {
	w.fresh()
	w.config.Ledger = ledger.Open(l, w.job.Ledger.Prefix)
	w.pipe = pipeline.New(w.config)
}

// only returns the one task of a kind.
func only(t *testing.T, all []task.Task, kind task.Kind) (one task.Task) {
	t.Helper()
	n := 0
	for _, k := range all {
		if k.Kind == kind {
			one, n = k, n+1
		}
	}
	if n != 1 {
		t.Fatalf("%d tasks of the kind %s, want 1", n, kind)
	}
	return one
}
