package pipeline

import (
	"context"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/follow"
	"kodoferry/shared/pipeline/opening"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/task"
)

// RunName names the run of a job that begins at that time.
func RunName(j job.Job, at time.Time) string {
	return j.Name + "/" + at.UTC().Format(ledger.RunTime)
}

// Start begins a run of j, or finds it begun, and returns its first tasks. With
// keys, sorted and each once, these are looked up and nothing is listed. It
// refuses with Invalid a ledger whose bucket is versioned, and keys where
// deletions are mirrored.
func (p *Pipeline) Start(ctx context.Context, j job.Job, name string, keys ...string) ([]task.Task, error) {
	return p.Begin(ctx, p.prepare(ctx, j, keys, false), name, func(context.Context) error { return nil })
}

// Prepare begins to ask what is to be known where a run of j begins, and to list both sides,
// for a run whose tasks this process does at once.
func (p *Pipeline) Prepare(ctx context.Context, j job.Job, keys ...string) *opening.Preparation {
	return p.prepare(ctx, j, keys, !p.process.Config.Shared && j.Limits.Requests == 0)
}

func (p *Pipeline) prepare(ctx context.Context, j job.Job, keys []string, ahead bool) *opening.Preparation {
	c := p.process.Opening(ahead)
	c.End = func(ctx context.Context, run string) error { _, err := p.End(ctx, run); return err }
	return opening.Ask(ctx, c, j, keys)
}

// Begin begins the run that b prepared, as Start does. beside is called once the run's
// first record stands, while whatever may forbid the run is looked at once more.
func (p *Pipeline) Begin(ctx context.Context, b *opening.Preparation, name string, beside func(context.Context) error) ([]task.Task, error) {
	s, err := b.Begin(ctx, name, beside)
	if err != nil {
		return nil, err
	}
	j, err := job.Decode(s.Job) // another delivery may have begun it, with another job
	if err != nil {
		return nil, err
	}
	return follow.First(name, s.Root, j.Delete), nil
}

// StartVerification begins a verification of a run that is over, of that name, as
// reproof.Begin does, and returns its first tasks: one for each shard that the run verified.
func (p *Pipeline) StartVerification(ctx context.Context, name string, v ledger.Verification) ([]task.Task, error) {
	if err := reproof.Begin(ctx, p.process.Config.Ledger, name, v, p.process.Config.Now(), p.process.Config.Shared); err != nil {
		return nil, err
	}
	return p.Resume(ctx, name)
}

// FollowEvent returns the task of an event of key notified of now, as follow.Event does.
func (p *Pipeline) FollowEvent(ctx context.Context, j job.Job, key string) (task.Task, error) {
	return follow.Event(ctx, &p.process.Days, j, key)
}
