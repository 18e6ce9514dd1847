package reproof

import (
	"context"
	"iter"
	"sync"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// mostAhead is how many rows are read behind the first that is looked at still.
const mostAhead = 512

// pending is a row that is looked at.
type pending struct {
	outcome
	err  error
	done chan struct{} // nil: outcome is there
}

// walk yields the outcome of every row, in key order, one of a row that is not in the
// sample without a finding. An outcome that is cut is the last.
func (s *Piece) walk(ctx context.Context) iter.Seq2[outcome, error] {
	return func(yield func(outcome, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var looking sync.WaitGroup
		defer looking.Wait()
		defer cancel()
		sides := s.open(ctx)
		defer sides.stop()
		var ahead []*pending
		// pass yields from the front what is there, and waits until no more than n are left.
		pass := func(n int) bool {
			for len(ahead) > n || len(ahead) > 0 && ahead[0].done == nil {
				first := ahead[0]
				ahead = ahead[1:]
				if first.done != nil {
					<-first.done
				}
				if !yield(first.outcome, first.err) || first.err != nil || first.cut {
					return false
				}
			}
			return true
		}
		// end yields what is there, and last how the walk ended.
		end := func(err error) {
			if !pass(0) {
				return
			}
			if ctx.Err() != nil {
				yield(outcome{cut: true}, nil)
			} else {
				yield(outcome{cut: err == nil}, err)
			}
		}
		begun := false
		for row, err := range InRange(s.Rows(ctx), s.Range) {
			if err != nil {
				end(err)
				return
			}
			p := &pending{outcome: outcome{row: row}}
			if s.Sample.Has(row.Key()) {
				if begun && s.Near(s.cost(row)) {
					end(nil)
					return
				}
				begun = true
				src, dst, err := sides.at(row.Key())
				if err != nil {
					end(err)
					return
				}
				if err := s.begin(ctx, p, src, dst, looking.Go); err != nil {
					end(err)
					return
				}
			}
			if ahead = append(ahead, p); !pass(mostAhead) {
				return
			}
		}
		pass(0)
	}
}

// cost is how many bytes are read to look at an object.
func (s *Piece) cost(row ledger.Row) int64 {
	if s.Mode == Read {
		return row.Src.Size
	}
	return 0
}

// begin looks at p beside what is listed of it: at once, or, where a request is made, by
// run, with a slot. The error is that ctx ended.
func (s *Piece) begin(ctx context.Context, p *pending, src, dst *store.Object, run func(func())) error {
	if s.Mode == Rows {
		p.outcome = s.listed(p.row, src, dst)
		s.saw(p.row)
		return nil
	}
	if s.Mode == Read && src == nil {
		p.outcome = outcome{row: p.row, finding: ledger.Vanish, why: "it was deleted at the source since the run; its copy was not read"}
		s.saw(p.row)
		return nil
	}
	if err := s.Slots.Acquire(ctx); err != nil {
		return err
	}
	p.done = make(chan struct{})
	run(func() {
		began := time.Now()
		defer close(p.done)
		defer s.Slots.Release()
		if s.Mode == Head {
			p.outcome, p.err = s.head(ctx, p.row)
		} else {
			p.outcome, p.err = s.read(ctx, p.row, *src)
		}
		if p.err != nil && ctx.Err() != nil {
			p.outcome, p.err = outcome{row: p.row, cut: true}, nil
		}
		if p.err == nil && !p.cut {
			s.Slots.Succeeded(began)
			s.saw(p.row)
		}
	})
	return nil
}

func (s *Piece) saw(row ledger.Row) {
	if s.Saw != nil {
		s.Saw(row.Key(), 1, row.Src.Size)
	}
}

// sides are the listings that a mode needs.
type sides struct {
	src, dst *listing.Cursor
	chain    bool
}

func (s *Piece) open(ctx context.Context) *sides {
	o := &sides{chain: s.Chain}
	if s.Mode != Head {
		o.src = listing.Open(listing.From(ctx, s.Source, s.Range))
	}
	if s.Mode == Rows {
		o.dst = listing.Open(listing.From(ctx, s.Target, s.Range))
	}
	return o
}

func (o *sides) stop() {
	for _, c := range []*listing.Cursor{o.src, o.dst} {
		if c != nil {
			c.Stop()
		}
	}
}

// at returns what both listings have of a key, nil where one has nothing or is not
// needed. Keys only grow.
func (o *sides) at(key string) (src, dst *store.Object, err error) {
	if o.src != nil {
		for o.chain && o.src.OK && o.src.Object.Key < key {
			o.src.Next()
		}
		if src, err = at(o.src, key); err != nil {
			return nil, nil, err
		}
	}
	if o.dst != nil {
		dst, err = at(o.dst, key)
	}
	if src != nil && src.Absent() {
		src = nil
	}
	return src, dst, err
}

func at(c *listing.Cursor, key string) (*store.Object, error) {
	c.Seek(key)
	if c.Err != nil || !c.OK || c.Object.Key != key {
		return nil, c.Err
	}
	return new(c.Object), nil
}
