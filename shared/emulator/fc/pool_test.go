//go:build unix

package fc_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/fc/testdata/behave"
	"kodoferry/shared/fault"
)

// together asks n times at once and returns the reports and the errors.
func together(c *fc.Cloud, n int, do behave.Command) (reports []behave.Report, errs []error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			r, err := tryAsk(c, do)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			reports = append(reports, r)
		})
	}
	wg.Wait()
	return reports, errs
}

func pids(reports []behave.Report) []int {
	var all []int
	for _, r := range reports {
		all = append(all, r.PID)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestInvocationsAtOnceGetInstancesOfTheirOwn(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c := one(t, fc.Function{Platform: p})
		reports, errs := together(c, 3, behave.Command{Sleep: 300 * time.Millisecond})
		if len(errs) > 0 || len(pids(reports)) != 3 {
			t.Errorf("3 invocations ran in processes %v with errors %v, want 3 processes", pids(reports), errs)
		}
		for _, r := range reports {
			if r.Peak != 1 {
				t.Errorf("an instance saw %d invocations at once, want 1", r.Peak)
			}
		}
		if s := c.Stats()["f"]; s.MaxInstances != 3 || s.MaxAtOnce != 3 || s.ColdStarts != 3 {
			t.Errorf("Stats = %+v, want 3 instances at once", s)
		}
	})
}

func TestAnInstanceTakesInvocationsUpToItsConcurrency(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Concurrency: 3})
	ask(t, c, behave.Command{}) // so that one is warm
	reports, errs := together(c, 6, behave.Command{Sleep: 300 * time.Millisecond})
	if len(errs) > 0 || len(pids(reports)) != 2 {
		t.Errorf("6 invocations ran in processes %v with errors %v, want 2 processes", pids(reports), errs)
	}
	var peak int64
	for _, r := range reports {
		peak = max(peak, r.Peak)
	}
	if peak != 3 {
		t.Errorf("an instance saw %d invocations at once, want 3", peak)
	}
}

func TestMoreThanAllInstancesTakeIsThrottled(t *testing.T) {
	for name, tc := range map[string]struct {
		cloud fc.Config
		f     fc.Function
	}{
		"by the function's limit":                 {fc.Config{}, fc.Function{MaxInstances: 2}},
		"by the function's limit, on Lambda":      {fc.Config{}, fc.Function{MaxInstances: 2, Platform: fc.Lambda}},
		"by the limit of all functions":           {fc.Config{MaxInstances: 2}, fc.Function{}},
		"by the limit, two invocations at a time": {fc.Config{}, fc.Function{MaxInstances: 1, Concurrency: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cloud(t, tc.cloud)
			deploy(t, c, tc.f)
			reports, errs := together(c, 4, behave.Command{Sleep: 500 * time.Millisecond})
			if len(reports) != 2 || len(errs) != 2 {
				t.Fatalf("%d invocations of 4 succeeded, the others failed with %v, want 2 and 2", len(reports), errs)
			}
			for _, err := range errs {
				if fault.KindOf(err) != fault.Throttled {
					t.Errorf("the error is %v, want Throttled", err)
				}
			}
			if s := c.Stats()["f"]; s.Throttled != 2 || s.MaxAtOnce != 2 {
				t.Errorf("Stats = %+v, want 2 throttled and 2 at once", s)
			}
		})
	}
}

func TestAnIdleInstanceMakesWayForAnotherFunction(t *testing.T) {
	t.Parallel()
	c := cloud(t, fc.Config{MaxInstances: 1})
	deploy(t, c, fc.Function{})
	deploy(t, c, fc.Function{Name: "g"})
	pid := ask(t, c, behave.Command{}).PID
	if got, err := c.Invoke(t.Context(), "g", command(behave.Command{Echo: "g"})); err != nil || string(got) != `"g"` {
		t.Fatalf("Invoke = %q, %v, want %q", got, err, `"g"`)
	}
	eventually(t, "the first function's process is gone", func() bool { return !alive(pid) })
	if s := c.Stats(); s["f"].Instances != 0 || s["g"].Instances != 1 || s["f"].Failures != 0 {
		t.Errorf("Stats = %+v, want g's instance alone", s)
	}
}

func TestAnInstanceStandsStillBetweenInvocations(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		for name, running := range map[string]bool{"frozen": false, "kept running": true} {
			t.Run(name, func(t *testing.T) {
				c := one(t, fc.Function{Platform: p, KeepRunning: running})
				before := ask(t, c, behave.Command{Sleep: 50 * time.Millisecond})
				if before.Ticks == 0 {
					t.Error("the clock did not tick during an invocation, want it to")
				}
				time.Sleep(400 * time.Millisecond)
				after := ask(t, c, behave.Command{})
				if grown := after.Ticks - before.Ticks; (grown > 60) != running {
					t.Errorf("a goroutine ticked %d times in 400 ms between invocations, at 2 ms a tick; want it to: %v", grown, running)
				}
			})
		}
	})
}

func TestAnInstanceWithoutWorkIsLetGo(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c := one(t, fc.Function{Platform: p, Idle: 30 * time.Millisecond})
		first := ask(t, c, behave.Command{Sleep: 60 * time.Millisecond})
		eventually(t, "no instance and no process is left", func() bool { return c.Stats()["f"].Instances == 0 && !alive(first.PID) })
		if again := ask(t, c, behave.Command{}); again.PID == first.PID {
			t.Errorf("the invocation after it ran in process %d, want another", again.PID)
		}
		if s := c.Stats()["f"]; s.ColdStarts != 2 || s.Failures != 0 {
			t.Errorf("Stats = %+v, want two cold starts and no failure", s)
		}
	})
}

func TestKillTakesABusyInstance(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c := one(t, fc.Function{Platform: p})
		if c.Kill("f") || c.Kill("nobody") {
			t.Error("Kill without an instance = true, want false")
		}
		pid := ask(t, c, behave.Command{}).PID
		if c.Kill("f") {
			t.Error("Kill with an idle instance = true, want false")
		}
		failed := make(chan error)
		go func() {
			_, err := tryAsk(c, behave.Command{Sleep: time.Minute})
			failed <- err
		}()
		eventually(t, "an instance is busy and killed", func() bool { return c.Kill("f") })
		if f := failureOf(t, <-failed); !f.Gone || f.Late {
			t.Errorf("its invocation failed with %+v, want the instance gone", f)
		}
		eventually(t, "the process is gone", func() bool { return !alive(pid) })
		if ask(t, c, behave.Command{}).PID == pid {
			t.Error("the next invocation ran in the killed process")
		}
		if s := c.Stats()["f"]; s.Kills != 1 || s.Timeouts != 0 {
			t.Errorf("Stats = %+v, want one kill", s)
		}
	})
}

func TestCloseLeavesNoProcess(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		dir := t.TempDir()
		c := cloud(t, fc.Config{Dir: dir})
		deploy(t, c, fc.Function{Platform: p})
		idle := ask(t, c, behave.Command{Child: true}) // frozen, with a child that holds the log open
		if idle.Child == 0 || !alive(idle.PID) || !alive(idle.Child) {
			t.Fatalf("the report is %+v, want a process and its child, both alive", idle)
		}
		failed := make(chan error)
		go func() {
			_, err := tryAsk(c, behave.Command{Stub: time.Minute})
			failed <- err
		}()
		eventually(t, "it is at work", func() bool { return c.Stats()["f"].MaxAtOnce == 1 && c.Stats()["f"].Invocations == 2 })
		c.Close()
		if f := failureOf(t, <-failed); !f.Gone {
			t.Errorf("the running invocation failed with %+v, want the instance gone", f)
		}
		eventually(t, "process and child are gone", func() bool { return !alive(idle.PID) && !alive(idle.Child) })
		c.Close()
	})
}

func TestAnInstanceThatIsOldGetsNothingMore(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		const lifetime = 300 * time.Millisecond
		c := one(t, fc.Function{Platform: p, Lifetime: lifetime})
		resting := ask(t, c, behave.Command{Report: true})
		eventually(t, "the instance that rests is gone when it is old", func() bool { return !alive(resting.PID) })
		busy := ask(t, c, behave.Command{Report: true, Sleep: 2 * lifetime})
		if next := ask(t, c, behave.Command{Report: true}); busy.PID == resting.PID || next.PID == busy.PID {
			t.Errorf("processes %d, %d and %d, want three: each was old when the next was asked for", resting.PID, busy.PID, next.PID)
		}
		eventually(t, "the instance that was at work goes behind its answer", func() bool { return !alive(busy.PID) })
	})
}
