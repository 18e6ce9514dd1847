package pipeline

import (
	"context"
	"errors"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
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
	if len(keys) > 0 && j.Delete { // every key that is not named would look deleted
		return nil, fault.New(fault.Invalid, "pipeline.Start", name, errors.New("a list of keys does not tell what the source no longer has: leave it out, or delete"))
	}
	if err := p.config.Ledger.Check(ctx); err != nil {
		return nil, err
	}
	if j.Limits.PartsAbove == 0 {
		j.Limits.PartsAbove = verdict.PartsAbove
		if p.config.Shared {
			j.Limits.PartsAbove = verdict.PartsAboveInFunctions
		}
	}
	frozen, err := job.Encode(j)
	if err != nil {
		return nil, err
	}
	src, dst, err := p.config.Open(ctx, j)
	if err != nil {
		return nil, err
	}
	defer p.letGo(src, dst)
	root := ledger.ShardRef{Shard: ledger.RootShard, Range: store.Range{Prefix: j.Source.Prefix}}
	s := ledger.Started{Job: frozen, At: p.config.Now().UTC(), Root: root, Deployed: p.config.Shared}
	if s.Versioned, err = dst.Versioned(ctx); err != nil {
		return nil, err
	}
	kept, err := p.config.Ledger.Keeps(ctx, j.Name)
	if err != nil {
		return nil, err
	}
	s.Kept = &kept
	if len(keys) > 0 {
		if s.Keys, err = p.config.Ledger.Run(name).WriteKeys(ctx, keys); err != nil {
			return nil, err
		}
	} else if s.Chain, err = listing.Chained(ctx, src, root.Range); err != nil {
		return nil, err
	}
	if s, err = p.config.Ledger.Run(name).Start(ctx, s); err != nil {
		return nil, err
	}
	first := []task.Task{
		{Kind: task.List, Run: name, Shard: s.Root.Shard, Range: s.Root.Range},
		{Kind: task.Report, Run: name},
	}
	if j, err = job.Decode(s.Job); err != nil { // another delivery may have begun it, with another job
		return nil, err
	}
	if j.Delete {
		first = append(first, task.Task{Kind: task.Decide, Run: name})
	}
	return first, nil
}
