package listing

import (
	"context"
	"iter"
	"time"

	"kodoferry/shared/store"
)

const (
	// ahead is how many keys an Ahead lists: one more than the first shard of a run has.
	ahead = store.KeysPerPage + 1
	// aheadLasts is how long what an Ahead has listed is still taken for what there is.
	aheadLasts = 10 * time.Second
	// fewAhead is how many keys there are to be before a page's end is known: a bucket that
	// has fewer than a page is asked once more whether that is all.
	fewAhead = 2
)

// Ahead is the beginning of a listing that is read before it is known whether it is
// wanted: while that is found out, its first two pages come. It is safe for concurrent use.
type Ahead struct {
	in    store.Range
	begun time.Time
	few   chan struct{} // closed once fewAhead are read, or all there is
	page  chan struct{} // closed once a page is read, or all there is
	all   chan struct{} // closed once nothing more is read

	objects [ahead]store.Object // set before few, page, the last before all, is closed
	n       int                 // how many there are, once all is closed
	known   int                 // how many of fewAhead, once few is closed
	first   int                 // the same, once page is closed
	err     error               // what ended the listing
	ended   bool                // the listing came to its end
}

// Begin begins to list a range of b, until ctx ends or enough was read.
func Begin(ctx context.Context, b store.Source, in store.Range) *Ahead {
	a := &Ahead{in: in, begun: time.Now(), few: make(chan struct{}), page: make(chan struct{}), all: make(chan struct{})}
	go a.read(ctx, b)
	return a
}

func (a *Ahead) read(ctx context.Context, b store.Source) {
	defer close(a.all)
	defer func() {
		if a.n < fewAhead {
			a.known = a.n
			close(a.few)
		}
	}()
	for o, err := range b.List(ctx, a.in) {
		if a.err = err; err != nil {
			break
		}
		a.objects[a.n] = o
		if a.n++; a.n == fewAhead {
			a.known = a.n
			close(a.few)
		}
		if a.n == ahead-1 {
			a.first = a.n
			close(a.page)
		}
		if a.n == ahead {
			return
		}
	}
	if a.ended = a.err == nil; a.n < ahead-1 {
		a.first = a.n
		close(a.page)
	}
}

// First returns the first n keys, up to fewAhead, once so many are read, and where there are
// fewer why.
func (a *Ahead) First(n int) (keys []string, err error) {
	<-a.few
	for i := range min(n, a.known) {
		keys = append(keys, a.objects[i].Key)
	}
	if len(keys) < min(n, fewAhead) {
		err = a.err
	}
	return keys, err
}

// Cut begins to cut what is behind the first page, once that is read, as Cut does; nothing
// where there is no whole page. full is how many keys fill a shard.
func (a *Ahead) Cut(ctx context.Context, src store.Source, full int64, most int) *Cutting {
	return begin(ctx, func(ctx context.Context) []Stretch {
		<-a.page
		e := End{Range: a.in, Full: full}
		for i := range a.first {
			e.Last = a.objects[i].Key
			e.Dense.Add(e.Last)
			e.Firsts = append(e.Firsts, e.Last)
		}
		if a.first < ahead-1 || !IsBorder(e.Last) {
			return nil
		}
		return Cut(ctx, src, e, most)
	})
}

// Lister lists in from a key on, as From does: what was listed ahead, if that is what in begins
// with and not long ago, and then what rest lists behind it. A nil Ahead has listed nothing.
func (a *Ahead) Lister(in store.Range, rest Lister) Lister {
	if a == nil || a.in != in || time.Since(a.begun) > aheadLasts {
		return rest
	}
	return func(after string) iter.Seq2[store.Object, error] {
		if after != "" {
			return rest(after)
		}
		return func(yield func(store.Object, error) bool) { a.yield(rest, yield) }
	}
}

func (a *Ahead) yield(rest Lister, yield func(store.Object, error) bool) {
	<-a.page
	for i := range a.first {
		if !yield(a.objects[i], nil) {
			return
		}
	}
	<-a.all
	for i := a.first; i < a.n; i++ {
		if !yield(a.objects[i], nil) {
			return
		}
	}
	if a.ended {
		return
	}
	last := ""
	if a.n > 0 {
		last = a.objects[a.n-1].Key
	}
	for o, err := range rest(last) {
		if !yield(o, err) || err != nil {
			return
		}
	}
}
