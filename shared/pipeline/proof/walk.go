package proof

import (
	"cmp"
	"context"
	"iter"
	"sync"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/store"
)

// fact is all that is known of one key: what the source lists, what the target
// lists, the row, and what earlier runs left. What is not there is nil, and what is there is
// another's once the next fact is asked for, but for last.
type fact struct {
	src, dst *store.Object
	row      *ledger.Row
	last     *memory.Row
}

// known is what was known of the key before its row, if it has one, was judged: what an
// earlier round left, else what earlier runs did.
func (f fact) known() *memory.Row {
	if f.row != nil {
		return cmp.Or(memory.Was(*f.row), f.last)
	}
	return f.last
}

// Lasts goes over what earlier runs left, in key order, or, for keys that increase, finds
// what they left of one; nil where there is nothing. memory.Cursor is one.
type Lasts interface {
	Next() (*memory.Row, error)
	Find(key string) (*memory.Row, error)
	Close()
}

// remembered is what earlier runs left of a shard's keys. Where the source has lost most of
// its keys, they left rows of far more than a shard has: some of those are gone over, and
// then only those of the shard's own keys.
type remembered struct {
	lasts Lasts
	left  int64       // how many that are of no key of the shard are still gone over
	next  *memory.Row // nil at the end, and where none is left
}

func (m *remembered) advance() (err error) {
	if m.next = nil; m.left > 0 {
		m.next, err = m.lasts.Next()
	}
	return err
}

// of returns what earlier runs left of the key at hand; alone says that it is no key of the
// shard.
func (m *remembered) of(key string, alone bool) (*memory.Row, error) {
	switch {
	case m.left == 0:
		return m.lasts.Find(key)
	case m.next == nil || m.next.Key != key:
		return nil, nil
	}
	if alone {
		m.left--
	}
	row := m.next
	return row, m.advance()
}

// facts walks the two listings, the rows, and what earlier runs left, in key order.
// Keys that only the target has are passed over, and those that only earlier runs had
// behind as many as a shard may hold; a later round, and a list of keys, are of their own
// keys only.
func (s *Shard) facts(ctx context.Context) iter.Seq2[fact, error] {
	return func(yield func(fact, error) bool) {
		rows, stopRows := iter.Pull2(s.Rows(ctx))
		defer stopRows()
		var w ledger.Row
		var werr error
		var wok bool
		var first sync.WaitGroup
		first.Go(func() { w, werr, wok = rows() })
		src, dst := listing.OpenBoth(listing.From(ctx, s.Source, s.Closed.Range), listing.From(ctx, s.Target, s.Closed.Range))
		defer src.Stop()
		defer dst.Stop()
		first.Wait()
		past := remembered{lasts: s.Lasts(ctx)}
		defer past.lasts.Close()
		if s.Closed.Round == 0 && !s.Named {
			past.left = s.Rules.Job.Limits.ShardKeys
		}
		lerr := past.advance()
		var at struct { // one for all keys of the shard
			src, dst store.Object
			row      ledger.Row
		}
		for {
			var key string
			switch {
			case src.Err != nil || werr != nil || lerr != nil:
			case src.OK:
				key = src.Object.Key
			case wok:
				key = w.Key()
			case past.next != nil:
				key = past.next.Key
			default:
				return
			}
			if wok && w.Key() < key {
				key = w.Key()
			}
			if past.next != nil && past.next.Key < key {
				key = past.next.Key
			}
			dst.Seek(key) // what only the target has is not ours to judge
			if err := cmp.Or(src.Err, dst.Err, werr, lerr); err != nil {
				yield(fact{}, err)
				return
			}
			var f fact
			if src.OK && src.Object.Key == key {
				if !src.Object.Absent() {
					at.src = src.Object
					f.src = &at.src
				}
				src.Next()
			}
			if dst.OK && dst.Object.Key == key {
				at.dst = dst.Object
				f.dst = &at.dst
			}
			if wok && w.Key() == key {
				at.row = w
				f.row = &at.row
				w, werr, wok = rows()
			}
			var err error
			if f.last, err = past.of(key, f.src == nil && f.row == nil); err != nil {
				yield(fact{}, err)
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}
