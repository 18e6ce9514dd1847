package verdict

import (
	"context"
	"iter"
	"sync"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
)

// Judged is what both sides list under one key, and what its object needs.
type Judged struct {
	listing.Pair
	Last     *memory.Row // what earlier runs left of the key; nil where they left nothing
	Excluded bool        // the source's object is not one that the job's filter chooses
	Row      ledger.Row  // of an object of the source that is not excluded

	answer chan error // comes when the target was asked, and Row is decided; nil: Row is decided
}

const (
	// asksAtOnce is how many keys the target is asked about at a time, and judgedAhead
	// how many pairs are read behind the first that waits for its answer.
	asksAtOnce  = 16
	judgedAhead = 64
)

// Lasts returns the last row of a key, nil where there is none. It is asked for keys in
// their order.
type Lasts func(key string) (*memory.Row, error)

// Judge decides on pairs, each beside its last row, and yields them in their order. What it
// yields, with the pair, holds until it yields the next one. Where the listings cannot
// decide, the target is asked, about several keys side by side. The first error, of the
// pairs, of lasts or of the target, ends it; when the iteration ends, no goroutine of it is left.
func Judge(ctx context.Context, a *Asker, pairs iter.Seq2[listing.Pair, error], lasts Lasts) iter.Seq2[*Judged, error] {
	return func(yield func(*Judged, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var asking sync.WaitGroup
		defer asking.Wait()
		todo, askers := make(chan *Judged, judgedAhead+1), 0 // asked in their order
		defer close(todo)
		defer cancel()
		var ahead []*Judged
		// pass yields from the front what is decided, and waits until no more than n are left.
		pass := func(n int) bool {
			for len(ahead) > n || len(ahead) > 0 && ahead[0].answer == nil {
				first := ahead[0]
				ahead = ahead[1:]
				if first.answer != nil {
					if err := <-first.answer; err != nil {
						yield(nil, err)
						return false
					}
				}
				if !yield(first, nil) {
					return false
				}
			}
			return true
		}
		decided := &Judged{} // of a pair behind none that waits for its answer
		for p, err := range pairs {
			var last *memory.Row
			if err == nil && lasts != nil {
				last, err = lasts(p.Key())
			}
			if err != nil {
				if pass(0) {
					yield(nil, err)
				}
				return
			}
			j := decided
			a.Rules.judge(j, p, last)
			if j.answer == nil && len(ahead) == 0 {
				if !yield(j, nil) {
					return
				}
				continue
			}
			decided, j.Pair = &Judged{}, p.Kept()
			if j.answer != nil {
				if todo <- j; askers < asksAtOnce {
					askers++
					asking.Go(func() {
						for j := range todo {
							j.answer <- a.Ask(ctx, &j.Row, j.Last)
						}
					})
				}
			}
			if ahead = append(ahead, j); !pass(judgedAhead) {
				return
			}
		}
		pass(0)
	}
}

// judge sets j to a pair, decided on as far as the listings do.
func (r *Rules) judge(j *Judged, p listing.Pair, last *memory.Row) {
	j.Pair, j.Last, j.Excluded, j.answer = p, last, false, nil
	switch {
	case p.Src == nil:
		j.Row = ledger.Row{} // not that of the pair before
	case !r.Chosen(p.Src):
		j.Row, j.Excluded = ledger.Row{}, true
	default:
		if compareInto(r, &j.Row, p.Src, p.Dst, last) {
			j.answer = make(chan error, 1)
		}
	}
}
