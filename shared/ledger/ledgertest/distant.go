package ledgertest

import (
	"context"
	"io"
	"iter"
	"sync/atomic"
	"time"

	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// Distant is a bucket each of whose answers takes Trip to come, by a clock that a test lets
// stand still meanwhile: how long something takes says how many requests it makes in a row.
type Distant struct {
	*mem.Bucket
	Trip     time.Duration
	Requests atomic.Int64 // a page of a listing is one
}

func (d *Distant) ask(ctx context.Context) {
	d.Requests.Add(1)
	select {
	case <-time.After(d.Trip):
	case <-ctx.Done():
	}
}

// List implements store.Source.
func (d *Distant) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return paged(ctx, d, d.Bucket.List(ctx, r))
}

// Entries implements store.Lister.
func (d *Distant) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return paged(ctx, d, d.Bucket.Entries(ctx, prefix, after))
}

// paged asks for each thousand of what is listed, and once where that is nothing.
func paged[T any](ctx context.Context, d *Distant, listed iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		d.ask(ctx)
		n := 0
		for one, err := range listed {
			if n > 0 && n%store.KeysPerPage == 0 {
				d.ask(ctx)
			}
			if n++; !yield(one, err) {
				return
			}
		}
	}
}

// Stat implements store.Source.
func (d *Distant) Stat(ctx context.Context, key string) (store.Object, error) {
	d.ask(ctx)
	return d.Bucket.Stat(ctx, key)
}

// Open implements store.Source.
func (d *Distant) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	d.ask(ctx)
	return d.Bucket.Open(ctx, o, off, n)
}

// Put implements store.Target.
func (d *Distant) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	d.ask(ctx)
	return d.Bucket.Put(ctx, o, body, how)
}
