// Package proof verifies a shard: it lists both sides again with the rows beside them,
// and decides what each row ends as. It knows neither runs nor tasks, and creates
// no records.
//
//	proof.go    Shard: Prove, and what it comes to
//	walk.go     both listings and the rows, in key order
//	compare.go  a copied row beside what the target has
//	gone.go     a row whose object the source lists no more
//	record.go   Record: Prove, the files of what it came to, and its record
package proof

import (
	"cmp"
	"context"
	"iter"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

// Shard is what the rows of a shard are proved by.
type Shard struct {
	Run    string
	Closed ledger.Closed // the record of its listing
	Rules  *verdict.Rules
	Asker  *verdict.Asker
	Source store.Source
	Target store.Source // speaks source keys
	Began  time.Time    // the run
	Named  bool         // the job's list names the keys: no listing shows them

	// Rows yields the shard's rows as they ended, in key order.
	Rows func(ctx context.Context) iter.Seq2[ledger.Row, error]
	// Lasts opens what earlier runs left of the shard's range.
	Lasts func(ctx context.Context) Lasts
	// Batching is what the rows of another round are gathered by. Record alone needs it.
	Batching batching.Config
	// Next takes the row of an object that is to be copied and proved in another round.
	// Record sets it, and Failed.
	Next func(ledger.Row)
	// Failed is why the rows that Next took cannot be kept; nil if they can.
	Failed func() error
	Proven func(n int64) // called when n more keys were gone over
}

// Proof is what a shard was proved to be.
type Proof struct {
	Counts   ledger.Counts    // of the rows that ended; Listed leaves out those that Next took
	Failures []ledger.Failure // the first of them, and some keys that the source does not have
	Table    *table.Ended     // has a line for every row that ended
	Packed   *memory.Writer   // has those that a later run may believe; of the others, their last rows
	Rest     int64            // keys that were gone over since Proven was called last
}

// Prove goes over the shard once, and returns what it comes to. Objects that are not
// those listed, or were not listed, go to Next, as long as the job's rounds are not
// over. The error is Later where the time for listing ended before the listings did,
// and otherwise that of the listings, of Rows, of a question to the target, or Failed's.
func (s *Shard) Prove(ctx context.Context) (Proof, error) {
	p := prover{shard: s, listed: s.Closed.Counts.Listed, proof: Proof{Table: table.NewEnded(s.Rules.Job, s.Run), Packed: memory.NewWriter(s.Run)}}
	looking, enough := deadline.Reserve(ctx)
	defer enough()
	for f, err := range s.facts(looking) {
		if err != nil && looking.Err() != nil && ctx.Err() == nil { // there is time left to ask why
			err = fault.New(fault.Later, "pipeline.verify", s.Closed.Shard, err)
		}
		if err != nil {
			return p.proof, err
		}
		if err := p.prove(ctx, f); err != nil {
			return p.proof, err
		}
	}
	p.proof.Counts.Listed, p.proof.Counts.Excluded = p.listed, s.Closed.Counts.Excluded
	if p.missed*10 > s.Closed.Counts.Listed.Objects {
		p.proof.Counts.Unlisted += p.missed
	}
	return p.proof, nil
}

// prover proves the rows of one shard.
type prover struct {
	shard  *Shard
	listed ledger.Tally // as the listing counted, less what Next took: the left side of the balance
	proof  Proof
	gone   int64 // rows whose objects the source lists no more
	missed int64 // objects without a row that were at the source before the run began
}

// everyProven is how many keys Proven is called for at a time.
const everyProven = 1000

// prove decides what the row of one key ends as.
func (p *prover) prove(ctx context.Context, f fact) error {
	s := p.shard
	if err := s.Failed(); err != nil {
		return err
	}
	if f.row == nil && f.src == nil {
		p.carry(f)
		return nil
	}
	if p.proof.Rest++; p.proof.Rest == everyProven {
		s.Proven(everyProven)
		p.proof.Rest = 0
	}
	switch {
	case f.row == nil && (s.Closed.Round > 0 || !s.Rules.Chosen(f.src)):
		p.carry(f)
		return nil // a later round is of its own rows only; the rest is not the job's
	case f.row == nil: // the key appeared after the listing
		if f.src.Modified.Before(s.Began) { // also where it is not known when it was written
			p.missed++
		}
		return p.next(ctx, f)
	}
	row := *f.row
	if f.src == nil && row.State != ledger.Gone {
		f.src = p.stillThere(ctx, row)
	}
	switch {
	case f.src == nil && row.State == ledger.Gone: // as it was
	case f.src == nil:
		row.Because(vanished(row))
		row.State, row.Proof = ledger.Gone, ""
	case !s.Rules.Chosen(f.src):
		row.State, row.Proof = ledger.Gone, ""
		row.Because(ledger.Unchosen, verdict.UnchosenReason)
	case row.State == ledger.Gone, !verdict.SameVersion(row.Src, *f.src):
		if s.Closed.Round < s.Rules.Job.Limits.Rounds {
			return p.next(ctx, f)
		}
		row.State = ledger.Failed
		row.Because("", "it kept changing at the source while it was copied; run again when it rests")
	case f.dst != nil && s.Rules.AttrsChanged(&row, *f.src) && s.Closed.Round < s.Rules.Job.Limits.Rounds:
		return p.next(ctx, f)
	case row.State.Holds(), row.State == ledger.Present:
		if err := p.compare(ctx, &row, f); err != nil {
			return err
		}
	}
	last, err := p.leaves(ctx, f, row)
	if err != nil {
		return err
	}
	return p.keep(row, last)
}

// leaves returns what stays known of a key whose row ends as row does where that itself
// says nothing to a later run: what this run wrote and the target still lists, though the
// source has lost the object since, else what the row was judged by, or earlier runs left.
// Whose the target's object is must be known when a mirror comes to remove it. The error is
// trouble with the target.
func (p *prover) leaves(ctx context.Context, f fact, row ledger.Row) (*memory.Row, error) {
	if row.State.Holds() || !f.row.State.Holds() || f.row.Dst == nil || f.dst == nil || f.dst.Hash != f.row.Dst.ETag {
		return f.known(), nil
	}
	return p.lastOf(ctx, f.row, f.dst)
}

// carry has what earlier runs left of a key that is not the job's to judge stay, where
// the target still has an object: whose it is must be known when the source has the key
// again, and when a mirror comes to remove it. A later round is of its own keys only.
func (p *prover) carry(f fact) {
	if p.shard.Closed.Round == 0 && !p.shard.Named && f.last != nil && f.dst != nil {
		p.proof.Packed.Add(*f.last)
	}
}

// next gives an object that is not the one listed to Next. The row that it had, if
// any, no longer counts for this shard.
func (p *prover) next(ctx context.Context, f fact) error {
	last, err := p.lastOf(ctx, f.row, f.dst)
	if err != nil {
		return err
	}
	last = cmp.Or(last, f.known())
	row, asks := p.shard.Rules.Compare(*f.src, f.dst, last)
	if asks {
		if err := p.shard.Asker.Ask(ctx, &row, last); err != nil {
			return err
		}
	}
	if row.Prover == p.shard.Run {
		row.Prover = "" // no earlier one
	}
	p.shard.Next(row)
	if f.row != nil {
		p.listed.Objects--
		p.listed.Bytes -= f.row.Src.Size - f.row.Grew
	}
	return nil
}

// lastOf is what a row of this shard, whose object the target lists as dst, leaves of its
// key to the round after it; nil where it says nothing of who wrote the target's object.
// The error is trouble with the target.
func (p *prover) lastOf(ctx context.Context, row *ledger.Row, dst *store.Object) (*memory.Row, error) {
	if row == nil || row.Dst == nil || !row.State.Holds() {
		return nil, nil
	}
	seen := *row
	if row.State.Wrote() && dst != nil && dst.Hash == row.Dst.ETag {
		if err := p.shard.see(ctx, &seen, *dst); err != nil {
			return nil, err
		}
	}
	last := memory.Left(seen, p.shard.Run)
	return &last, nil
}

// absentNamed is how many keys that the source does not have a shard names.
const absentNamed = 5

// keep counts a row that ends here, and adds its line to the table.
func (p *prover) keep(row ledger.Row, last *memory.Row) error {
	p.listed.Bytes += row.Grew
	p.proof.Counts.Count(&row)
	if row.State == ledger.Gone && row.Reason == verdict.AbsentReason {
		if p.proof.Counts.Absent++; p.proof.Counts.Absent <= absentNamed {
			p.proof.Failures = append(p.proof.Failures, ledger.Failure{Key: row.Key(), State: row.State, Reason: row.Reason})
		}
	}
	if row.State == ledger.Failed || row.State == ledger.Conflict || row.Verdict == ledger.Mismatch {
		if len(p.proof.Failures) < ledger.MaxFailures {
			p.proof.Failures = append(p.proof.Failures, row.Failure())
		}
	}
	p.remember(row, last)
	return p.proof.Table.Add(row)
}

// remember keeps what a later run may believe of a row that ends here. Where that is
// nothing, last stays, which earlier runs left of the key.
func (p *prover) remember(row ledger.Row, last *memory.Row) {
	if kept, ok := memory.Of(row, p.shard.Run); ok {
		p.proof.Packed.Add(kept)
	} else if last != nil {
		p.proof.Packed.Add(*last)
	}
}
