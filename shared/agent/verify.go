package agent

import (
	"cmp"
	"context"
	"log/slog"

	"kodoferry/shared/alert/alerting"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// Verify verifies a run of j that is over in this process, as v asks, or goes on with a
// verification that was asked for in the same words and is not over. begun is called with
// its name. Of o it takes Log, Watch and Now. It returns the report. If ctx ends first, or
// the whole is in trouble, the error says so and the same call goes on.
func Verify(ctx context.Context, s Sites, j job.Job, run *ledger.Run, v ledger.Verification, begun func(name string, goesOn bool), o CopyOptions) (reproof.Report, error) {
	o.Log, o.Queues = cmp.Or(o.Log, slog.New(slog.DiscardHandler)), nil
	o.complete()
	defer TuneGC(o.Capacity.Heap())()
	most, _ := o.Capacity.InFlight()
	name, open, err := control.NextVerification(ctx, run, &v, false, o.Now())
	if err != nil {
		return reproof.Report{}, err
	}
	p := pipeline.New(pipeline.Config{
		Ledger: s.Ledger, Log: o.Log, Watch: o.Watch, Now: o.Now, Pause: firstWait, MaxWait: maxWait, Most: most,
		Open: func(context.Context, job.Job) (store.Source, pipeline.Target, error) {
			return s.Source, s.Target, nil
		},
	})
	defer p.Leave(ctx)
	var first []task.Task
	if open {
		first, err = p.Resume(ctx, name)
	} else {
		first, err = p.StartVerification(ctx, name, v)
	}
	if err != nil {
		return reproof.Report{}, err
	}
	begun(name, open)
	b := alerting.New(p, s.Ledger, s.Getenv, o.Log, o.Now)
	if err := serve(ctx, p, b, name, first, j, o, new(func(context.Context, ...task.Task) error)); err != nil {
		return reproof.Report{}, err
	}
	return reproof.ReadReport(ctx, s.Ledger.Run(name))
}
