package kodo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// signedFor is how long a download's signature is valid: the longest stream of
// one object, a slow one of 5 GB, ends before.
const signedFor = 24 * time.Hour

// stall is how long a download may yield nothing before it is given up.
const stall = time.Minute

// Stat implements store.Source by /stat, tried up to 6 times.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	const op = "kodo.Stat"
	h, err := b.resolve(ctx, false)
	if err != nil {
		return store.Object{}, err
	}
	it, err := retry(ctx, b, func() (item, error) {
		var it item
		data, err := b.call(ctx, op, key, http.MethodGet, h.rs+"/stat/"+b.entry(key)+"?needparts=true", nil, true)
		if err != nil {
			return it, err
		}
		if err := json.Unmarshal(data, &it); err != nil {
			return it, fault.New(fault.Temporary, op, key, fmt.Errorf("an answer that cannot be read: %w", err))
		}
		return it, nil
	})
	if err != nil {
		return store.Object{}, err
	}
	it.Key = key
	return it.object(it.needsThaw() && it.Restored != thawed), nil
}

// Open implements store.Source by one signed GET. An answer without an ETag,
// as some CDN domains give, is held against the listed size alone; the caller's
// hash of the bytes decides then.
func (b *Bucket) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	const op = "kodo.Open"
	h, err := b.resolve(ctx, true)
	if err != nil {
		return store.Object{}, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := b.download(ctx, h.source, o.Key)
	if err != nil {
		cancel(nil)
		return store.Object{}, nil, fault.New(fault.Invalid, op, o.Key, err)
	}
	part := off > 0 || n >= 0
	if part {
		req.Header.Set("Range", rangeOf(off, n))
	}
	resp, err := b.client.Do(req)
	if err != nil {
		defer cancel(nil)
		return store.Object{}, nil, network(ctx, op, o.Key, err)
	}
	refuse := func(err error) (store.Object, io.ReadCloser, error) {
		_ = resp.Body.Close()
		cancel(nil)
		return store.Object{}, nil, err
	}
	switch {
	case part && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && (n == 0 || off == o.Size):
		_ = resp.Body.Close()
		cancel(nil)
		return o, http.NoBody, nil
	case resp.StatusCode == http.StatusOK && !part, resp.StatusCode == http.StatusPartialContent && part:
	case resp.StatusCode == http.StatusOK && part:
		return refuse(fault.New(fault.Invalid, op, o.Key, errors.New("the download host ignores ranges: name another, domain=")))
	default:
		return refuse(b.refused(op, o.Key, resp))
	}
	found := answered(o.Key, resp)
	switch {
	case o.Hash != "" && found.Hash != "" && found.Hash != o.Hash:
		return refuse(fault.New(fault.Changed, op, o.Key, fmt.Errorf("its hash is %s now, not %s", found.Hash, o.Hash)))
	case !part && o.Hash != "" && found.Hash == "" && resp.ContentLength >= 0 && resp.ContentLength != o.Size:
		return refuse(fault.New(fault.Changed, op, o.Key, fmt.Errorf("it has %d bytes now, not %d", resp.ContentLength, o.Size)))
	}
	if n == 0 { // HTTP has no range of nothing: one byte was asked for
		_ = resp.Body.Close()
		cancel(nil)
		return found, http.NoBody, nil
	}
	return found, newBody(ctx, cancel, o.Key, resp), nil
}

func rangeOf(off, n int64) string {
	if n < 0 {
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, off+max(n, 1)-1)
}

// download makes the signed request for key. The key goes out exactly as it is
// escaped here: net/http would clean nothing, but url.Parse would decode and
// encode again, so the path is given as opaque.
func (b *Bucket) download(ctx context.Context, base, key string) (*http.Request, error) {
	address := base + "/" + escape(key) + "?e=" + strconv.FormatInt(b.cfg.Now().Add(signedFor).Unix(), 10)
	address += "&token=" + b.keys.Sign([]byte(address))
	scheme, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	path, query, _ := strings.Cut(path, "?")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+host+"/", nil)
	if err != nil {
		return nil, errors.New("the download host is not one")
	}
	req.URL.Opaque = "//" + host + "/" + path
	req.URL.RawQuery = query
	req.Header.Set("Accept-Encoding", "identity")
	return req, nil
}

// escape percent-encodes every byte of key but letters, digits, -_.~ and /.
func escape(key string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	out.Grow(len(key) + 16)
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~/", c) >= 0:
			out.WriteByte(c)
		default:
			out.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}

// answered is what a download's header says of the object.
func answered(key string, resp *http.Response) store.Object {
	o := store.Object{Key: key, Size: resp.ContentLength, Type: resp.Header.Get("Content-Type")}
	if resp.StatusCode == http.StatusPartialContent {
		_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		if n, err := strconv.ParseInt(total, 10, 64); err == nil {
			o.Size = n
		}
	}
	o.Hash = strings.Trim(strings.TrimPrefix(resp.Header.Get("ETag"), "W/"), `"`)
	if at, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		o.Modified = at
	}
	meta := map[string]string{}
	for name, values := range resp.Header {
		switch lower := strings.ToLower(name); {
		case strings.HasPrefix(lower, metaPrefix):
			meta[lower] = values[0]
		case kept[name]:
			meta[headerMark+lower] = values[0]
		}
	}
	setMeta(&o, meta)
	return o
}

// body is a download that fails rather than ends early, also by silence.
type body struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	resp   io.ReadCloser
	key    string
	left   int64 // bytes still to come; -1 if the answer did not say
	timer  *time.Timer
}

var errStalled = fmt.Errorf("nothing came for %s", stall)

func newBody(ctx context.Context, cancel context.CancelCauseFunc, key string, resp *http.Response) *body {
	return &body{
		ctx: ctx, cancel: cancel, resp: resp.Body, key: key, left: resp.ContentLength,
		timer: time.AfterFunc(stall, func() { cancel(errStalled) }),
	}
}

func (b *body) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil { // what is buffered already is not handed out any more
		return 0, network(b.ctx, "kodo.Read", b.key, b.ctx.Err())
	}
	n, err := b.resp.Read(p)
	b.timer.Reset(stall)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	switch {
	case err == nil, err == io.EOF && b.left <= 0:
		return n, err
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, network(b.ctx, "kodo.Read", b.key, err)
}

func (b *body) Close() error {
	b.timer.Stop()
	err := b.resp.Close()
	b.cancel(nil)
	return err
}
