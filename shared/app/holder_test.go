package app_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// gated has copies wait until it is opened, and says when the first one comes.
type gated struct {
	worker.Doer
	come, open chan struct{}
	once       *sync.Once
}

func (g gated) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	if t.Kind == task.Copy {
		g.once.Do(func() { close(g.come) })
		select {
		case <-g.open:
		case <-ctx.Done():
			return nil, fault.New(fault.Temporary, "copy", "", ctx.Err())
		}
	}
	return g.Doer.Do(ctx, t)
}

func gate() (g gated, faulty func(worker.Doer) worker.Doer) {
	g = gated{come: make(chan struct{}), open: make(chan struct{}), once: new(sync.Once)}
	return g, func(d worker.Doer) worker.Doer { g.Doer = d; return g }
}

// TestTwoProcessesAtOneRunDoNotBothCopy begins a second process while a first one
// does the run, and has the first one end it, stop, or be taken for dead.
func TestTwoProcessesAtOneRunDoNotBothCopy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stops bool  // as by Ctrl-C
		want  int64 // objects that the second one copies
	}{
		"the first one ends it": {false, 0},
		"the first one stops":   {true, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(t, 40)
			g, faulty := gate()
			ctx, stop := context.WithCancel(t.Context())
			first := make(chan error, 1)
			go func() {
				_, err := w.copyIn(ctx, t, agent.CopyOptions{Around: faulty})
				first <- err
			}()
			<-g.come
			var told agent.Follow
			var copied atomic.Int64
			follows := func(f agent.Follow) {
				if told.Run != "" {
					return
				}
				told = f
				if tc.stops {
					stop()
				} else {
					close(g.open)
				}
			}
			rep, err := w.copyIn(t.Context(), t, agent.CopyOptions{Follows: follows, Watch: func(e watch.Progress) {
				if e.Kind == watch.Settled && e.Row.State == ledger.Copied {
					copied.Add(1)
				}
			}})
			if err != nil || rep.Result != report.Verified || rep.Objects.Copied != 40 || rep.Run != told.Run {
				t.Errorf("%s of %s, %+v, %v, want the report of %s", rep.Result, rep.Run, rep.Objects, err, told.Run)
			}
			if err := <-first; (err != nil) != tc.stops {
				t.Errorf("the first process: %v", err)
			}
			host, _ := os.Hostname()
			if told.By.PID != os.Getpid() || told.By.Host != host || told.Progress == nil || told.Age > time.Minute {
				t.Errorf("told of %+v, want this process on %s", told, host)
			}
			if copied.Load() != tc.want {
				t.Errorf("the second process copied %d objects, want %d", copied.Load(), tc.want)
			}
			stop()
		})
	}
}

// TestAProcessThatDiedIsNotWaitedFor leaves a run with a holder that has ended, in
// every way in which that is known at once.
func TestAProcessThatDiedIsNotWaitedFor(t *testing.T) {
	for name, left := range map[string]func(h *live.Holder){
		"it said so":                      func(h *live.Holder) { h.Ended = true },
		"its number is nobody's":          func(h *live.Holder) { h.PID, h.Started = 1<<30, "1" },
		"its number is another's now":     func(h *live.Holder) { h.PID, h.Started = os.Getppid(), "1" },
		"its number is this one's now":    func(h *live.Holder) {},
		"its number is nobody's, undated": func(h *live.Holder) { h.PID, h.Started = 1<<30, "" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(t, 5)
			w.halted(t, func(h *live.Holder) {
				h.Ended, h.Process = false, "died"
				left(h)
			})
			follows := func(f agent.Follow) { t.Errorf("it waits for %+v", f) }
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			if rep, err := w.copyIn(ctx, t, agent.CopyOptions{Follows: follows}); err != nil || rep.Result != report.Verified {
				t.Errorf("%s, %v, want it gone on with and verified", rep.Result, err)
			}
		})
	}
}

// TestAProcessElsewhereIsWaitedForUntilItsSignIsOld has a holder on another machine
// that gives no sign any more.
func TestAProcessElsewhereIsWaitedForUntilItsSignIsOld(t *testing.T) {
	var late atomic.Int64 // of the target's clock, and the ledger's
	w := newWorldAt(t, func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	w.fill(t, 5)
	w.halted(t, func(h *live.Holder) {
		h.Ended, h.Process, h.Host, h.Machine = false, "elsewhere", "far", "far away"
	})
	// One that looks while the sign is young waits.
	ctx, stop := context.WithCancel(t.Context())
	waited := false
	if _, err := w.copyIn(ctx, t, agent.CopyOptions{Follows: func(f agent.Follow) { waited = f.By.Host == "far"; stop() }}); err == nil || !waited {
		t.Errorf("%v, waited for the process elsewhere: %v, want that", err, waited)
	}
	late.Store(int64(live.For + time.Second))
	follows := func(f agent.Follow) { t.Errorf("it waits for %+v, which has given no sign for %v", f.By, f.Age) }
	if rep, err := w.copyIn(t.Context(), t, agent.CopyOptions{Follows: follows}); err != nil || rep.Result != report.Verified {
		t.Errorf("%s, %v, want it gone on with and verified", rep.Result, err)
	}
}

// halted begins a run that its process halts, and then writes what that left of itself
// as change has it.
func (w *world) halted(t *testing.T, change func(h *live.Holder)) {
	t.Helper()
	halt := func(p worker.Doer) worker.Doer { return halting{p} }
	if _, err := w.copy(t, agent.CopyOptions{Around: halt}); !errors.Is(err, agent.ErrHalted) {
		t.Fatal(err)
	}
	run := w.onlyRun(t)
	found, err := live.ReadHolders(t.Context(), run.Folder())
	if err != nil || !found.Holder.Ended {
		t.Fatalf("%+v, %v, want a holder that has ended", found, err)
	}
	h := found.Holder
	change(&h)
	if err := live.WriteHolder(t.Context(), run.Folder(), h); err != nil {
		t.Fatal(err)
	}
}

// onlyRun is the one run that the world's ledger has.
func (w *world) onlyRun(t *testing.T) *ledger.Run {
	t.Helper()
	l := w.led(t)
	ran, err := index.Ran(t.Context(), l)
	if err != nil || len(ran) != 1 {
		t.Fatal(ran, err)
	}
	run, err := index.Newest(t.Context(), l, ran[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return l.Run(run)
}

// TestAProcessThatEndsTakesItsSignsOfLifeBack ends a process under limits, in which
// processes know of each other by these signs.
func TestAProcessThatEndsTakesItsSignsOfLifeBack(t *testing.T) {
	for name, end := range map[string]func(stop func()) func(worker.Doer) worker.Doer{
		"told to": func(stop func()) func(worker.Doer) worker.Doer {
			return func(d worker.Doer) worker.Doer { return stopping{d, stop} }
		},
		"by trouble": func(func()) func(worker.Doer) worker.Doer {
			return func(d worker.Doer) worker.Doer { return halting{d} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(t, 20)
			one := func(j *job.Job) { j.Limits.Instances = 1 }
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			if _, err := w.copyIn(ctx, t, agent.CopyOptions{Around: end(stop)}, one); err == nil {
				t.Fatal("it went on")
			}
			run := w.onlyRun(t)
			signed := 0
			for _, key := range w.oss.Keys("ledger-bucket") {
				if strings.Contains(key, "/live/copy/") || strings.Contains(key, "/live/other/") {
					signed++
				}
			}
			living, err := live.ReadSigns(t.Context(), run.Folder(), time.Time{})
			if err != nil || len(living) > 0 || signed == 0 {
				t.Errorf("%+v are at work (%v), of %d that gave signs, want none of some", living, err, signed)
			}
			begun := time.Now()
			rep, err := w.copy(t, agent.CopyOptions{}, one)
			if err != nil || rep.Result != report.Verified || time.Since(begun) > 10*time.Second {
				t.Errorf("%s in %v, %v, want the next one to copy at once", rep.Result, time.Since(begun), err)
			}
		})
	}
}

// stopping stops the process when the first copy comes.
type stopping struct {
	worker.Doer
	stop func()
}

func (s stopping) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	next, err := s.Doer.Do(ctx, t)
	if t.Kind == task.Copy || t.Kind == task.List {
		s.stop()
	}
	return next, err
}
