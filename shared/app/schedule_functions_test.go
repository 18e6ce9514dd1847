package app_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/report"
)

// timed invokes the list function as its timer does, and waits for the report
// of the run that it begins.
func (p *platform) timed(t *testing.T, payload string, at time.Time) report.Report {
	t.Helper()
	event := fmt.Appendf(nil, `{"triggerTime":%q,"triggerName":"nightly","payload":%q}`, at.UTC().Format(time.RFC3339), payload)
	for range 2 { // platforms deliver a tick twice
		if _, err := p.cloud.Invoke(t.Context(), "ferry-list", event); err != nil {
			t.Fatal(err)
		}
	}
	run := p.deploy.Ledger().Run(payload + "/" + at.UTC().Format(ledger.RunTime))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		rep, err := report.Read(t.Context(), run)
		if err == nil {
			return rep
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%v\n%s", err, tail(p.logs.String()))
		}
	}
}

func TestFiftyChangesMoveByTheScheduledSync(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, fc.FC, 10*time.Second) // tasks that are done side by side because one was taken for lost would remove an object twice
	j := p.kept(t)
	p.fill(t, 200)
	if rep, err := p.copy(t, agent.CopyOptions{}, func(to *job.Job) { *to = j }); err != nil || rep.Result != report.Verified {
		t.Fatalf("%+v, %v, want the first run verified", rep.Summary, err)
	}
	puts, deletes := p.moved()
	p.change(t, "nightly")
	rep := p.timed(t, j.Name, time.Now().Add(time.Minute).Truncate(time.Second))
	nowPuts, nowDeletes := p.moved()
	if nowPuts-puts != 40 || nowDeletes-deletes != 10 {
		t.Errorf("%d puts and %d deletions, want exactly 40 and 10\n%s", nowPuts-puts, nowDeletes-deletes, tail(p.logs.String()))
	}
	if o := rep.Objects; rep.Result != report.Verified || !rep.Balanced || o.Copied != 40 || o.Deleted != 10 || o.Unchanged != 165 {
		t.Errorf("%+v, want verified: 40 copied, 10 deleted, 165 unchanged", rep.Summary)
	}
	p.equal(t, nil)
	if runs, err := index.Runs(t.Context(), p.deploy.Ledger(), j.Name); err != nil || len(runs) != 2 {
		t.Errorf("runs %v, %v, want the first one and the timer's: a tick that comes twice begins one", runs, err)
	}
}
