package runs

import (
	"context"
	"fmt"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// TestRowsAreForgottenWithTheirRun does a task of more runs than a process keeps.
func TestRowsAreForgottenWithTheirRun(t *testing.T) {
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	p := New(Config{
		Ledger: ledger.Open(mem.New(mem.OSS), "l/"),
		Open: func(context.Context, job.Job) (Source, Target, error) {
			return mem.New(mem.Kodo), mem.New(mem.OSS), nil
		},
	})
	begin := func(n int) *Run {
		name := fmt.Sprintf("j/%d", n)
		if _, err := p.Config.Ledger.Run(name).CreateStarted(t.Context(), ledger.Started{Job: raw}); err != nil {
			t.Fatal(err)
		}
		r, err := p.Run(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := begin(0)
	b := batching.New(t.Context(), ledger.RootShard, r.Batching())
	defer b.Stop()
	b.Add(ledger.Row{Src: store.Object{Key: "a"}, State: ledger.Pending})
	found, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	offline, cancel := context.WithCancel(t.Context()) // nothing is read
	cancel()
	for n := range keptRuns {
		begin(n + 1)
	}
	rows, _, release := p.rows.Read(offline, r.Ledger, found.All[0].ID)
	defer release()
	if all, err := rows(); err == nil {
		t.Errorf("%d rows are kept of a run that is forgotten", len(all))
	}
}
