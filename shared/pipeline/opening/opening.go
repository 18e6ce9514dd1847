// Package opening begins a run: it asks what is to be known before, meanwhile lists the
// beginnings of both sides, and creates the run's first record. It knows no tasks.
package opening

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Target is a bucket to write.
type Target interface {
	store.Writer
	// Versioned reports whether conditional PUTs are ignored.
	Versioned(ctx context.Context) (bool, error)
}

// Config is what runs are begun by.
type Config struct {
	Ledger *ledger.Ledger
	Open   func(ctx context.Context, j job.Job) (store.Source, Target, error)
	Closed func(store.Source, Target)
	// End closes the books of a run whose job was ended for good.
	End func(ctx context.Context, run string) error
	// PassedOver returns what is told of a file of an earlier run that cannot be believed.
	PassedOver func(ctx context.Context, run string) func(file string, err error)
	// Listed takes what is listed ahead of a run that goes on with it.
	Listed func(run string, a *Ahead)
	Now    func() time.Time
	Shared bool // other processes do tasks of them, too
	Ahead  bool // both sides are listed ahead, unless the job's keys are named
}

// Preparation is what is asked before a run of a job begins: whether records and
// conditional writes can be relied on, and whether the source lists from any key. What
// needs no answer of them may be done meanwhile.
type Preparation struct {
	config Config
	job    job.Job
	keys   []string
	src    store.Source
	dst    Target
	asked  chan struct{} // closed once the answers are there
	err    error

	started ledger.Started // what the answers come to
	ahead   *Ahead         // nil: nothing is listed
	looked  bool           // the next are set
	kept    bool           // the job is
	last    []ledger.Last  // what earlier runs have left
}

// Ahead are the beginnings of both listings of a run, and the cut of what is behind the first
// page of the source.
type Ahead struct {
	Source, Target *listing.Ahead
	Cutting        *listing.Cutting
}

// Ask begins to ask, for a run of j, of all keys or of those.
func Ask(ctx context.Context, c Config, j job.Job, keys []string) *Preparation {
	if j.Limits.PartsAbove == 0 {
		j.Limits.PartsAbove = verdict.PartsAbove
		if c.Shared {
			j.Limits.PartsAbove = verdict.PartsAboveInFunctions
		}
	}
	b := &Preparation{config: c, job: j, keys: keys, asked: make(chan struct{})}
	go func() {
		defer close(b.asked)
		b.err = b.ask(ctx)
	}()
	return b
}

func (b *Preparation) ask(ctx context.Context) error {
	if len(b.keys) > 0 && b.job.Delete { // every key that is not named would look deleted
		return fault.New(fault.Invalid, "pipeline.Start", b.job.Name, errors.New("a list of keys does not tell what the source no longer has: leave it out, or delete"))
	}
	frozen, err := job.Encode(b.job)
	if err != nil {
		return err
	}
	if b.src, b.dst, err = b.config.Open(ctx, b.job); err != nil {
		return err
	}
	root := ledger.ShardRef{Shard: ledger.RootShard, Range: store.Range{Prefix: b.job.Source.Prefix}}
	b.started = ledger.Started{Job: frozen, Root: root, Deployed: b.config.Shared, Kept: new(bool)}
	if b.config.Ahead && len(b.keys) == 0 {
		b.ahead = b.listAhead(ctx, root.Range)
	}
	return sideBySide(
		func() error { return b.config.Ledger.Check(ctx) },
		func() (err error) { b.started.Versioned, err = b.dst.Versioned(ctx); return err },
		func() (err error) {
			switch {
			case b.ahead != nil:
				if b.started.Chain, err = listing.ChainedBehind(ctx, b.src, root.Range, b.ahead.Source.First); b.started.Chain {
					b.ahead.Cutting.Stop() // it asks for what lies behind names that no key has
				}
			case len(b.keys) == 0:
				b.started.Chain, err = listing.Chained(ctx, b.src, root.Range)
			}
			return err
		},
	)
}

func (b *Preparation) listAhead(ctx context.Context, in store.Range) *Ahead {
	a := &Ahead{
		Source: listing.Begin(ctx, b.src, in),
		Target: listing.Begin(ctx, listing.Rename(b.dst, b.job.Source.Prefix, b.job.Target.Prefix), in),
	}
	_, full, fan := listing.First(b.job.Limits.ShardKeys, b.job.Limits.Fanout)
	a.Cutting = a.Source.Cut(ctx, b.src, full, fan)
	return a
}

// Look finds out what the ledger has that a run of that name goes by: whether the job is
// kept, and what earlier runs have left. Begin calls it where its caller has not.
func (b *Preparation) Look(ctx context.Context, name string) error {
	err := sideBySide(
		func() (err error) {
			kept, err := kept.HasJob(ctx, b.config.Ledger.Folder(), b.job.Name)
			b.kept = kept
			return err
		},
		func() (err error) {
			b.last, err = memory.Choose(ctx, b.config.Ledger, b.job, name, b.config.PassedOver(ctx, name))
			return err
		},
	)
	b.looked = err == nil
	return err
}

// Begin creates the first record of the run of that name, or finds it. Once it stands,
// beside is called, and whether the job was ended for good is asked at the same time. It
// returns the record that stands, and hands what is listed ahead to Listed where the run
// can go on with it.
func (b *Preparation) Begin(ctx context.Context, name string, beside func(context.Context) error) (stands ledger.Started, err error) {
	<-b.asked
	if b.src != nil {
		defer b.config.Closed(b.src, b.dst)
	}
	if b.err != nil {
		return stands, b.err
	}
	if !b.looked {
		if err := b.Look(ctx, name); err != nil {
			return stands, err
		}
	}
	s := b.started
	s.At, s.Last, *s.Kept = b.config.Now().UTC(), b.last, b.kept
	if len(b.keys) > 0 {
		if s.Keys, err = ledger.WriteKeys(ctx, b.config.Ledger.Run(name).Folder(), b.keys); err != nil {
			return stands, err
		}
	}
	if stands, err = b.config.Ledger.Run(name).CreateStarted(ctx, s); err != nil {
		return stands, err
	}
	if err := sideBySide(func() error { return b.endIfSealed(ctx, name) }, func() error { return beside(ctx) }); err != nil {
		return stands, err
	}
	if !stands.Chain && b.isListed(stands) {
		b.config.Listed(name, b.ahead)
	}
	return stands, nil
}

// isListed reports whether the run of a first record that stands lists what was listed ahead:
// another process may have begun it, with other places or with keys.
func (b *Preparation) isListed(stands ledger.Started) bool {
	j, err := job.Decode(stands.Job)
	if b.ahead == nil || err != nil || len(stands.Keys) > 0 {
		return false
	}
	differs := j.Differs(b.job)
	return !slices.Contains(differs, "source") && !slices.Contains(differs, "target")
}

// endIfSealed closes the books of a run that has just begun if its job was ended for
// good while it did, and then returns an Invalid error: the command that sealed the job may
// not have seen the run. What of it is not done, sweeps do.
func (b *Preparation) endIfSealed(ctx context.Context, name string) error {
	_, sealed, err := b.config.Ledger.ReadSeal(ctx, b.config.Ledger.Run(name).Job())
	if err != nil || !sealed {
		return err
	}
	if err := b.config.End(ctx, name); err != nil {
		return err
	}
	return fault.New(fault.Invalid, "pipeline.Start", name, errors.New("its job was ended for good while the run began (ferry seal): nothing of it is done; what must still be moved takes a job of another name"))
}

// sideBySide calls all functions at the same time and waits for them. Of several errors it
// returns that of the first function.
func sideBySide(all ...func() error) error {
	errs := make([]error, len(all))
	var g sync.WaitGroup
	for i, f := range all {
		g.Go(func() { errs[i] = f() })
	}
	g.Wait()
	return cmp.Or(errs...)
}
