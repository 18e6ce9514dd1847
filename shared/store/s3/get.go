package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Stat implements store.Source by a HEAD, tried up to 6 times: every field but
// Parts and CRC64, MD5 only where the ETag is one. Modified has whole seconds.
// A bucket that does not exist is Invalid, because NotFound is about the object.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	const op = "s3.Stat"
	return retry(ctx, b, op, key, func() (store.Object, error) { return b.head(ctx, op, key, nil) })
}

// head asks once. An answer to a HEAD has no document, so that one that refuses
// does not say what is missing, the object or its bucket, nor which of all
// mistakes it is about: a GET of one byte does.
func (b *Bucket) head(ctx context.Context, op, key string, header map[string]string) (store.Object, error) {
	if key == "" {
		return store.Object{}, fault.New(fault.Invalid, op, key, errors.New("S3 has no empty keys"))
	}
	r := request{op: op, method: http.MethodHead, key: key, header: header}
	resp, _, err := b.fetch(ctx, r)
	if said, ok := errors.AsType[*refusal](err); ok && vague(said.status) {
		r.method, r.header = http.MethodGet, map[string]string{"Range": "bytes=0-0"}
		for name, value := range header {
			r.header[name] = value
		}
		if resp, _, err = b.fetch(ctx, r); err == nil && resp.StatusCode != http.StatusPartialContent {
			return store.Object{}, fault.New(fault.Temporary, op, key, fmt.Errorf("a HEAD was refused (%w), a GET of one byte answered with status %d", said, resp.StatusCode))
		}
	}
	if err != nil {
		return store.Object{}, err
	}
	o, err := describe(key, resp)
	if err != nil {
		return store.Object{}, fault.New(fault.Temporary, op, key, err)
	}
	return o, nil
}

// vague reports whether a status alone leaves open what is the matter.
func vague(status int) bool {
	return status/100 == 3 || status == http.StatusBadRequest || status == http.StatusForbidden || status == http.StatusNotFound
}

// Open implements store.Source by one GET (a HEAD where n is 0), tried once,
// and describes the object as Stat does. The object must still have obj.Hash
// (If-Match, and the answer's own ETag for services that do not know it). The
// right ETag with another size is Corrupt. A range that begins at or behind the
// end is Invalid, and so is a service that ignores ranges.
func (b *Bucket) Open(ctx context.Context, obj store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	const op = "s3.Open"
	fail := func(kind fault.Kind, format string, args ...any) (store.Object, io.ReadCloser, error) {
		return store.Object{}, nil, fault.New(kind, op, obj.Key, fmt.Errorf(format, args...))
	}
	switch {
	case off < 0:
		return fail(fault.Invalid, "offset %d", off)
	case obj.Key == "":
		return fail(fault.Invalid, "S3 has no empty keys")
	}
	header := map[string]string{}
	if obj.Hash != "" {
		header["If-Match"] = entityTag(obj.Hash)
	}
	if n == 0 {
		found, err := b.head(ctx, op, obj.Key, header)
		if err == nil {
			err = unchanged(obj, found)
		}
		if err == nil && found.Frozen {
			return fail(fault.Denied, "it is archived (%s) and not restored", found.Class)
		}
		return found, http.NoBody, err
	}
	if off > 0 || n > 0 {
		header["Range"] = rangeOf(off, n)
	}
	resp, err := b.send(ctx, request{op: op, method: http.MethodGet, key: obj.Key, header: header})
	if err != nil {
		return store.Object{}, nil, err
	}
	found, left, err := opened(resp, obj, off, n)
	if err != nil {
		_ = resp.Body.Close()
		return store.Object{}, nil, err
	}
	return found, store.NewBody(ctx, resp.Body, "s3.Read", obj.Key, left), nil
}

func rangeOf(off, n int64) string {
	if n < 0 {
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, off+n-1)
}

// unchanged fails where found is not the content that was asked for.
func unchanged(asked, found store.Object) error {
	const op = "s3.Open"
	switch {
	case asked.Hash == "":
		return nil
	case asked.Hash != found.Hash:
		return fault.New(fault.Changed, op, asked.Key, fmt.Errorf("its ETag is %s now, not %s", found.Hash, asked.Hash))
	case asked.Size != found.Size:
		return fault.New(fault.Corrupt, op, asked.Key, fmt.Errorf("%d bytes under the ETag of %d", found.Size, asked.Size))
	}
	return nil
}

// opened holds an answer against what was asked for, and returns how many bytes its body has.
func opened(resp *http.Response, asked store.Object, off, n int64) (store.Object, int64, error) {
	const op = "s3.Open"
	found, err := describe(asked.Key, resp)
	if err != nil {
		return found, 0, fault.New(fault.Temporary, op, asked.Key, err)
	}
	if err := unchanged(asked, found); err != nil {
		return found, 0, err
	}
	found.Frozen = false // it is being read
	end := found.Size
	if n > 0 {
		end = min(end, off+n)
	}
	whole := off == 0 && end == found.Size
	if resp.StatusCode == http.StatusPartialContent {
		want := "bytes " + strconv.FormatInt(off, 10) + "-" + strconv.FormatInt(end-1, 10) + "/"
		if got := resp.Header.Get("Content-Range"); !strings.HasPrefix(got, want) {
			return found, 0, fault.New(fault.Corrupt, op, asked.Key, fmt.Errorf("asked for %s, got %q", rangeOf(off, n), got))
		}
	} else if !whole {
		return found, 0, fault.New(fault.Invalid, op, asked.Key, fmt.Errorf("asked for %s, got all with status %d: the service ignores ranges", rangeOf(off, n), resp.StatusCode))
	}
	return found, end - off, nil
}
