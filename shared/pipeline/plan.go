package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// Plan is what a run of a job would do. Making one writes nothing anywhere.
type Plan struct {
	Estimated bool     `json:"estimated"`         // from samples: every number is about right, none is exact
	How       []string `json:"how,omitempty"`     // how estimates were made
	Partial   bool     `json:"partial,omitempty"` // interrupted: what was found until then
	Notes     []string `json:"notes,omitempty"`   // what a person should know, in sentences

	Listed     ledger.Tally `json:"listed"`               // objects of the source that belong to the job: the sum of all Shares but those to be deleted
	LeftOut    ledger.Tally `json:"left_out,omitzero"`    // objects of the source that the job's filter leaves out
	TargetOnly ledger.Tally `json:"target_only,omitzero"` // objects of the target alone that stay
	Shares     []Share      `json:"shares"`               // by fate, class and size, in that order
	Reasons    []Reason     `json:"reasons"`              // by fate, the largest first
	Heads      int64        `json:"heads"`                // about how many objects of the target have to be asked for one by one, in each listing
}

// Fate is what would become of an object.
type Fate string

// The other fates are those of a row's State: unchanged, skipped, conflict, failed.
const (
	ToCopy   Fate = "copy"
	ToDelete Fate = "delete" // from the target: Ferry's copy of what the source no longer has
	Warned   Fate = "warned" // of Reasons alone: it is copied, and something of its metadata is lost
)

// Fates are all fates in the order to show them.
var Fates = [...]Fate{ToCopy, Fate(ledger.Unchanged), Fate(ledger.Skipped), Fate(ledger.Conflict), Fate(ledger.Failed), ToDelete}

// Share is what has one fate, storage class and size.
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

// planChunk is how many pairs are judged together.
const planChunk = 1000

// Plan walks source and target as a run of j would, judges every pair as it
// would, and says what it found; where j has a list of keys, these are looked
// up instead. It reads no ledger. Where ctx ends early, the plan is Partial and
// the error says so.
func (p *Pipeline) Plan(ctx context.Context, j job.Job, keys ...string) (Plan, error) {
	r, err := p.planned(ctx, j)
	if err != nil {
		return Plan{}, err
	}
	b := newBook(r.run.job)
	pairs := r.run.join(ctx, store.Range{Prefix: j.Source.Prefix}, "")
	if len(keys) > 0 {
		pairs = r.named(ctx, keys)
	}
	err = r.foreseeAll(ctx, pairs, b)
	plan := b.plan()
	plan.Partial = err != nil
	r.gate(&plan, b)
	if err == nil && len(keys) == 0 {
		r.emptyHanded(ctx, &plan)
	}
	plan.Notes = append(plan.Notes, r.run.rules.Source.Untold...)
	return plan, err
}

// planned is a run that has no ledger.
func (p *Pipeline) planned(ctx context.Context, j job.Job) (*foreseer, error) {
	match, err := j.Filter.Compile(j.Source.Prefix)
	if err != nil {
		return nil, err
	}
	src, dst, err := p.config.Open(ctx, j)
	if err != nil {
		return nil, err
	}
	f := &foreseer{run: p.bind(nil, ledger.Started{}, j, match, src, dst)}
	f.keeper, _ = dst.(verdict.Keeper)
	return f, nil
}

// foreseer decides as a run does, and does nothing.
type foreseer struct {
	run    *run
	keeper verdict.Keeper // nil where the target does not tell
}

// named are the pairs of a list of keys, without those that the source does not have.
func (f *foreseer) named(ctx context.Context, keys []string) iter.Seq2[listing.Pair, error] {
	look := func(ctx context.Context, in store.Source, key string) (*store.Object, error) {
		o, err := in.Stat(ctx, key)
		if fault.KindOf(err) == fault.NotFound {
			return nil, nil
		}
		return &o, err
	}
	return func(yield func(listing.Pair, error) bool) {
		for some := range slices.Chunk(keys, planChunk) {
			found := make([]listing.Pair, len(some))
			g, ctx := errgroup.WithContext(ctx)
			g.SetLimit(f.run.job.Limits.Parallel)
			for i, key := range some {
				g.Go(func() (err error) {
					if found[i].Src, err = look(ctx, f.run.src, key); err == nil && found[i].Src != nil {
						found[i].Dst, err = look(ctx, f.run.dst, key)
					}
					return err
				})
			}
			if err := g.Wait(); err != nil {
				yield(listing.Pair{}, err)
				return
			}
			for _, p := range found {
				if p.Src != nil && !yield(p, nil) {
					return
				}
			}
		}
	}
}

// foreseeAll judges pairs and enters what would happen into b.
func (f *foreseer) foreseeAll(ctx context.Context, pairs iter.Seq2[listing.Pair, error], b *book) error {
	chunk := make([]listing.Pair, 0, planChunk)
	for s, err := range pairs {
		if err != nil {
			return err
		}
		if chunk = append(chunk, s); len(chunk) < planChunk {
			continue
		}
		if err := f.foreseeSome(ctx, chunk, b); err != nil {
			return err
		}
		chunk = chunk[:0]
	}
	return f.foreseeSome(ctx, chunk, b)
}

// foreseeSome judges pairs, many at a time because some take a HEAD, and
// enters them in their order.
func (f *foreseer) foreseeSome(ctx context.Context, chunk []listing.Pair, b *book) error {
	found := make([]foreseen, len(chunk))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(f.run.job.Limits.Parallel)
	for i, s := range chunk {
		g.Go(func() (err error) {
			found[i], err = f.foresee(ctx, s)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	n, bytes := int64(0), int64(0)
	for _, s := range found {
		b.enter(s)
		if s.fate != "" {
			n, bytes = n+1, bytes+s.size
		}
	}
	f.run.config.Watch(Event{Kind: Listed, N: n, Bytes: bytes})
	return nil
}

// foreseen is what would become of one key.
type foreseen struct {
	fate     Fate // "" of what the job does not touch
	leftOut  bool // by the filter
	ledger   bool // a ledger's own, which counts nowhere
	key      string
	class    store.Class
	size     int64
	why      string
	asked    bool // it took a HEAD
	held     bool // the target has it, and the job chooses it
	others   bool // the target alone has it, and it is a copy, but not known to be the job's
	warnings []string
}

// foresee says what a run would do with a key. Whatever a listing decides of a
// source object, the same rules decide here.
func (f *foreseer) foresee(ctx context.Context, s listing.Pair) (foreseen, error) {
	if s.Src == nil {
		return f.foreseeTargetOnly(ctx, *s.Dst)
	}
	x := foreseen{key: s.Src.Key, class: cmp.Or(s.Src.Class, store.Standard), size: s.Src.Size}
	if !f.run.rules.Match.Match(*s.Src) {
		x.leftOut = true
		return x, nil
	}
	x.held = s.Dst != nil
	row, err := f.run.rules.Decide(ctx, *s.Src, s.Dst)
	if err != nil {
		return x, err
	}
	x.fate, x.why = Fate(row.State), row.Reason
	x.asked = row.Dst != nil && row.Proof != ledger.ByMD5 && row.Proof != ledger.ByTime && f.run.job.Overwrite != job.OverwriteAlways
	switch {
	case row.State == ledger.Pending && row.Dst == nil:
		x.fate, x.why = ToCopy, cmp.Or(row.Reason, "the target does not have it")
	case row.State == ledger.Pending:
		x.fate, x.why = ToCopy, cmp.Or(row.Reason, "the target's object differs")
	case row.State == ledger.Unchanged:
		x.why = cmp.Or(row.Reason, unchangedBy[row.Proof])
	}
	if x.fate == ToCopy && f.keeper != nil {
		o := *s.Src
		o.Origin = f.run.rules.Origin(o)
		x.warnings = f.keeper.Losses(o)
	}
	return x, nil
}

var unchangedBy = map[ledger.Proof]string{
	ledger.ByMD5:  "size and MD5 are equal",
	ledger.ByTime: "the sizes are equal and the target was written later",
	ledger.ByKept: "the target carries the source's hash",
}

// foreseeTargetOnly says whether a mirror would remove o: it must be the job's copy.
func (f *foreseer) foreseeTargetOnly(ctx context.Context, o store.Object) (foreseen, error) {
	x := foreseen{key: o.Key, class: cmp.Or(o.Class, store.Standard), size: o.Size}
	if x.ledger = f.run.rules.InLedger(o.Key); x.ledger || !f.run.job.Delete || !f.run.rules.Match.MatchKey(o.Key) {
		return x, nil
	}
	kept, err := f.run.dst.Stat(ctx, o.Key)
	x.asked, x.held = true, true
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return x, nil
	case err != nil:
		return x, err
	case f.run.rules.Wrote(kept):
		x.fate, x.why = ToDelete, "the source no longer has it, and it is this job's copy"
	default:
		x.others = kept.Origin != nil
	}
	return x, nil
}

// gate holds deletions against what a run would let pass.
func (f *foreseer) gate(p *Plan, b *book) {
	seen := p.Listed.Objects + p.LeftOut.Objects
	if why := verdict.RefuseDeletes(f.run.job, verdict.Extent{Seen: seen, Held: b.held, Candidates: p.Sum(ToDelete, "", "").Objects, Others: b.others}); why != "" {
		p.Notes = append(p.Notes, "a run would delete nothing from the target: "+why)
	}
	if b.others > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%d copies of what the source does not have stay in the target: another job made them, or an earlier version of Ferry, which did not say for which job", b.others))
	}
}

// emptyHanded says that a run would find nothing to copy, and not be verified.
func (f *foreseer) emptyHanded(ctx context.Context, p *Plan) {
	if p.Listed.Objects == 0 && !f.run.job.AllowEmpty {
		p.Notes = append(p.Notes, report.NothingListed(f.run.job, p.LeftOut.Objects, func() []string { return listing.Beside(ctx, f.run.src, f.run.job.Source.Prefix, report.Beside) }))
	}
}
