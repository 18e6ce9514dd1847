package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/limit"
	"kodoferry/shared/report"
)

// keep keeps a job in the ledger, as ferry jobs apply does.
func keep(t *testing.T, l *ledger.Ledger, j job.Job, keys ...string) {
	t.Helper()
	raw, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.WriteJob(t.Context(), l.Folder(), kept.Job{Name: j.Name, Job: raw, At: time.Now()}, keys); err != nil {
		t.Fatal(err)
	}
}

func call(name string) func(*job.Job) { return func(j *job.Job) { j.Name = name } }

func TestATimerBeginsTheRunOfAKeptJob(t *testing.T) {
	t.Parallel() // most of it is waiting
	p := newPlatform(t, fc.FC, 0)
	p.fill(t, 20)
	j, err := job.New(p.src, p.dst, p.ledgerAt(), call("photos"))
	if err != nil {
		t.Fatal(err)
	}
	keep(t, p.deploy.Ledger(), j)
	for i, payload := range []string{`photos`, `{\"job\":\"photos\"}`, `photos`} {
		at := time.Date(2026, 1, 1, i, 30, 0, 0, time.UTC)
		tick := fmt.Sprintf(`{"triggerTime":"%s","triggerName":"nightly","payload":"%s"}`, at.Format("2006-01-02T15:04:05Z"), payload)
		for range 2 { // each is delivered twice
			if _, err := p.cloud.Invoke(t.Context(), "ferry-list", []byte(tick)); err != nil {
				t.Fatal(err)
			}
		}
		rep := p.report(t, p.deploy.Ledger().Run("photos/"+at.Format(ledger.RunTime)))
		if rep.Result != report.Verified || rep.Objects.Verified != 20 {
			t.Errorf("%+v, want the run that is named by the timer's time verified", rep.Summary)
		}
	}
	if runs, err := index.Runs(t.Context(), p.deploy.Ledger(), "photos"); err != nil || len(runs) != 3 {
		t.Errorf("the runs are %q, %v, want one for each tick", runs, err)
	}
}

func TestATickBesideARunThatIsNotOverIsSkippedOrNot(t *testing.T) {
	for overlap, runs := range map[string]int{job.SkipOverlap: 1, job.AllowOverlap: 3} {
		t.Run(overlap, func(t *testing.T) {
			o := newOffice(t)
			o.fill(t, 5)
			keep(t, o.deploy.Ledger(), o.job(t, call("photos"), func(j *job.Job) { j.Overlap = overlap }))
			at := o.clock().Truncate(time.Second)
			for i := range 3 {
				for range 2 {
					if _, err := o.deploy.Tick(t.Context(), "photos", at.Add(time.Duration(i)*time.Hour), o.clock()); err != nil {
						t.Fatal(err)
					}
				}
				o.advance(time.Hour)
			}
			began, err := index.Runs(t.Context(), o.deploy.Ledger(), "photos")
			if err != nil || len(began) != runs {
				t.Errorf("%q were begun, %v, want %d", began, err, runs)
			}
			skips, err := kept.ReadSkips(t.Context(), o.deploy.Ledger().Folder(), "photos", at.Add(-time.Hour))
			if err != nil || len(skips) != 3-runs {
				t.Errorf("skipped are %+v, %v, want the ticks that began none", skips, err)
			}
			for _, s := range skips {
				if s.Run != began[0] || !strings.Contains(s.Why, "is not over") {
					t.Errorf("%+v, want it to name the run that is not over", s)
				}
			}
			if rep := o.end(t, began[len(began)-1]); rep.Result != report.Verified {
				t.Errorf("%+v, want the newest run verified", rep.Summary)
			}
			if o.end(t, began[0]); overlap == job.SkipOverlap { // the next tick begins one again
				if run, err := o.deploy.Tick(t.Context(), "photos", o.clock(), o.clock()); err != nil || run == "" {
					t.Errorf("a tick after the run's end begins %q, %v", run, err)
				}
			}
		})
	}
}

func TestAKeptJobOfListedKeysIsBegunWithThem(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 10)
	keep(t, o.deploy.Ledger(), o.job(t, call("some"), func(j *job.Job) { j.KeyList = "keys.txt" }), "k/00003", "k/00007", "k/no-such")
	run, err := o.deploy.Tick(t.Context(), "some", o.clock(), o.clock())
	if err != nil {
		t.Fatal(err)
	}
	if rep := o.end(t, run); rep.Objects.Copied != 2 || rep.Objects.Gone != 1 || rep.Objects.Listed != 3 {
		t.Errorf("%+v, want the three keys and nothing else", rep.Objects)
	}
}

func TestTwoJobsThatWriteToOnePlaceAreRefused(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 3)
	other := func(prefix string) job.Job {
		j, err := job.New(o.src, strings.Replace(o.dst, "photos-new/", "photos-new/"+prefix, 1), o.ledgerAt(), call("other"))
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	refused := func(what string, err error) {
		t.Helper()
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "other and photos") || !strings.Contains(err.Error(), "another prefix") {
			t.Errorf("%s: %v, want invalid, with both names and the cure", what, err)
		}
	}
	photos := o.job(t, call("photos"))
	run := o.start(t, photos) // not kept: its run is under way
	_, err := o.deploy.Start(t.Context(), other("2019/"), nil, o.clock())
	refused("beside a run under way", err)
	o.end(t, run)
	if _, err := o.deploy.Start(t.Context(), other("2019/"), nil, o.clock()); err != nil {
		t.Errorf("once that run is over: %v, want nothing in the way", err)
	}
	keep(t, o.deploy.Ledger(), photos)
	keep(t, o.deploy.Ledger(), other(""))
	_, err = o.deploy.Tick(t.Context(), "other", o.clock(), o.clock())
	refused("a timer, beside a kept job", err)
}

// TestNothingIsWrittenForASealedJob seals it with a run under way: half of it is
// copied, an upload is open, and a second process has tasks in hand.
func TestNothingIsWrittenForASealedJob(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 200)
	o.object(t, "big", 9<<20)
	photos := o.job(t, call("photos"), func(j *job.Job) { j.Limits.BatchObjects, j.Limits.PartsAbove, j.Limits.PartSize = 10, 4<<20, 4<<20 })
	keep(t, o.deploy.Ledger(), photos)
	run := o.start(t, photos)
	o.deliverUntil(t, func() bool { return o.puts() >= 100 && o.oss.Uploads("photos-new") > 0 })
	since, ended, err := o.operator().Seal(t.Context(), "photos", limit.Notice)
	if err != nil || len(ended) != 1 || ended[0].Run != run || ended[0].Result != report.Cancelled {
		t.Fatalf("sealing: %+v, %v, want the run's report, cancelled", ended, err)
	}
	obj := ended[0].Objects
	if obj.Listed != 201 || obj.Copied+obj.Open != 201 || obj.Copied == 0 || obj.Open == 0 || !ended[0].Balanced {
		t.Errorf("%+v, want the books of 201, some copied and some open", obj)
	}
	if n := o.oss.Uploads("photos-new"); n > 0 {
		t.Errorf("%d uploads are open", n)
	}
	before, keys := o.writes(), len(o.oss.Keys("photos-new"))
	o.deploy = o.process(t) // one that never heard of it
	o.advance(time.Hour)
	for o.deliver(t) { // all that the queues still hold
		o.advance(time.Hour)
	}
	if now := o.writes(); now != before || len(o.oss.Keys("photos-new")) != keys {
		t.Errorf("%d writes reached the target, %d before the seal", now, before)
	}
	for what, begin := range map[string]func() error{
		"a start":      func() error { _, err := o.deploy.Start(t.Context(), photos, nil, o.clock()); return err },
		"a timer":      func() error { _, err := o.deploy.Tick(t.Context(), "photos", o.clock(), o.clock()); return err },
		"ferry copy":   func() error { _, err := o.copy(t, agent.CopyOptions{}, call("photos")); return err },
		"a resumption": func() error { _, err := o.deploy.Resume(t.Context(), run, o.clock()); return err },
	} {
		if err := begin(); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s of a sealed job: %v, want invalid", what, err)
		}
	}
	if again, ended, err := o.operator().Seal(t.Context(), "photos", limit.Notice); err != nil || !again.Equal(since) || len(ended) != 0 {
		t.Errorf("sealed again: since %s, %+v, %v, want it as it was", again, ended, err)
	}
}

// writes counts what was asked of the target that changes it, but for the
// deletion of an upload.
func (w *world) writes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.data["put"] + w.data["put-part"] + w.data["complete"] + w.data["begin"] + w.data["delete"]
}

func TestAPausedRunOfADeploymentIsResumed(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 200)
	run := o.start(t, o.job(t, func(j *job.Job) { j.Limits.BatchObjects = 10 }))
	o.deliverUntil(t, func() bool { return o.puts() >= 100 })
	kept := o.deploy.Ledger().Run(run)
	for range 2 { // idempotent
		if err := o.operator().Pause(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
	}
	o.deploy = o.process(t)
	o.advance(time.Hour)
	for o.deliver(t) {
		o.advance(time.Hour)
	}
	if n := o.puts(); n >= 200 {
		t.Errorf("%d objects were put, want fewer: the run is paused", n)
	}
	sent, err := o.deploy.Resume(t.Context(), run, o.clock())
	if err != nil || sent == 0 {
		t.Fatalf("%d tasks sent, %v", sent, err)
	}
	if again, err := o.deploy.Resume(t.Context(), run, o.clock()); err != nil || again != 0 {
		t.Errorf("resumed again, %d tasks were sent, %v, want none", again, err)
	}
	if rep := o.end(t, run); rep.Result != report.Verified || rep.Objects.Verified != 200 {
		t.Errorf("%+v, want 200 verified", rep.Summary)
	}
	if n := o.puts(); n != 200 {
		t.Errorf("%d PUTs, want one an object", n)
	}
	if err := o.operator().Pause(t.Context(), kept); fault.KindOf(err) != fault.Invalid {
		t.Errorf("pausing a run that is over: %v, want invalid", err)
	}
}
