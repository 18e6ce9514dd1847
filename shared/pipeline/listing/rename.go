package listing

import (
	"context"
	"io"
	"iter"

	"kodoferry/shared/store"
)

// Rename returns t under the keys of the source: the prefix from is replaced by to and
// nothing else changes, so order is kept and no two keys become one. Keys that the
// the result is given begin with from.
func Rename(t store.Writer, from, to string) store.Writer {
	if from == to {
		return t
	}
	return renamed{t, from, to}
}

type renamed struct {
	store.Writer
	from, to string
}

func (r renamed) out(key string) string { return r.to + key[len(r.from):] }

func (r renamed) back(o store.Object) store.Object {
	o.Key = r.from + o.Key[len(r.to):]
	return o
}

func (r renamed) List(ctx context.Context, in store.Range) iter.Seq2[store.Object, error] {
	out := store.Range{Prefix: r.out(in.Prefix), Few: in.Few}
	if in.After != "" {
		out.After = r.out(in.After)
	}
	if in.UpTo != "" {
		out.UpTo = r.out(in.UpTo)
	}
	return func(yield func(store.Object, error) bool) {
		for o, err := range r.Writer.List(ctx, out) {
			if err == nil {
				o = r.back(o)
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (r renamed) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := r.Writer.Stat(ctx, r.out(key))
	o.Key = key
	return o, err
}

func (r renamed) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	key := o.Key
	o.Key = r.out(key)
	o, body, err := r.Writer.Open(ctx, o, off, n)
	o.Key = key
	return o, body, err
}

func (r renamed) CheckKey(key string) error { return r.Writer.CheckKey(r.out(key)) }

func (r renamed) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	o.Key = r.out(o.Key)
	return r.Writer.Put(ctx, o, body, how)
}

func (r renamed) SetAttributes(ctx context.Context, o store.Object) (store.Stored, error) {
	o.Key = r.out(o.Key)
	return r.Writer.SetAttributes(ctx, o)
}

func (r renamed) Delete(ctx context.Context, key string) error {
	return r.Writer.Delete(ctx, r.out(key))
}

func (r renamed) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	o.Key = r.out(o.Key)
	return r.Writer.Begin(ctx, o)
}

func (r renamed) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	return r.Writer.PutPart(ctx, r.out(key), upload, n, body, size)
}

func (r renamed) Parts(ctx context.Context, key, upload string) ([]store.Part, error) {
	return r.Writer.Parts(ctx, r.out(key), upload)
}

func (r renamed) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	return r.Writer.Finish(ctx, r.out(key), upload, parts, how)
}

func (r renamed) Unfinished(ctx context.Context, key string) ([]store.Upload, error) {
	return r.Writer.Unfinished(ctx, r.out(key))
}

func (r renamed) Abort(ctx context.Context, key, upload string) error {
	return r.Writer.Abort(ctx, r.out(key), upload)
}
