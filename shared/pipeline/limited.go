package pipeline

import (
	"context"
	"fmt"
	"io"
	"iter"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// meteredAbove is the size, in bytes, of bodies that are metered even where no
// limit is set: one may be set while they stream. Smaller ones are over soon.
const meteredAbove = 4 << 20

// call is one request.
func (l *limits) call(ctx context.Context, op, key string) error {
	if err := l.requests.wait(ctx, 1); err != nil {
		return fault.New(fault.Temporary, op, key, err)
	}
	return nil
}

// list counts a request for each page that a listing may take.
func (l *limits) list(ctx context.Context, from store.Source, r store.Range) iter.Seq2[store.Object, error] {
	if !l.requests.bounded() {
		return from.List(ctx, r)
	}
	return func(yield func(store.Object, error) bool) {
		if err := l.call(ctx, "list", r.Prefix); err != nil {
			yield(store.Object{}, err)
			return
		}
		n := 0
		for o, err := range from.List(ctx, r) {
			if n++; err == nil && n%keysPerPage == 0 {
				if err = l.call(ctx, "list", o.Key); err != nil {
					o = store.Object{}
				}
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// keysPerPage is how many keys a page of either service holds.
const keysPerPage = 1000

func (l *limits) open(ctx context.Context, from store.Source, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if err := l.call(ctx, "open", o.Key); err != nil {
		return store.Object{}, nil, err
	}
	return from.Open(ctx, o, off, n)
}

func (l *limits) stat(ctx context.Context, from store.Source, key string) (store.Object, error) {
	if err := l.call(ctx, "stat", key); err != nil {
		return store.Object{}, err
	}
	return from.Stat(ctx, key)
}

// limitedSource is a source that a run's limits bound.
type limitedSource struct {
	Source
	limits *limits
	place  string // for errors: "the source kodo://photos/"
}

func (s limitedSource) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return siting(s.place, s.limits.list(ctx, s.Source, r))
}

// siting names the place in the error of a listing: it is the task's, and whoever
// reads of it reads of three places.
func siting(place string, all iter.Seq2[store.Object, error]) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range all {
			if err != nil {
				err = fmt.Errorf("%s: %w", place, err)
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (s limitedSource) Stat(ctx context.Context, key string) (store.Object, error) {
	return s.limits.stat(ctx, s.Source, key)
}

func (s limitedSource) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	found, body, err := s.limits.open(ctx, s.Source, o, off, n)
	if err != nil || !s.limits.bytes.bounded() && max(n, o.Size) < meteredAbove {
		return found, body, err
	}
	return found, metered{body, ctx, &s.limits.bytes}, nil
}

// limitedTarget is a target that a run's limits bound.
type limitedTarget struct {
	Target
	limits *limits
	place  string
}

func (t limitedTarget) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return siting(t.place, t.limits.list(ctx, t.Target, r))
}

func (t limitedTarget) Stat(ctx context.Context, key string) (store.Object, error) {
	return t.limits.stat(ctx, t.Target, key)
}

func (t limitedTarget) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	return t.limits.open(ctx, t.Target, o, off, n)
}

func (t limitedTarget) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if err := t.limits.call(ctx, "put", o.Key); err != nil {
		return store.Stored{}, err
	}
	return t.Target.Put(ctx, o, body, how)
}

// Delete does not wait: whoever removes has waited before it looked last.
func (t limitedTarget) Delete(ctx context.Context, key string) error {
	return t.Target.Delete(ctx, key)
}

func (t limitedTarget) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	if err := t.limits.call(ctx, "begin", o.Key); err != nil {
		return "", nil, err
	}
	return t.Target.Begin(ctx, o)
}

func (t limitedTarget) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	if err := t.limits.call(ctx, "part", key); err != nil {
		return store.Part{}, err
	}
	return t.Target.PutPart(ctx, key, upload, n, body, size)
}

func (t limitedTarget) Parts(ctx context.Context, key, upload string) ([]store.Part, error) {
	if err := t.limits.call(ctx, "parts", key); err != nil {
		return nil, err
	}
	return t.Target.Parts(ctx, key, upload)
}

func (t limitedTarget) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	if err := t.limits.call(ctx, "finish", key); err != nil {
		return store.Stored{}, err
	}
	return t.Target.Finish(ctx, key, upload, parts, how)
}

func (t limitedTarget) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	if err := t.limits.call(ctx, "unfinished", key); err != nil {
		return nil, err
	}
	return t.Target.Unfinished(ctx, key)
}

func (t limitedTarget) Abort(ctx context.Context, key, upload string) error {
	if err := t.limits.call(ctx, "abort", key); err != nil {
		return err
	}
	return t.Target.Abort(ctx, key, upload)
}
