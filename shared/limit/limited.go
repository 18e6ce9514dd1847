package limit

import (
	"context"
	"fmt"
	"io"
	"iter"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// meteredAbove is the size, in bytes, of bodies that are metered even where the
// bandwidth is not bounded: it may be while they stream. Smaller ones end soon.
const meteredAbove = 4 << 20

// Request waits until one more request may be made to either side. It fails only
// if ctx ends first, and then is Temporary.
func (s *Share) Request(ctx context.Context, op, key string) error {
	if err := s.requests.wait(ctx, 1); err != nil {
		return fault.New(fault.Temporary, op, key, err)
	}
	return nil
}

// list lists from, with a call of Request for each page that this may take.
func list(ctx context.Context, s *Share, from store.Source, r store.Range) iter.Seq2[store.Object, error] {
	if !s.requests.bounded() {
		return from.List(ctx, r)
	}
	return func(yield func(store.Object, error) bool) {
		if err := s.Request(ctx, "list", r.Prefix); err != nil {
			yield(store.Object{}, err)
			return
		}
		n := 0
		for o, err := range from.List(ctx, r) {
			if n++; err == nil && n%store.KeysPerPage == 0 {
				if err = s.Request(ctx, "list", o.Key); err != nil {
					o = store.Object{}
				}
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// Source returns src kept within the share s: requests, and the bytes of bodies.
// The errors of its listings name place, as "the source kodo://photos/".
func Source(src store.Source, s *Share, place string) store.Source {
	return source{src, s, place}
}

type source struct {
	store.Source
	share *Share
	place string
}

// Terms implements store.Termed.
func (s source) Terms() store.Terms { return store.TermsOf(s.Source) }

func (s source) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return named(s.place, list(ctx, s.share, s.Source, r))
}

// named adds the place to the error of a listing: it becomes that of a task, which
// may be trouble with either side or with the ledger.
func named(place string, all iter.Seq2[store.Object, error]) iter.Seq2[store.Object, error] {
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

func (s source) Stat(ctx context.Context, key string) (store.Object, error) {
	if err := s.share.Request(ctx, "stat", key); err != nil {
		return store.Object{}, err
	}
	return s.Source.Stat(ctx, key)
}

func (s source) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if err := s.share.Request(ctx, "open", o.Key); err != nil {
		return store.Object{}, nil, err
	}
	found, body, err := s.Source.Open(ctx, o, off, n)
	if err != nil || !s.share.bytes.bounded() && max(n, o.Size) < meteredAbove {
		return found, body, err
	}
	return found, metered{body, ctx, &s.share.bytes}, nil
}

// Target returns dst kept within the share s: requests, and the bytes that are read
// of it; what is written was counted when the source was read. The errors
// of its listings name place.
func Target(dst store.Writer, s *Share, place string) store.Writer { return target{dst, s, place} }

type target struct {
	store.Writer
	share *Share
	place string
}

func (t target) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return t.reads().List(ctx, r)
}

func (t target) Stat(ctx context.Context, key string) (store.Object, error) {
	return t.reads().Stat(ctx, key)
}

func (t target) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	return t.reads().Open(ctx, o, off, n)
}

// reads is the target as a source.
func (t target) reads() source { return source{t.Writer, t.share, t.place} }

func (t target) SetAttributes(ctx context.Context, o store.Object) (store.Stored, error) {
	if err := t.share.Request(ctx, "set attributes", o.Key); err != nil {
		return store.Stored{}, err
	}
	return t.Writer.SetAttributes(ctx, o)
}

func (t target) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if err := t.share.Request(ctx, "put", o.Key); err != nil {
		return store.Stored{}, err
	}
	return t.Writer.Put(ctx, o, body, how)
}

// Delete does not wait: its caller has called Request before it checked, last of
// all, whether the key may be deleted.
func (t target) Delete(ctx context.Context, key string) error {
	return t.Writer.Delete(ctx, key)
}

func (t target) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	if err := t.share.Request(ctx, "begin", o.Key); err != nil {
		return "", nil, err
	}
	return t.Writer.Begin(ctx, o)
}

func (t target) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	if err := t.share.Request(ctx, "part", key); err != nil {
		return store.Part{}, err
	}
	return t.Writer.PutPart(ctx, key, upload, n, body, size)
}

func (t target) Parts(ctx context.Context, key, upload string) ([]store.Part, error) {
	if err := t.share.Request(ctx, "parts", key); err != nil {
		return nil, err
	}
	return t.Writer.Parts(ctx, key, upload)
}

func (t target) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	if err := t.share.Request(ctx, "finish", key); err != nil {
		return store.Stored{}, err
	}
	return t.Writer.Finish(ctx, key, upload, parts, how)
}

func (t target) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	if err := t.share.Request(ctx, "unfinished", key); err != nil {
		return nil, err
	}
	return t.Writer.Unfinished(ctx, key)
}

func (t target) Abort(ctx context.Context, key, upload string) error {
	if err := t.share.Request(ctx, "abort", key); err != nil {
		return err
	}
	return t.Writer.Abort(ctx, key, upload)
}
