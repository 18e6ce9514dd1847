package pipeline

import (
	"context"
	"iter"
	"sync"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
)

// judged is what both sides list under one key, and what its object needs.
type judged struct {
	listing.Pair
	excluded bool       // the source's object is not one that the job's filter chooses
	row      ledger.Row // of an object of the source that is not excluded
	answer   chan error // comes when the target has been asked, and row is decided; nil: it need not be
}

// judged judges pairs and yields them in their order. Where the listings cannot
// decide, the target is asked: for up to lookups keys at a time, while at most
// lookAhead pairs behind the first that waits for its answer are read. When the
// iteration ends, no goroutine of it is left.
func (r *run) judged(ctx context.Context, target *lone, pairs iter.Seq2[listing.Pair, error]) iter.Seq2[judged, error] {
	return func(yield func(judged, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var asking sync.WaitGroup
		defer asking.Wait()
		defer cancel()
		places := make(chan struct{}, lookups)
		var ahead []*judged
		// pass yields from the front what is decided, and waits until no more than n are left.
		pass := func(n int) bool {
			for len(ahead) > n || len(ahead) > 0 && ahead[0].answer == nil {
				first := ahead[0]
				ahead = ahead[1:]
				if first.answer != nil {
					if err := <-first.answer; err != nil {
						yield(judged{}, err)
						return false
					}
				}
				if !yield(*first, nil) {
					return false
				}
			}
			return true
		}
		for p, err := range pairs {
			if err != nil {
				if pass(0) {
					yield(judged{}, err)
				}
				return
			}
			j := r.compared(p)
			if j.answer != nil {
				asking.Go(func() {
					places <- struct{}{}
					j.answer <- target.askTarget(ctx, &j.row)
					<-places
				})
			}
			if ahead = append(ahead, j); !pass(lookAhead) {
				return
			}
		}
		pass(0)
	}
}

// compared judges a pair as far as the listings tell.
func (r *run) compared(p listing.Pair) *judged {
	j := &judged{Pair: p}
	switch {
	case p.Src == nil:
	case !r.rules.Chosen(*p.Src):
		j.excluded = true
	default:
		asks := false
		if j.row, asks = r.rules.Compare(*p.Src, p.Dst); asks {
			j.answer = make(chan error, 1)
		}
	}
	return j
}
