package app_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/watch"
	"kodoferry/shared/queue"
	"kodoferry/shared/queue/mem"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// apart puts the target into a service of its own, which may not answer while
// the ledger's does, and returns the desk of each side.
func (w *world) apart(t *testing.T, now func() time.Time) map[string]*chaos.Desk {
	t.Helper()
	o, err := oss.Start(oss.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 2, Now: now, AnyDate: now != nil})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	if err := o.CreateBucket("photos-new"); err != nil {
		t.Fatal(err)
	}
	w.dst = "oss://photos-new/?region=cn-hangzhou&insecure=true&endpoint=" + o.Endpoint()
	return map[string]*chaos.Desk{"source": w.kodo.Desk(), "target": o.Desk()}
}

// refusesAll is what a service that whoever asks is refused by answers, to every request.
var refusesAll = chaos.Rule{Op: "*", Kind: chaos.Status, Status: 403, Rate: 1}

// mostTries is how many tries any row of a run that is over has spent.
func mostTries(t *testing.T, run *ledger.Run) (most int) {
	t.Helper()
	walk, err := progress.Walk(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range walk.Shards {
		for _, b := range s.Closed.Batches {
			rows, _, err := run.Batches().Settled(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				most = max(most, r.Tries)
			}
		}
	}
	return most
}

// TestFunctionsWaitForASideThatDoesNotAnswer has one side of a deployment's run
// refuse everything from the first task of a kind on.
func TestFunctionsWaitForASideThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		side   string
		from   task.Kind
		lasts  time.Duration
		limit  time.Duration
		failed bool
	}{
		{"source", task.List, 20 * time.Minute, 24 * time.Hour, false},
		{"source", task.Copy, 10 * time.Hour, 24 * time.Hour, false},
		{"target", task.Copy, 20 * time.Minute, 24 * time.Hour, false},
		{"target", task.Verify, 20 * time.Minute, 24 * time.Hour, false},
		{"source", task.Copy, 23 * time.Hour, 2 * time.Hour, true},
	} {
		t.Run(fmt.Sprint(tc.side, ", ", tc.from, ", ", tc.lasts, " of ", tc.limit), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			side := o.apart(t, o.clock)[tc.side]
			d, err := app.Load(func(k string) string { return o.env[k] }).Deploy(slog.New(slog.DiscardHandler), func(c *pipeline.Config) { c.Now, c.Quick = o.clock, 10*time.Microsecond })
			if err != nil {
				t.Fatal(err)
			}
			o.deploy = d
			for n := range 8 {
				o.object(t, fmt.Sprintf("k/%d", n), 100+n)
			}
			o.object(t, "big", 9<<20)
			run := o.start(t, o.job(t, func(j *job.Job) {
				j.Limits.BatchObjects, j.Limits.PartsAbove, j.Limits.PartSize = 3, 4<<20, 4<<20
				j.Limits.Outage = job.Span(tc.limit)
			}))
			began, tries := time.Time{}, 0
			o.before = func(at task.Task) {
				tries = max(tries, at.Attempt)
				switch {
				case at.Kind == tc.from && began.IsZero():
					began = o.clock()
					side.Inject(refusesAll)
				case !began.IsZero() && o.clock().Sub(began) > tc.lasts:
					side.Inject()
				}
			}
			noted := time.Duration(0) // how long status told of it
			o.swept = func() {
				down, err := outage.Of(t.Context(), o.deploy.Ledger().Run(run), time.Time{}, o.clock())
				if err != nil {
					t.Fatal(err)
				}
				if down.Side == tc.side && !down.Since.Before(began.Truncate(time.Second)) && strings.Contains(down.Why, "403") {
					noted = o.clock().Sub(down.Since)
				}
			}
			rep := o.end(t, run)
			if noted == 0 {
				t.Error("nobody who asks for the run's state learns of the outage")
			}
			if tc.failed {
				if took := o.clock().Sub(began); took < tc.limit || took > 22*time.Hour {
					t.Errorf("it ended after %v, want it some times the limit of %v later", took, tc.limit)
				}
				if rep.Result != report.Incomplete || !rep.Balanced && len(rep.Unknown) == 0 {
					t.Errorf("%+v, balanced %v, want it incomplete", rep.Summary, rep.Balanced)
				}
				if said := fmt.Sprint(rep.Failures, rep.Unknown); !strings.Contains(said, "the "+tc.side+" has not answered since") || !strings.Contains(said, "limits.outage (2h") {
					t.Errorf("it says %s, want which side has not answered, since when and how long it was waited for", said)
				}
				return
			}
			if rep.Result != report.Verified || rep.Objects.Copied != 9 {
				t.Errorf("%+v, %v, %v, want all 9 verified", rep.Summary, rep.Failures, rep.Unknown)
			}
			if took := o.clock().Sub(began); took < tc.lasts || took > tc.lasts+time.Hour {
				t.Errorf("it ended after %v, want soon after the %v of the outage", took, tc.lasts)
			}
			if most := mostTries(t, o.deploy.Ledger().Run(run)); tries > 0 || most > 0 {
				t.Errorf("tasks spent %d tries and objects %d, want none", tries, most)
			}
		})
	}
}

// TestACopyWaitsForASideThatDoesNotAnswer has a side refuse everything for 20 minutes of
// a run of one process, on a clock that runs two thousand times as fast.
func TestACopyWaitsForASideThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"source", "target"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := mem.NewManual(time.Now())
			w := newWorld(t)
			side := w.apart(t, nil)[name]
			w.fill(t, 12)
			ended := make(chan struct{})
			defer close(ended)
			go func() {
				for tick := time.NewTicker(time.Millisecond); ; {
					select {
					case <-tick.C:
						clock.Advance(2 * time.Second)
					case <-ended:
						return
					}
				}
			}()
			var down atomic.Int64 // when it began, in Unix seconds
			var said, up atomic.Int32
			watch := func(e watch.Progress) {
				now := clock.Now().Unix()
				switch e.Kind {
				case watch.Listed:
					if down.CompareAndSwap(0, now) {
						side.Inject(refusesAll)
					}
				case watch.Down:
					if strings.Contains(e.Err.Error(), "the "+name+" does not answer since") {
						said.Add(1)
					}
					if now-down.Load() > 20*60 {
						side.Inject()
					}
				case watch.Up:
					up.Add(1)
				}
			}
			var run string
			rep, err := w.copy(t, agent.CopyOptions{
				Watch: watch, Now: clock.Now, Hidden: 10 * time.Hour, Begun: func(name string, _ *progress.Run) { run = name },
				Queues: func(task.Stage) queue.Queue { return mem.New(mem.Options{Visibility: 10 * time.Hour, Clock: clock}) },
			}, func(j *job.Job) { j.Limits.BatchObjects = 4 })
			if err != nil || rep.Result != report.Verified || rep.Objects.Copied != 12 {
				t.Fatalf("%+v, %v, %v, want all 12 verified", rep.Summary, rep.Failures, err)
			}
			if took := clock.Now().Unix() - down.Load(); took < 20*60 || took > 60*60 {
				t.Errorf("it ended after %d s, want the 20 minutes of the outage and little more", took)
			}
			led, err := w.config.Ledger(mustLocation(t, w.ledgerAt()))
			if err != nil {
				t.Fatal(err)
			}
			// The side may answer again right after it refused an object: that is the object's.
			if most := mostTries(t, led.Run(run)); most > 1 || said.Load() == 0 || up.Load() == 0 {
				t.Errorf("objects spent %d tries, want none but at the end; told %d times that it does not answer, and %d times that it does again", most, said.Load(), up.Load())
			}
		})
	}
}
