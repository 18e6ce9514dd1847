package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

// name returns the name of the n-th place of a kind.
func name(n int) string { return fmt.Sprintf("%02d", n) }

// below is a source limited to a prefix, which its keys do not have.
type below struct {
	in     store.Source
	prefix string
}

func (b below) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	r.Prefix = b.prefix + r.Prefix
	for _, end := range []*string{&r.After, &r.UpTo} {
		if *end != "" {
			*end = b.prefix + *end
		}
	}
	return func(yield func(store.Object, error) bool) {
		for o, err := range b.in.List(ctx, r) {
			if !yield(b.bare(o), err) {
				return
			}
		}
	}
}

// bare returns o with its key behind the prefix.
func (b below) bare(o store.Object) store.Object {
	o.Key = strings.TrimPrefix(o.Key, b.prefix)
	return o
}

func (b below) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := b.in.Stat(ctx, b.prefix+key)
	return b.bare(o), err
}

func (b below) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	o.Key = b.prefix + o.Key
	o, body, err := b.in.Open(ctx, o, off, n)
	return b.bare(o), body, err
}

// scratch is an empty bucket of its own below a prefix of a real one.
type scratch struct {
	below
	to store.Writer

	mu      sync.Mutex
	uploads map[string]string // whole keys by the ids of uploads that were begun
}

func newScratch(b store.Writer, prefix string, n int) *scratch {
	return &scratch{below: below{b, prefix + name(n) + "/"}, to: b, uploads: map[string]string{}}
}

// beginTime bounds Begin, which does not end with its context.
const beginTime = 15 * time.Second

func (s *scratch) CheckKey(key string) error { return s.to.CheckKey(s.prefix + key) }

func (s *scratch) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	o.Key = s.prefix + o.Key
	return s.to.Put(ctx, o, body, how)
}

func (s *scratch) SetAttributes(ctx context.Context, o store.Object) (store.Stored, error) {
	o.Key = s.prefix + o.Key
	return s.to.SetAttributes(ctx, o)
}

func (s *scratch) Delete(ctx context.Context, key string) error {
	return s.to.Delete(ctx, s.prefix+key)
}

func (s *scratch) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	o.Key = s.prefix + o.Key
	// A request that is cut off would leave an upload whose id is not known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beginTime)
	defer cancel()
	id, warnings, err := s.to.Begin(ctx, o)
	if err == nil {
		s.mu.Lock()
		s.uploads[id] = o.Key
		s.mu.Unlock()
	}
	return id, warnings, err
}

func (s *scratch) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	return s.to.PutPart(ctx, s.prefix+key, upload, n, body, size)
}

func (s *scratch) Parts(ctx context.Context, key, upload string) ([]store.Part, error) {
	return s.to.Parts(ctx, s.prefix+key, upload)
}

func (s *scratch) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	return s.to.Finish(ctx, s.prefix+key, upload, parts, how)
}

func (s *scratch) Abort(ctx context.Context, key, upload string) error {
	return s.to.Abort(ctx, s.prefix+key, upload)
}

func (s *scratch) Entries(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		levels, ok := s.to.(store.Lister)
		if !ok {
			yield("", fault.New(fault.Invalid, "contract.Entries", prefix, errors.New("the bucket is not listed by levels")))
			return
		}
		if after != "" {
			after = s.prefix + after
		}
		for entry, err := range levels.Entries(ctx, s.prefix+prefix, after) {
			if !yield(strings.TrimPrefix(entry, s.prefix), err) {
				return
			}
		}
	}
}

func (s *scratch) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	return s.to.Unfinished(ctx, s.prefix+key)
}

var _ store.Multipart = (*scratch)(nil) // without it, the suite would skip uploads in parts

// fixture returns s for a case, without the faults that only an emulator can inject.
func (s *scratch) fixture(r *recorder) storetest.Fixture {
	one := func(ctx context.Context, o store.Object, body []byte) error {
		o.Size = int64(len(body))
		_, err := store.Retry(ctx, store.Pauses(), "contract.Put", o.Key, func() (store.Stored, error) {
			return s.Put(ctx, o, bytes.NewReader(body), store.Put{})
		})
		return err
	}
	return fixture(r, s, len(s.prefix), one)
}

// fillers is how many objects are stored or deleted at a time.
const fillers = 16

// fixture returns b for a case. one stores an object in b; taken is how many bytes of a
// key are taken by a prefix.
func fixture(r *recorder, b store.Source, taken int, one func(context.Context, store.Object, []byte) error) storetest.Fixture {
	return storetest.Fixture{
		Source: b, Taken: taken,
		Put: func(o store.Object, body []byte) {
			if err := one(r.ctx, o, body); err != nil {
				r.Fatalf("an object could not be stored: %v", err)
			}
		},
		Fill: func(keys []string) {
			g, ctx := errgroup.WithContext(r.ctx)
			g.SetLimit(fillers)
			for _, key := range keys {
				g.Go(func() error { return one(ctx, store.Object{Key: key}, []byte("x")) })
			}
			if err := g.Wait(); err != nil {
				r.Fatalf("%d objects could not be stored: %v", len(keys), err)
			}
		},
	}
}

// clear aborts all uploads that were begun and deletes everything below the prefix.
func (s *scratch) clear(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for id, key := range s.uploads {
		_, err := store.Retry(ctx, store.Pauses(), "contract.clear", key, func() (struct{}, error) { return struct{}{}, s.to.Abort(ctx, key, id) })
		errs = append(errs, err)
	}
	var g errgroup.Group
	g.SetLimit(fillers)
	for o, err := range s.to.List(ctx, store.Range{Prefix: s.prefix}) {
		if err != nil {
			errs = append(errs, err)
			break
		}
		g.Go(func() error {
			_, err := store.Retry(ctx, store.Pauses(), "contract.clear", o.Key, func() (struct{}, error) { return struct{}{}, s.to.Delete(ctx, o.Key) })
			return err
		})
	}
	errs = append(errs, g.Wait())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("not all could be removed below %q: %w", s.prefix, err)
	}
	return nil
}
