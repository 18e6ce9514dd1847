package reproof

import (
	"context"
	"errors"
	"iter"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// LookOrCut looks at the rows of the piece that is of in the records of a verification, as
// far as the time at hand allows, and returns the record that is to be created; what is
// left is a piece of its own. A whole shard, where many processes verify and objects are
// asked for one by one, it cuts first, so that these can do so side by side. The caller
// leaves Range, Rows, Carry and Near to it.
func (s *Piece) LookOrCut(ctx context.Context, verification *ledger.Run, of ledger.ShardRef, many bool) (ledger.Reproved, error) {
	p, err := s.lookOrCut(ctx, verification, of, many)
	if _, unread := errors.AsType[*Unread](err); unread { // as it will be at every try
		p, err = ledger.Reproved{Shard: of.Shard, Range: of.Range, Failed: ledger.Reason(err)}, nil
	}
	p.At = s.Rules.Now().UTC()
	return p, err
}

func (s *Piece) lookOrCut(ctx context.Context, verification *ledger.Run, of ledger.ShardRef, many bool) (ledger.Reproved, error) {
	p := ledger.Reproved{Shard: of.Shard, Range: of.Range}
	run := verification.Of()
	named, err := run.Shards().RowFiles(ctx, ledger.RowsShard(of.Shard))
	if err != nil {
		return p, AsUnread(err)
	}
	files, err := Load(ctx, named, run.Read)
	if err != nil {
		return p, err
	}
	if many && of.Shard == ledger.RowsShard(of.Shard) && s.Mode != Rows {
		pieces, err := Pieces(files, of, s.Mode, s.Sample)
		if err != nil || len(pieces) > 1 {
			p.Next = pieces
			return p, err
		}
	}
	if s.Carry, err = verification.Pieces().ReadCarry(ctx, of.Shard); err != nil && !ledger.Missing(err) {
		return p, err
	}
	s.Range = of.Range
	s.Rows = func(context.Context) iter.Seq2[ledger.Row, error] { return ReadRows(files) }
	s.Near = func(size int64) bool { return deadline.Near(ctx, s.Pace.Estimate(size)) }
	looking, enough := deadline.Reserve(ctx)
	defer enough()
	sum, err := s.Prove(looking)
	if ctx.Err() != nil {
		return p, ctx.Err() // cut short: the piece is done again
	}
	if err != nil {
		return p, err
	}
	return s.Keep(ctx, verification, of, sum)
}

// Keep writes the files of what a piece came to, its rows that are not verified and how
// far an object was read, and returns the record that is to be created and names them. of
// is the piece in the verification's records; what is left is a piece of its own.
func (s *Piece) Keep(ctx context.Context, run *ledger.Run, of ledger.ShardRef, sum Sum) (ledger.Reproved, error) {
	p := ledger.Reproved{Shard: of.Shard, Range: of.Range, Counts: sum.Counts, Failures: sum.Failures}
	if sum.Table.Rows() > 0 {
		data, file, err := sum.Table.Finish()
		if err != nil {
			return p, err
		}
		p.Objects = file
		if p.Objects.Name, err = run.Results().WriteObjects(ctx, of.Shard, data); err != nil {
			return p, err
		}
	}
	if !sum.More {
		return p, nil
	}
	next := ledger.ShardRef{
		Shard: ledger.PieceOf(of.Shard), Before: of.Before,
		Range: store.Range{Prefix: of.Range.Prefix, After: sum.Last, UpTo: of.Range.UpTo},
	}
	if sum.Last == "" {
		next.Range.After = of.Range.After
	}
	if s.Chain {
		next.Before = listing.AddLandmark(of.Before, of.Range.After)
	}
	if len(sum.Carry) > 0 {
		if err := run.Pieces().WriteCarry(ctx, next.Shard, sum.Carry); err != nil {
			return p, err
		}
	}
	p.Next = []ledger.ShardRef{next}
	return p, nil
}
