package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// trouble is an error of a ledger's bucket, which names the ledger and, where one
// is known, the cure: who is told of it reads of three buckets.
type trouble struct {
	place string // of the ledger, "" where its bucket does not tell its name
	cure  string // "" where none is known
	err   error
}

func (t *trouble) Error() string {
	s := "the ledger"
	if t.place != "" {
		s += " " + t.place
	}
	s += ": " + t.err.Error()
	if t.cure != "" {
		s += ": " + t.cure
	}
	return s
}

func (t *trouble) Unwrap() error { return t.err }

// IsTrouble reports whether err is what a ledger's bucket answered, or its not answering.
func IsTrouble(err error) bool {
	_, ok := errors.AsType[*trouble](err)
	return ok
}

// placed is a ledger's bucket whose errors name the ledger.
type placed struct {
	Bucket
	place string
}

// place names a bucket's prefix, where the bucket tells its name.
func place(b Bucket, prefix string) string {
	if named, ok := b.(fmt.Stringer); ok {
		return named.String() + prefix
	}
	return ""
}

func (p placed) blame(err error, cure string) error {
	if err == nil {
		return nil
	}
	if fault.KindOf(err) != fault.Denied {
		cure = ""
	}
	return &trouble{p.place, cure, err}
}

const (
	unreadableCure = "give the credentials the rights that ferry policy prints"
	unwritableCure = "it cannot be written: give the credentials the rights that ferry policy prints, see that the bucket has room, is not frozen and has no retention policy, or keep the run elsewhere (--ledger)"
)

func (p placed) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range p.Bucket.List(ctx, r) {
			if !yield(o, p.blame(err, unreadableCure)) {
				return
			}
		}
	}
}

func (p placed) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for entry, err := range p.Bucket.Entries(ctx, prefix, after) {
			if !yield(entry, p.blame(err, unreadableCure)) {
				return
			}
		}
	}
}

func (p placed) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := p.Bucket.Stat(ctx, key)
	return o, p.blame(err, unreadableCure)
}

func (p placed) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	found, body, err := p.Bucket.Open(ctx, o, off, n)
	if err != nil {
		return found, nil, p.blame(err, unreadableCure)
	}
	return found, placedBody{body, p, o.Key}, nil
}

func (p placed) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	stored, err := p.Bucket.Put(ctx, o, body, how)
	if err == nil && stored.Version != "" { // the bucket was not versioned when the run began: Check asked
		err = fault.New(fault.Invalid, "ledger.Put", o.Key, errors.New(versionedNow))
	}
	return stored, p.blame(err, unwritableCure)
}

const versionedNow = "its bucket keeps versions now, and there OSS ignores the conditional PUT that every record depends on: nothing more is written down of the run; begin a new one with its ledger in a bucket that never kept versions (--ledger), which finds what was copied"

func (p placed) Delete(ctx context.Context, key string) error {
	return p.blame(p.Bucket.Delete(ctx, key), unwritableCure)
}

func (p placed) Versioned(ctx context.Context) (bool, error) {
	v, err := p.Bucket.Versioned(ctx)
	return v, p.blame(err, unreadableCure)
}

// placedBody is the body of a file of a ledger.
type placedBody struct {
	io.ReadCloser
	from placed
	key  string
}

func (b placedBody) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	if err != nil && err != io.EOF {
		err = b.from.blame(fmt.Errorf("%s was not read to its end: %w", b.key, err), "")
	}
	return n, err
}
