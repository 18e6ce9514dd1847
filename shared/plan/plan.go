// Package plan says what a run of a job would do, without a ledger and without a
// write: by looking at everything that a run would look at (Make), or by a sample
// (Quick).
//
//	plan.go     Plan, and Make
//	diff.go     Diff: what two buckets have under each key
//	outcome.go  what a run would do with one key, by the rules that a run has
//	quick.go    Quick; sample.go reads pages here and there, gap.go estimates what
//	            lies between them, and ruler.go reads keys as numbers for it
//	book.go     adds up outcomes
package plan

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// Plan is what a run of a job would do.
type Plan struct {
	Estimated bool     `json:"estimated"`         // from samples: every number is about right, none is exact
	How       []string `json:"how,omitempty"`     // how estimates were made
	Partial   bool     `json:"partial,omitempty"` // interrupted: what was found until then
	Notes     []string `json:"notes,omitempty"`   // in sentences

	Listed     ledger.Tally `json:"listed"`               // objects of the source that belong to the job: the sum of all Shares but those to be deleted
	LeftOut    ledger.Tally `json:"left_out,omitzero"`    // objects of the source that the job's filter leaves out
	TargetOnly ledger.Tally `json:"target_only,omitzero"` // objects of the target alone that stay
	Shares     []Share      `json:"shares"`               // by fate, class and size, in that order
	Reasons    []Reason     `json:"reasons"`              // by fate, the largest first
	Heads      int64        `json:"heads"`                // about how many objects of the target have to be asked for one by one, in each listing
}

// Fate is what a run would do with an object.
type Fate string

// The other fates are those of a row's State: unchanged, skipped, conflict, failed.
const (
	ToCopy   Fate = "copy"
	ToUpdate Fate = "update" // its attributes are set in the target
	ToProve  Fate = "prove"  // the target's object is read there: equal bytes are left as they are, others are a conflict
	ToDelete Fate = "delete" // from the target: Ferry's copy of what the source no longer has
	Warned   Fate = "warned" // of Reasons alone: it is copied, and something of its metadata is lost
)

// Fates are all fates in the order to show them.
var Fates = [...]Fate{ToCopy, ToUpdate, ToProve, Fate(ledger.Unchanged), Fate(ledger.Present), Fate(ledger.Skipped), Fate(ledger.Conflict), Fate(ledger.Failed), ToDelete}

// Share is the objects of one fate, storage class and size.
type Share struct {
	Will    Fate        `json:"will"`
	Class   store.Class `json:"class"`           // at the source; of what is to be deleted, at the target
	Size    string      `json:"size"`            // one of Sizes
	Objects int64       `json:"objects"`         //
	Bytes   int64       `json:"bytes"`           //
	Parts   int64       `json:"parts,omitempty"` // requests for bytes that its big objects take; an object that goes in one piece has none
}

// Size is a class of sizes.
type Size struct {
	Name string
	UpTo int64 // bytes, inclusive; the last is open
}

// Sizes are the classes of sizes, the smallest first. At 5 GiB ends what one PUT carries.
var Sizes = [...]Size{
	{"0", 0}, {"<=64KiB", 64 << 10}, {"<=1MiB", 1 << 20}, {"<=32MiB", 32 << 20}, {"<=1GiB", 1 << 30}, {"<=5GiB", 5 << 30}, {">5GiB", 1<<63 - 1},
}

// Reason is why objects have their fate.
type Reason struct {
	Will     Fate     `json:"will"`
	Why      string   `json:"why"`
	Objects  int64    `json:"objects"`
	Bytes    int64    `json:"bytes"`
	Examples []string `json:"examples"` // the first keys
}

// Sides are what a plan reads.
type Sides struct {
	Source store.Source
	Target store.Writer // is never written to
	// Last returns the last rows of a range, and what ends the reading of them. nil: no run
	// is remembered.
	Last func(ctx context.Context, in store.Range) (rows verdict.Lasts, end func())
	// Writing finds the record of a writing, as verdict.Rules has it. nil: nobody looks.
	Writing func(ctx context.Context, key string, o store.Origin) (*ledger.Row, error)
	// Listed is called as objects of the source are looked at. nil: nothing is.
	Listed func(objects, bytes int64)
}

// Make lists source and target as a run of j would, decides on every pair as the run
// would, and says what it found. With keys it looks these up instead. Where ctx ends
// early, or either side fails, the plan is Partial and has what was found until then.
func Make(ctx context.Context, sides Sides, j job.Job, keys ...string) (Plan, error) {
	p, err := newPlanner(sides, j)
	if err != nil {
		return Plan{}, err
	}
	b := newBook(j)
	in := store.Range{Prefix: j.Source.Prefix}
	pairs := listing.Join(listing.From(ctx, p.src, in), listing.From(ctx, p.dst, in), j.Delete)
	if len(keys) > 0 {
		pairs = p.named(ctx, keys)
	}
	lasts, end := func(string) (*memory.Row, error) { return nil, nil }, func() {}
	if sides.Last != nil {
		lasts, end = sides.Last(ctx, in)
	}
	defer end()
	err = p.enterAll(ctx, pairs, lasts, b)
	plan := b.plan()
	plan.Partial = err != nil
	p.noteDeletions(&plan, b)
	if err == nil && len(keys) == 0 {
		p.noteEmpty(ctx, &plan)
	}
	plan.Notes = append(plan.Notes, p.rules.Source.Untold...)
	return plan, err
}

// planner makes one plan.
type planner struct {
	job    job.Job
	rules  verdict.Rules
	src    store.Source
	dst    store.Writer   // speaks source keys
	keeper verdict.Keeper // the target, where it tells what it cannot hold; else nil
	listed func(objects, bytes int64)
}

func newPlanner(sides Sides, j job.Job) (*planner, error) {
	match, err := j.Filter.Compile(j.Source.Prefix)
	if err != nil {
		return nil, err
	}
	p := &planner{job: j, src: sides.Source, dst: listing.Rename(sides.Target, j.Source.Prefix, j.Target.Prefix), listed: sides.Listed}
	if p.listed == nil {
		p.listed = func(int64, int64) {}
	}
	// The rules have no Keeper: what an unchanged object has lost is in no plan.
	p.rules = verdict.Rules{Job: j, Match: match, Source: store.TermsOf(p.src), Target: p.dst, Describe: p.src.Stat, Writing: sides.Writing, Now: time.Now}
	p.keeper, _ = sides.Target.(verdict.Keeper)
	return p, nil
}

const (
	// chunkPairs is how many pairs are decided on before they are entered.
	chunkPairs = 1000
	// atOnce is how many of them are, side by side.
	atOnce = 64
)

// named yields the pairs of a list of keys that the source has.
func (p *planner) named(ctx context.Context, keys []string) iter.Seq2[listing.Pair, error] {
	stat := func(ctx context.Context, in store.Source, key string) (*store.Object, error) {
		o, err := in.Stat(ctx, key)
		if fault.KindOf(err) == fault.NotFound {
			return nil, nil
		}
		return &o, err
	}
	return func(yield func(listing.Pair, error) bool) {
		for some := range slices.Chunk(keys, chunkPairs) {
			found := make([]listing.Pair, len(some))
			g, ctx := errgroup.WithContext(ctx)
			g.SetLimit(p.job.Limits.AtOnce(atOnce))
			for i, key := range some {
				g.Go(func() (err error) {
					if found[i].Src, err = stat(ctx, p.src, key); err == nil && found[i].Src != nil {
						found[i].Dst, err = stat(ctx, p.dst, key)
					}
					return err
				})
			}
			if err := g.Wait(); err != nil {
				yield(listing.Pair{}, err)
				return
			}
			for _, one := range found {
				if one.Src != nil && !yield(one, nil) {
					return
				}
			}
		}
	}
}

// remembered is what both sides have under one key, and its last row, nil where there is
// none.
type remembered struct {
	listing.Pair
	last *memory.Row
}

// enterAll enters the outcomes of pairs, each with its last row, into b.
func (p *planner) enterAll(ctx context.Context, pairs iter.Seq2[listing.Pair, error], lasts verdict.Lasts, b *book) error {
	chunk := make([]remembered, 0, chunkPairs)
	for pair, err := range pairs {
		if err != nil {
			return err
		}
		last, err := lasts(pair.Key())
		if err != nil {
			return err
		}
		if chunk = append(chunk, remembered{pair.Kept(), last}); len(chunk) < chunkPairs {
			continue
		}
		if err := p.enterSome(ctx, chunk, b); err != nil {
			return err
		}
		chunk = chunk[:0]
	}
	return p.enterSome(ctx, chunk, b)
}

// enterSome enters the outcomes of pairs into b in their order. It decides on many at a
// time, because some take a HEAD.
func (p *planner) enterSome(ctx context.Context, chunk []remembered, b *book) error {
	found := make([]outcome, len(chunk))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.job.Limits.AtOnce(atOnce))
	for i, pair := range chunk {
		g.Go(func() (err error) {
			found[i], err = p.outcome(ctx, pair)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	n, bytes := int64(0), int64(0)
	for _, o := range found {
		b.enter(o)
		if o.fate != "" {
			n, bytes = n+1, bytes+o.size
		}
	}
	p.listed(n, bytes)
	return nil
}

// noteDeletions says whether a run would delete nothing, and which copies stay.
func (p *planner) noteDeletions(plan *Plan, b *book) {
	seen := plan.Listed.Objects + plan.LeftOut.Objects
	if why := verdict.RefuseDeletes(p.job, verdict.Extent{Seen: seen, Held: b.held, Candidates: plan.Sum(ToDelete, "", "").Objects, Others: b.others}); why != "" {
		plan.Notes = append(plan.Notes, "a run would delete nothing from the target: "+why)
	}
	if b.others > 0 {
		plan.Notes = append(plan.Notes, fmt.Sprintf("%d copies of what the source does not have stay in the target: their metadata names another job, another key, or, of an earlier version of Ferry, no job", b.others))
	}
}

// noteEmpty says that a run would find nothing to copy, so that it is not verified.
func (p *planner) noteEmpty(ctx context.Context, plan *Plan) {
	if plan.Listed.Objects == 0 && !p.job.AllowEmpty {
		plan.Notes = append(plan.Notes, report.NothingListed(p.job, plan.LeftOut.Objects, func() []string { return listing.Beside(ctx, p.src, p.job.Source.Prefix, report.Beside) }))
	}
}
