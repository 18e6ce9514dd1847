package reproof

import (
	"iter"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

const (
	// pieceObjects and pieceBytes are up to how much one task of a deployment is given
	// that asks for each object, or reads it: about a minute.
	pieceObjects = 20_000
	pieceBytes   = 4 << 30
	// mostPieces is in how many of them a shard is cut at most.
	mostPieces = 200
)

// Pieces cuts a piece, of which these are the rows, into smaller ones that are to be looked at
// side by side; one, where it is small.
func Pieces(files []File, of ledger.ShardRef, mode Mode, sample Sample) ([]ledger.ShardRef, error) {
	cut := Cut{Objects: pieceObjects, Bytes: pieceBytes, Most: mostPieces, Reads: mode == Read}
	ranges, err := cut.Of(func() iter.Seq2[ledger.Row, error] { return InRange(ReadRows(files), of.Range) }, of.Range, sample)
	var pieces []ledger.ShardRef
	for _, in := range ranges {
		pieces = append(pieces, ledger.ShardRef{Shard: ledger.PieceOf(of.Shard), Range: in, Before: of.Before})
	}
	return pieces, err
}

// Cut says how a piece is cut that several processes are to look at.
type Cut struct {
	Objects int64 // of the sample, in one piece
	Bytes   int64 // of these
	Most    int64 // pieces
	Reads   bool  // Bytes count: they are read
}

// Of cuts a piece at keys of its rows. rows is read twice.
func (c Cut) Of(rows func() iter.Seq2[ledger.Row, error], in store.Range, sample Sample) ([]store.Range, error) {
	var all ledger.Tally
	for row, err := range rows() {
		if err != nil {
			return nil, err
		}
		if sample.Has(row.Key()) {
			all.Add(1, row.Src.Size)
		}
	}
	objects, bytes := max(c.Objects, all.Objects/c.Most), max(c.Bytes, all.Bytes/c.Most)
	var pieces []store.Range
	var piece ledger.Tally
	rest := in
	for row, err := range rows() {
		if err != nil {
			return nil, err
		}
		if !sample.Has(row.Key()) {
			continue
		}
		piece.Add(1, row.Src.Size)
		full := piece.Objects >= objects || c.Reads && piece.Bytes >= bytes
		if !full || !listing.IsBorder(row.Key()) {
			continue
		}
		cut := rest
		cut.UpTo, rest.After = row.Key(), row.Key()
		pieces, piece = append(pieces, cut), ledger.Tally{}
	}
	return append(pieces, rest), nil
}
