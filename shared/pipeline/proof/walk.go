package proof

import (
	"cmp"
	"context"
	"iter"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// fact is all that is known of one key: what the source lists, what the target
// lists, and the row. What is not there is nil.
type fact struct {
	src, dst *store.Object
	row      *ledger.Row
}

// facts walks the two listings and the rows in key order. Keys that only the target
// has are passed over.
func (s *Shard) facts(ctx context.Context) iter.Seq2[fact, error] {
	return func(yield func(fact, error) bool) {
		src, dst := listing.Open(listing.From(ctx, s.Source, s.Closed.Range)), listing.Open(listing.From(ctx, s.Target, s.Closed.Range))
		defer src.Stop()
		defer dst.Stop()
		rows, stopRows := iter.Pull2(s.Rows(ctx))
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
