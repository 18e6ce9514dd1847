package pipeline

import (
	"cmp"
	"context"
	"iter"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// verify waits until every batch of the shard is written off, lists both sides
// again with the rows beside them, and proves each row. What changed at the
// source meanwhile is sealed again, a bounded number of rounds.
func (r *run) verify(ctx context.Context, t task.Task) ([]task.Task, error) {
	c, err := r.ledger.Closed(ctx, t.Shard)
	if err != nil {
		return nil, err
	}
	if c.Failed != "" { // nothing is known of it, and that is its outcome
		p, err := r.ledger.Prove(ctx, ledger.Proved{Shard: c.Shard, Failed: c.Failed, Was: c.Was(), At: r.config.Now().UTC()})
		return r.afterVerify(p), err
	}
	open, err := r.ledger.OpenBatches(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(open) > 0 {
		return r.lookAgain(t, r.config.MaxWait), nil
	}
	if p, err := r.ledger.Proved(ctx, t.Shard); !ledger.Missing(err) {
		return r.afterVerify(p), err
	}
	v := newVerifier(ctx, r, t, c)
	defer v.again.stop()
	looking, enough := deadline.Reserve(ctx)
	defer enough()
	for f, err := range v.facts(looking) {
		if err != nil && looking.Err() != nil && ctx.Err() == nil { // there is time left to ask why
			return nil, fault.New(fault.Later, "pipeline.verify", t.Shard, err)
		}
		if err != nil {
			return nil, err
		}
		if err := v.prove(ctx, f); err != nil {
			return nil, err
		}
	}
	p, err := v.finish(ctx)
	if err != nil {
		return nil, err
	}
	if p, err = r.ledger.Prove(ctx, p); err != nil {
		return nil, err
	}
	r.log.InfoContext(ctx, "shard verified", "shard", p.Shard, "objects", p.Counts.Listed.Objects)
	return r.afterVerify(p), nil
}

// afterVerify returns what follows from a verified shard: what was sealed again.
func (r *run) afterVerify(p ledger.Proved) []task.Task {
	if p.Next == nil {
		return nil
	}
	return r.afterList(*p.Next)
}

// fact is all that is known of one key: what the source lists, what the target
// lists, what the ledger says.
type fact struct {
	src, dst *store.Object
	row      *ledger.Row
}

// verifier proves one shard.
type verifier struct {
	run    *run
	shard  ledger.Closed
	again  *sealer // what changed since it was listed
	asker  *verdict.Asker
	table  *table.Writer
	listed ledger.Tally // as the listing counted, less what is handed on: the left side of the balance
	counts ledger.Counts
	bad    []ledger.Failure
	seen   int64
	gone   int64 // rows whose objects the source lists no more
	missed int64 // objects without a row that were at the source before the run began
}

func newVerifier(ctx context.Context, r *run, t task.Task, c ledger.Closed) *verifier {
	return &verifier{run: r, asker: r.asker(t), shard: c, listed: c.Counts.Listed, again: newSealer(ctx, r, ledger.AgainShard(c.Shard)), table: table.NewWriter(r.job)}
}

// facts walks the two listings and the rows in key order.
func (v *verifier) facts(ctx context.Context) iter.Seq2[fact, error] {
	return func(yield func(fact, error) bool) {
		src, dst := listing.Open(listing.From(ctx, v.run.srcFrom(v.shard.Before), v.shard.Range)), listing.Open(listing.From(ctx, v.run.dst, v.shard.Range))
		defer src.Stop()
		defer dst.Stop()
		rows, stopRows := iter.Pull2(v.rows(ctx))
		defer stopRows()
		w, werr, wok := rows()
		for {
			if !src.OK && !wok && src.Err == nil && werr == nil {
				return
			}
			key := src.Object.Key
			if !src.OK || wok && w.Key() < key {
				key = w.Key()
			}
			dst.Seek(key) // what only the target has is not ours to judge
			if err := cmp.Or(src.Err, dst.Err, werr); err != nil {
				yield(fact{}, err)
				return
			}
			var f fact
			if src.OK && src.Object.Key == key {
				if !src.Object.Absent() {
					found := src.Object
					f.src = &found
				}
				src.Next()
			}
			if dst.OK && dst.Object.Key == key {
				found := dst.Object
				f.dst = &found
			}
			if wok && w.Key() == key {
				found := w
				f.row = &found
				w, werr, wok = rows()
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// rows yields the shard's rows as they ended, in key order, reading one batch ahead.
func (v *verifier) rows(ctx context.Context) iter.Seq2[ledger.Row, error] {
	type page struct {
		rows []ledger.Row
		err  error
	}
	return func(yield func(ledger.Row, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan page)
		go func() {
			defer close(pages)
			for _, b := range v.shard.Batches {
				rows, err := v.run.ledger.Outcome(ctx, b)
				select {
				case pages <- page{rows, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
		defer func() { // the goroutine ends before the iterator does
			cancel()
			for range pages {
			}
		}()
		for p := range pages {
			if p.err != nil {
				yield(ledger.Row{}, p.err)
				return
			}
			for _, row := range p.rows {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// prove decides what the row of one key ends as.
func (v *verifier) prove(ctx context.Context, f fact) error {
	if err := v.again.failed(); err != nil {
		return err
	}
	if v.seen++; v.seen%1000 == 0 {
		v.run.config.Watch(Progress{Kind: Proven, N: 1000})
	}
	switch {
	case f.row == nil && (v.shard.Round > 0 || f.src == nil || !v.run.rules.Chosen(*f.src)):
		return nil // a later round looks at its own rows only; the rest is not the job's
	case f.row == nil: // it appeared after it was listed
		if v.run.before(*f.src) {
			v.missed++
		}
		return v.seal(ctx, f)
	}
	row := *f.row
	if f.src == nil && row.State != ledger.Gone {
		f.src = v.stillThere(ctx, row)
	}
	switch {
	case f.src == nil && row.State == ledger.Gone: // as it was
	case f.src == nil:
		row.Because(vanished(row))
		row.State, row.Proof = ledger.Gone, ""
	case !v.run.rules.Chosen(*f.src):
		row.State, row.Proof = ledger.Gone, ""
		row.Because(ledger.Unchosen, verdict.UnchosenReason)
	case row.State == ledger.Gone, !verdict.SameVersion(row.Src, *f.src):
		if v.shard.Round < v.run.job.Limits.Rounds {
			return v.seal(ctx, f)
		}
		row.State = ledger.Failed
		row.Because("", "it kept changing at the source while it was copied; run again when it rests")
	case row.State == ledger.Copied, row.State == ledger.Unchanged:
		if err := v.compare(ctx, &row, f.dst); err != nil {
			return err
		}
	}
	return v.keep(row)
}

func vanished(row ledger.Row) (ledger.Cause, string) {
	if row.State == ledger.Copied || row.State == ledger.Unchanged {
		return ledger.VanishedLate, "it was deleted at the source during the run; the target keeps its copy"
	}
	return ledger.Vanished, "it was deleted at the source during the run"
}

// compare holds a copied or unchanged row against what the target lists. The
// ETag ties them: it changes with the content. One HEAD tells who wrote an
// object that has another.
func (v *verifier) compare(ctx context.Context, row *ledger.Row, dst *store.Object) error {
	switch {
	case dst == nil:
		row.Verdict = ledger.Mismatch
		row.Because("", "the target no longer has it")
		return nil
	case dst.Size == row.Src.Size && row.Dst != nil && dst.Hash == row.Dst.ETag:
		row.Verdict = ledger.Verified
		row.Dst.Modified = dst.Modified
		return nil
	}
	kept, err := v.run.dst.Stat(ctx, row.Key())
	switch {
	case ledger.Missing(err):
		row.Verdict = ledger.Mismatch
		row.Because("", "the target no longer has it")
	case err != nil && v.asker.Alone(ctx, row.Key(), err):
		row.State, row.Proof = ledger.Failed, ""
		row.Explain(fault.Errorf("the target's object could not be looked at, so its copy is not proved: %w", err))
	case err != nil:
		return err
	case verdict.Carries(kept, row.Src):
		row.Verdict = ledger.Verified
		row.Dst = &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
	case v.run.rules.Foreign(kept):
		row.State, row.Proof = ledger.Conflict, ""
		row.Because("", "someone else wrote it in the target after it was copied; it was left alone")
		row.Dst = &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
	default:
		row.Verdict = ledger.Mismatch
		row.Because("", "the target holds the copy of another version of it; run again")
	}
	return nil
}

// seal hands an object that is not the one listed to the next round. Its row,
// if it had one, leaves the books of this shard.
func (v *verifier) seal(ctx context.Context, f fact) error {
	row, asks := v.run.rules.Compare(*f.src, f.dst)
	if asks {
		if err := v.asker.Ask(ctx, &row); err != nil {
			return err
		}
	}
	v.again.add(row)
	if f.row != nil {
		v.listed.Objects--
		v.listed.Bytes -= f.row.Src.Size - f.row.Grew
	}
	return nil
}

// absentNamed is how many keys that the source does not have a shard names.
const absentNamed = 5

// keep takes a row that ends here into the books.
func (v *verifier) keep(row ledger.Row) error {
	v.listed.Bytes += row.Grew
	v.counts.Count(row)
	if row.State == ledger.Gone && row.Reason == verdict.AbsentReason {
		if v.counts.Absent++; v.counts.Absent <= absentNamed {
			v.bad = append(v.bad, ledger.Failure{Key: row.Key(), State: row.State, Reason: row.Reason})
		}
	}
	if row.State == ledger.Failed || row.State == ledger.Conflict || row.Verdict == ledger.Mismatch {
		if len(v.bad) < ledger.MaxFailures {
			v.bad = append(v.bad, row.Failure())
		}
	}
	return v.table.Add(row)
}

// finish writes the rows away and puts the shard's record together.
func (v *verifier) finish(ctx context.Context) (ledger.Proved, error) {
	v.counts.Listed, v.counts.Excluded = v.listed, v.shard.Counts.Excluded
	if v.missed*10 > v.shard.Counts.Listed.Objects {
		v.counts.Unlisted += v.missed
	}
	p := ledger.Proved{Shard: v.shard.Shard, Counts: v.counts, Failures: v.bad, Was: v.shard.Was(), At: v.run.config.Now().UTC()}
	batches, counts, err := v.again.finish()
	if err != nil {
		return p, err
	}
	if len(batches) > 0 {
		p.Next = &ledger.Closed{
			V: ledger.Version, Shard: v.again.shard, Range: v.shard.Range, Before: v.shard.Before, Counts: counts,
			Batches: batches, Round: v.shard.Round + 1, At: p.At,
		}
	}
	data, file, err := v.table.Finish()
	if err != nil {
		return p, err
	}
	p.Objects = file
	p.Objects.Name, err = v.run.ledger.WriteObjects(ctx, v.shard.Shard, data)
	v.run.config.Watch(Progress{Kind: Proven, N: v.seen % 1000})
	return p, err
}
