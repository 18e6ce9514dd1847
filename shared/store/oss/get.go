package oss

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Stat describes key by a HEAD: every field but Parts, MD5 only where the
// content was written in one go. Modified has whole seconds. It tries again on
// Temporary and Throttled, up to 6 times in all.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	const op = "oss.Stat"
	if err := b.CheckKey(key); err != nil {
		return store.Object{}, err
	}
	return again(ctx, b, op, key, func() (store.Object, error) { return b.head(ctx, op, key, nil) })
}

func (b *Bucket) head(ctx context.Context, op, key string, header *headers) (store.Object, error) {
	a, err := b.send(ctx, request{op: op, method: "HEAD", key: key, header: header})
	a.close()
	if err != nil {
		return store.Object{}, err
	}
	obj, err := describe(key, a.header)
	if err == nil && obj.Hash == "" {
		err = errors.New("an answer without an ETag: what answers may not be OSS")
	}
	if err != nil {
		return store.Object{}, fault.New(fault.Temporary, op, key, err)
	}
	return obj, nil
}

// again is store.Retry with the bucket's pauses.
func again[T any](ctx context.Context, b *Bucket, op, key string, f func() (T, error)) (T, error) {
	return store.Retry(ctx, b.pause(), op, key, f)
}

// Open streams from one GET, tried once, and describes the object by its
// headers: as Stat does, with CRC64 and Size of the whole object. The object
// must still have obj.Hash (If-Match). A range that begins at or behind the end
// is Invalid (unless off and n say the whole), one that reaches beyond the end
// stops there. A body that breaks off, or is silent for a minute, fails while
// it is read (Temporary). With n 0 a HEAD does. The bytes are those OSS stores:
// no compression is asked for, none undone.
func (b *Bucket) Open(ctx context.Context, obj store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	const op = "oss.Open"
	if err := b.CheckKey(obj.Key); err != nil {
		return store.Object{}, nil, err
	}
	if off < 0 {
		return store.Object{}, nil, fault.New(fault.Invalid, op, obj.Key, fault.Errorf("offset %d", off))
	}
	header := newHeaders()
	header.set("Accept-Encoding", "identity")
	if obj.Hash != "" {
		header.set("If-Match", `"`+obj.Hash+`"`)
	}
	if n == 0 {
		return b.openNothing(ctx, op, obj, header)
	}
	if off > 0 || n > 0 {
		span := "bytes=" + strconv.FormatInt(off, 10) + "-"
		if n > 0 {
			span += strconv.FormatInt(off+n-1, 10)
		}
		header.set("Range", span)
		// Without it OSS answers a range it does not like with the whole object.
		header.set("X-Oss-Range-Behavior", "standard")
	}
	a, err := b.send(ctx, request{op: op, method: "GET", key: obj.Key, header: header})
	if err != nil {
		return store.Object{}, nil, err
	}
	now, left, err := opened(op, a, obj, off, n)
	if err != nil {
		_ = a.body.Close()
		return store.Object{}, nil, err
	}
	return now, store.NewBody(ctx, a.body, op, obj.Key, left), nil
}

// openNothing opens no bytes: a range cannot say so.
func (b *Bucket) openNothing(ctx context.Context, op string, obj store.Object, header *headers) (store.Object, io.ReadCloser, error) {
	now, err := b.head(ctx, op, obj.Key, header)
	switch {
	case err != nil:
		return store.Object{}, nil, err
	case obj.Hash != "" && obj.Hash != now.Hash:
		return store.Object{}, nil, changed(op, obj, now)
	case now.Frozen:
		return store.Object{}, nil, fault.New(fault.Denied, op, obj.Key, fault.Errorf("it is in class %s and must be thawed before it can be read", now.Class))
	}
	return now, http.NoBody, nil
}

// opened holds an answer against what was asked for, and says how long its body must be.
func opened(op string, a *answer, obj store.Object, off, n int64) (now store.Object, left int64, err error) {
	if now, err = describe(obj.Key, a.header); err != nil {
		return now, 0, fault.New(fault.Temporary, op, obj.Key, err)
	}
	if obj.Hash != "" && obj.Hash != now.Hash {
		return now, 0, changed(op, obj, now)
	}
	if ranged := off > 0 || n > 0; ranged {
		span := a.get("Content-Range")
		first, last, _, ok := store.ContentRange(span)
		end := now.Size
		if n > 0 {
			end = min(end, off+n)
		}
		if a.status != http.StatusPartialContent || !ok || first != off || last != end-1 {
			return now, 0, fault.New(fault.Temporary, op, obj.Key, fault.Errorf("asked for bytes from %d on, got status %d with range %q", off, a.status, span))
		}
	}
	left = now.Size - off
	if n > 0 {
		left = min(left, n)
	}
	now.Frozen = false // it was just read: the bucket reads Archive directly
	return now, left, nil
}

func changed(op string, asked, now store.Object) error {
	return fault.New(fault.Changed, op, asked.Key, fault.Errorf("it has ETag %q, not %q", now.Hash, asked.Hash))
}

// Delete removes key with one request. A missing key is no error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	const op = "oss.Delete"
	if err := b.CheckKey(key); err != nil {
		return err
	}
	a, err := b.send(ctx, request{op: op, method: "DELETE", key: key})
	a.close()
	if r, ok := errors.AsType[*refusal](err); ok && r.code == "NoSuchKey" {
		return nil
	}
	return err
}
