package app_test

import (
	"strings"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/report"
)

func TestATimeThatIsStillToComeBeginsNoRun(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 3)
	keep(t, o.deploy.Ledger(), o.job(t, call("photos")))
	for what, ahead := range map[string]time.Duration{"ten years": 10 * 365 * 24 * time.Hour, "an hour": time.Hour, "16 minutes": 16 * time.Minute} {
		at := o.clock().Add(ahead)
		_, err := o.deploy.Tick(t.Context(), "photos", at, o.clock())
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), at.UTC().Format(time.RFC3339)) || !strings.Contains(err.Error(), o.clock().UTC().Format(time.RFC3339)) {
			t.Errorf("a timer %s ahead: %v, want invalid, and both times", what, err)
		}
	}
	for _, key := range o.oss.Keys("ledger-bucket") {
		if strings.Contains(key, "/runs/") || strings.Contains(key, "/skipped/") {
			t.Errorf("a refused tick left %s", key)
		}
	}
	run, err := o.deploy.Tick(t.Context(), "photos", o.clock().Add(10*time.Minute), o.clock()) // clocks differ
	if err != nil || o.end(t, run).Result != report.Verified {
		t.Errorf("a timer 10 minutes ahead begins %q, %v, want its run verified", run, err)
	}
}

// TestARunOfTheFutureHindersWhileItIsOpen: an older version, or a clock that was
// wrong, began it.
func TestARunOfTheFutureHindersWhileItIsOpen(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 3)
	photos := o.job(t, call("photos"))
	keep(t, o.deploy.Ledger(), photos)
	later := o.clock().Add(10 * 365 * 24 * time.Hour)
	future, err := o.deploy.Start(t.Context(), photos, nil, later)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.deploy.Start(t.Context(), photos, nil, o.clock()); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), future+" is not over") {
		t.Errorf("a start beside it: %v, want it refused, and the run named", err)
	}
	if run, err := o.deploy.Tick(t.Context(), "photos", o.clock(), o.clock()); run != "" || err != nil {
		t.Errorf("a timer beside it begins %q, %v, want it skipped", run, err)
	}
	o.end(t, future)
	o.advance(time.Minute)
	run, err := o.deploy.Tick(t.Context(), "photos", o.clock(), o.clock())
	if want := "photos/" + o.clock().UTC().Format(ledger.RunTime); err != nil || run != want {
		t.Errorf("a timer after it begins %q, %v, want %q", run, err, want)
	}
	if _, err := o.deploy.Tick(t.Context(), "photos", o.clock().Add(time.Minute), o.clock()); err != nil {
		t.Error(err)
	}
	if skips, err := kept.ReadSkips(t.Context(), o.deploy.Ledger().Folder(), "photos", o.clock()); err != nil || len(skips) != 1 || skips[0].Run != run {
		t.Errorf("skipped are %+v, %v, want the tick beside %s", skips, err, run)
	}
	o.end(t, run)
	o.advance(time.Minute)
	if run, err = o.deploy.Start(t.Context(), photos, nil, o.clock()); err != nil || run != "photos/"+o.clock().UTC().Format(ledger.RunTime) {
		t.Errorf("a start after it begins %q, %v, want a run of now", run, err)
	}
	if newest, err := index.Newest(t.Context(), o.deploy.Ledger(), "photos", o.clock()); newest != run || err != nil {
		t.Errorf("the newest run is %q, %v, want %q", newest, err, run)
	}
}

// TestCopiesOfOneJobAtOneMomentAreOneRun runs ferry copy twice, by clocks that are
// a few seconds apart: by one clock both would name their run alike.
func TestCopiesOfOneJobAtOneMomentAreOneRun(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 50)
	w.kodo.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: 100 * time.Millisecond})
	do := func(ahead time.Duration) func() error {
		return func() error {
			_, err := w.copy(t, agent.CopyOptions{Now: func() time.Time { return time.Now().Add(ahead) }}, func(j *job.Job) { j.Limits.Parallel = 8 })
			return err
		}
	}
	for _, err := range atOnce(do(0), do(3*time.Second)) {
		if err != nil {
			t.Error(err)
		}
	}
	ran := 0
	for _, key := range w.oss.Keys("ledger-bucket") {
		if strings.HasSuffix(key, "/job.json") {
			ran++
		}
	}
	if ran != 1 {
		t.Errorf("%d runs, want one", ran)
	}
}
