package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

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
// mistakes it is about: a GET of one byte does. So it does where a HEAD names no size.
func (b *Bucket) head(ctx context.Context, op, key string, header map[string]string) (store.Object, error) {
	if key == "" {
		return store.Object{}, fault.New(fault.Invalid, op, key, errors.New("S3 has no empty keys"))
	}
	asked := store.Object{Key: key}
	r := request{op: op, method: http.MethodHead, key: key, header: header}
	resp, _, err := b.fetch(ctx, r)
	said, ok := errors.AsType[*refusal](err)
	if ok && vague(said.status) || err == nil && describe(asked, resp).Size < 0 {
		r.method, r.header = http.MethodGet, map[string]string{"Range": "bytes=0-0"}
		for name, value := range header {
			r.header[name] = value
		}
		if resp, _, err = b.fetch(ctx, r); err == nil && resp.StatusCode != http.StatusPartialContent {
			tells := "names no size"
			if said != nil {
				tells = fmt.Sprintf("tells nothing (%v)", said)
			}
			return store.Object{}, fault.New(fault.Temporary, op, key, fault.Errorf("a HEAD %s, a GET of one byte answered with status %d", tells, resp.StatusCode))
		}
	}
	if err != nil {
		return store.Object{}, err
	}
	o := describe(asked, resp)
	if o.Size < 0 {
		return store.Object{}, fault.New(fault.Temporary, op, key, fault.Errorf("the answer names no size: Content-Length %q, Content-Range %q", resp.Header.Get("Content-Length"), resp.Header.Get("Content-Range")))
	}
	return o, nil
}

// vague reports whether a status alone leaves open what is the matter.
func vague(status int) bool {
	return status/100 == 3 || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented || status == http.StatusBadRequest || status == http.StatusForbidden || status == http.StatusNotFound
}

// Open implements store.Source by one GET (a HEAD where n is 0), tried once,
// and describes the object as Stat does. The object must still have obj.Hash
// (If-Match, and the answer's own ETag for services that do not know it). What the
// answer leaves out is as obj has it (describe). The right ETag with another size is Corrupt. A range that begins at or behind the
// end is Invalid, and so is a service that ignores ranges.
func (b *Bucket) Open(ctx context.Context, obj store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	const op = "s3.Open"
	fail := func(kind fault.Kind, format string, args ...any) (store.Object, io.ReadCloser, error) {
		return store.Object{}, nil, fault.New(kind, op, obj.Key, fault.Errorf(format, args...))
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
		return fault.New(fault.Changed, op, asked.Key, fault.Errorf("its ETag is %s now, not %s", found.Hash, asked.Hash))
	case asked.Size != found.Size:
		return fault.New(fault.Corrupt, op, asked.Key, fault.Errorf("%d bytes under the ETag of %d", found.Size, asked.Size))
	}
	return nil
}

// opened holds an answer against what was asked for, and returns how many bytes its body has.
func opened(resp *http.Response, asked store.Object, off, n int64) (store.Object, int64, error) {
	const op = "s3.Open"
	found := describe(asked, resp)
	if resp.Header.Get("ETag") == "" && asked.Hash != "" && found.Size != asked.Size {
		return found, 0, fault.New(fault.Temporary, op, asked.Key, fault.Errorf("an answer without an ETag, of %d bytes where the object has %d: it may not be the service's own", found.Size, asked.Size))
	}
	if err := unchanged(asked, found); err != nil {
		return found, 0, err
	}
	found.Frozen = false // it is being read
	if found.Size < 0 {
		found.Size = 0
		if resp.StatusCode != http.StatusOK || len(resp.TransferEncoding) == 0 || off > 0 || n > 0 {
			return found, 0, fault.New(fault.Temporary, op, asked.Key, errors.New("the answer does not say how much the object has"))
		}
		return found, -1, nil
	}
	end := found.Size
	if n > 0 {
		end = min(end, off+n)
	}
	whole := off == 0 && end == found.Size
	if resp.StatusCode == http.StatusPartialContent {
		first, last, _, ok := store.ContentRange(resp.Header.Get("Content-Range"))
		if got := resp.Header.Get("Content-Range"); !ok || first != off || last != end-1 {
			return found, 0, fault.New(fault.Corrupt, op, asked.Key, fault.Errorf("asked for %s, got %q", rangeOf(off, n), got))
		}
	} else if resp.StatusCode != http.StatusOK {
		return found, 0, fault.New(fault.Temporary, op, asked.Key, fault.Errorf("an answer of status %d", resp.StatusCode))
	} else if !whole {
		return found, 0, fault.New(fault.Invalid, op, asked.Key, fault.Errorf("asked for %s, got all with status %d: the service ignores ranges", rangeOf(off, n), resp.StatusCode))
	}
	return found, end - off, nil
}
