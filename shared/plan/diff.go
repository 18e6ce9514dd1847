package plan

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Relation is what two buckets have under one key.
type Relation string

const (
	OnlySource Relation = "only_source"
	OnlyTarget Relation = "only_target"
	Different  Relation = "different"
	SameByMD5  Relation = "same_md5"  // both list the same MD5
	SameByRun  Relation = "same_run"  // both list what they listed when an earlier run proved it
	SameByKept Relation = "same_kept" // the target's metadata carry the source's hash, which its copy had; whoever overwrites it may keep them
	SameBySize Relation = "same_size" // equal size, and nothing else is known of both
)

// Relations are all relations in the order to show them.
var Relations = [...]Relation{OnlySource, OnlyTarget, Different, SameByMD5, SameByRun, SameByKept, SameBySize}

// Same reports whether nothing tells the two objects apart.
func (r Relation) Same() bool {
	return r == SameByMD5 || r == SameByRun || r == SameByKept || r == SameBySize
}

// Difference is one key of two buckets.
type Difference struct {
	Key        string   `json:"key"` // as the source names it
	Relation   Relation `json:"relation"`
	SourceSize *int64   `json:"source_size,omitempty"` // nil: the source does not have it
	TargetSize *int64   `json:"target_size,omitempty"` // nil: the target does not have it
	Why        string   `json:"why,omitempty"`         // what a run would say of it
}

// Bytes is the size of the object: the source's where both have it.
func (d Difference) Bytes() int64 {
	if d.SourceSize != nil {
		return *d.SourceSize
	}
	return *d.TargetSize
}

// Diff lists the two sides of j and yields every key that either has, in key order, by
// the walk and the rules by which a run decides what to copy. Objects that the job's
// filter leaves out, and those of its ledger, are passed over. It holds no more than a
// few pages. The error is that of a listing, or of a question to the target, and ends it.
//
// It asks the ledger for no record of a single writing, as a plan does: that tells whose an
// object is, which no line of Diff says. Where somebody else has written over a copy and kept
// its metadata, and no run that is over has a row that tells, it is SameByKept, of which
// nothing is proved, or SameBySize; a plan, and a run, would find it another's.
func Diff(ctx context.Context, sides Sides, j job.Job) iter.Seq2[Difference, error] {
	j.Overwrite = job.OverwriteChanged // any other would decide on differing objects without a look
	return func(yield func(Difference, error) bool) {
		p, err := newPlanner(sides, j)
		if err != nil {
			yield(Difference{}, err)
			return
		}
		p.rules.AnyJob = true // what an object holds counts, and not who copied it
		in := store.Range{Prefix: j.Source.Prefix}
		asker := &verdict.Asker{Rules: &p.rules, Probe: p.probe, Retried: true, Log: slog.New(slog.DiscardHandler)}
		pairs := readable(listing.Join(listing.From(ctx, p.src, in), listing.From(ctx, p.dst, in), true))
		var lasts verdict.Lasts
		if sides.Last != nil {
			var end func()
			lasts, end = sides.Last(ctx, in)
			defer end()
		}
		for judged, err := range verdict.Judge(ctx, asker, pairs, lasts) {
			if err != nil {
				yield(Difference{}, err)
				return
			}
			if p.rules.InLedger(judged.Key()) || judged.Excluded || judged.Src == nil && !p.rules.Match.MatchKey(judged.Key()) {
				continue
			}
			d := differ(judged)
			p.listed(1, d.Bytes())
			if !yield(d, nil) {
				return
			}
		}
	}
}

// readable yields pairs whose source objects can be compared though they could not be
// copied: what is disabled or not thawed is listed like anything else. Times are left
// out: no time tells what an object holds.
func readable(pairs iter.Seq2[listing.Pair, error]) iter.Seq2[listing.Pair, error] {
	return func(yield func(listing.Pair, error) bool) {
		for p, err := range pairs {
			if p.Src != nil {
				p.Src.Disabled, p.Src.Frozen = false, false
			}
			if p.Dst != nil {
				p.Dst.Modified = time.Time{}
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// differ is what was decided on a pair, as a Difference.
func differ(j *verdict.Judged) Difference {
	d := Difference{Key: j.Key(), Why: j.Row.Reason}
	if j.Src != nil {
		d.SourceSize = new(j.Src.Size)
	}
	if j.Dst != nil {
		d.TargetSize = new(j.Dst.Size)
	}
	switch {
	case j.Src == nil:
		d.Relation = OnlyTarget
	case j.Dst == nil:
		d.Relation = OnlySource
	case j.Src.MD5 != "" && strings.EqualFold(j.Src.MD5, j.Dst.MD5) && j.Row.State == ledger.Unchanged:
		d.Relation = SameByMD5
	case j.Row.State == ledger.Unchanged && j.Row.Prover != "":
		d.Relation = SameByRun
	case overwritten(j):
		d.Relation, d.Why = Different, fmt.Sprintf("the target's object was overwritten: its ETag is %s, and that of the copy that an earlier run proved %s", j.Dst.Hash, j.Last.Dst.ETag)
	case j.Row.State == ledger.Unchanged && j.Row.Proof == ledger.ByKept:
		d.Relation, d.Why = SameByKept, keptWhy
	case j.Row.State == ledger.Unchanged, j.Row.State == ledger.Present, j.Row.Need == ledger.NeedsProof:
		d.Relation, d.Why = SameBySize, ""
	default:
		d.Relation = Different
	}
	return d
}

// keptWhy is what is weak about SameByKept.
const keptWhy = "its metadata carry the source's hash, which whoever overwrites it may keep; no run that is remembered proved it as it is"

// overwritten reports whether the target's object has other bytes than the one that an
// earlier run proved to be those of what the source lists still: its ETag is another MD5.
func overwritten(j *verdict.Judged) bool {
	last := j.Last
	return last != nil && last.State != ledger.Deleted && last.Proof != "" && last.Proof != ledger.ByTime && verdict.SameVersion(last.Src, *j.Src) &&
		j.Dst.MD5 != "" && len(last.Dst.ETag) == len(j.Dst.MD5) && !strings.EqualFold(last.Dst.ETag, j.Dst.MD5)
}

// probe asks whether the target answers, other than about a key.
func (p *planner) probe(ctx context.Context, _ string) error {
	for _, err := range p.dst.List(ctx, store.Range{Prefix: p.job.Source.Prefix}) {
		return err
	}
	return nil
}
