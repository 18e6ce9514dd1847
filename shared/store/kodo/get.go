package kodo

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/qiniu/go-sdk/v7/storagev2/apis"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

// signedFor is how long a download's signature is valid: longer than any
// stream, and than a clock is off that takes local time for UTC.
const signedFor = 24 * time.Hour

// Stat implements store.Source by /stat, tried up to 6 times. What it tells is
// what List tells. The answer must hold fsize, and hash or putTime. A bucket that does not exist is Invalid, because NotFound is
// about the object.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	const op = "kodo.Stat"
	h, err := b.resolve(ctx, false)
	if err != nil {
		return store.Object{}, err
	}
	return retry(ctx, b, op, key, func() (o store.Object, err error) {
		r := request{op: op, key: key, asked: ofObject, own: true, read: func(data []byte) error {
			var j jsonItem
			return decode(data, &j, func() (err error) {
				it := j.item()
				it.key = key
				if it.hash == "" && it.put == 0 && it.odd == "" {
					return errors.New("neither a hash nor a putTime")
				}
				o, err = it.object()
				return err
			})
		}}
		_, err = ask(ctx, b, r, h.rs, func(ctx context.Context, o *apis.Options) (*apis.StatObjectResponse, error) {
			return newSDK(b).StatObject(ctx, &apis.StatObjectRequest{Entry: b.cfg.Bucket + ":" + key, NeedParts: true}, o)
		})
		return o, err
	})
}

// Open implements store.Source by one signed GET (a HEAD where n is 0), tried
// once. What it returns is what the answer said: Size, Hash, Modified (whole
// seconds), Type, Meta, and Header without what Kodo tells of every object. A
// host that sends no hash, as some CDN domains do, is held to the listed size
// alone. Where that is not the object that was listed, and the bucket itself has
// that one still, the host is asked twice more, as one node of a CDN may be behind
// the others; then it is Invalid, for its cache is to be refreshed. A range that begins behind the end is Invalid, and so is a
// host that ignores ranges or sends elsewhere.
func (b *Bucket) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	found, body, err := b.open(ctx, o, off, n)
	if _, ok := errors.AsType[*another](err); !ok || !b.has(ctx, o) {
		return found, body, err
	}
	for range 2 {
		found, body, err = b.open(ctx, o, off, n)
		if _, ok := errors.AsType[*another](err); !ok {
			return found, body, err
		}
	}
	cure := "name a domain that is bound to the bucket, domain="
	if b.domain != "" {
		cure = "leave out domain="
	}
	return store.Object{}, nil, fault.New(fault.Invalid, "kodo.Open", o.Key, fault.Errorf("%w: refresh its cache, or %s (%w)", store.ErrServedAnother, cure, err))
}

// has reports whether the bucket itself still has o as it was listed.
func (b *Bucket) has(ctx context.Context, o store.Object) bool {
	now, err := b.Stat(ctx, o.Key)
	return err == nil && now.Hash == o.Hash && now.Size == o.Size
}

// open is Open, with one GET. What is not the object that was asked for is Changed,
// or Corrupt under its hash, with another as the cause.
func (b *Bucket) open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	const op = "kodo.Open"
	if off < 0 {
		return store.Object{}, nil, fault.New(fault.Invalid, op, o.Key, fault.Errorf("offset %d", off))
	}
	h, err := b.resolve(ctx, true)
	if err != nil {
		return store.Object{}, nil, err
	}
	req := b.download(ctx, h.source, o.Key)
	w := wanted{o: o, off: off, n: n}
	switch {
	case n == 0:
		req.Method, w.off = http.MethodHead, 0
	case w.part():
		req.Header = http.Header{"Accept-Encoding": identity, "Range": {w.header()}}
	}
	resp, err := b.cfg.Transport.RoundTrip(req)
	if err != nil {
		return store.Object{}, nil, network(ctx, op, o.Key, err)
	}
	found := answered(o.Key, resp)
	var left int64
	if resp.StatusCode/100 == 2 || w.part() && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		left, err = w.holds(resp, &found)
	} else {
		err = b.refused(op, o.Key, ofDownload, resp)
	}
	if err != nil {
		_ = resp.Body.Close()
		return store.Object{}, nil, err
	}
	transport.Spent(resp.Header)
	if n != 0 && left != 0 {
		return found, store.NewBody(ctx, resp.Body, "kodo.Read", o.Key, left), nil
	}
	_ = resp.Body.Close()
	return found, http.NoBody, nil
}

// download makes the signed request for key (FACTS: what is signed is the
// escaped URL). RawPath beside Path makes net/http send the key exactly as it
// is escaped here, "..", "//" and all; a key that needs no escaping it sends as it is.
func (b *Bucket) download(ctx context.Context, base, key string) *http.Request {
	scheme, host, _ := strings.Cut(base, "://")
	u := &url.URL{Scheme: scheme, Host: host, Path: "/" + key}
	escaped := escape(key)
	if escaped != key {
		u.RawPath = "/" + escaped
	}
	p, _ := b.pens.Get().(*pen) // the pool holds nothing else
	defer b.pens.Put(p)
	text := append(append(append(append(p.text[:0], base...), '/'), escaped...), '?')
	query := len(text)
	text = strconv.AppendInt(append(text, "e="...), b.cfg.Now().Add(signedFor).Unix(), 10)
	text = p.sign(append(text, "&token="...), len(text), b.cfg.AccessKey)
	p.text, u.RawQuery = text, string(text[query:])
	r := &http.Request{Method: http.MethodGet, URL: u, Host: host, Header: whole, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return r.WithContext(ctx)
}

var (
	identity = []string{"identity"}
	whole    = http.Header{"Accept-Encoding": identity} // of a request for all of an object; never changed
)

// pen is what a signature is written with: memory that is used again.
type pen struct {
	mac  hash.Hash // with the secret key
	text []byte
	sum  [sha1.Size]byte
}

// sign appends to text the token for the first n bytes of it, as the SDK's
// Credentials.Sign does; that makes two new HMACs for each, which a test holds
// this against.
func (p *pen) sign(text []byte, n int, id string) []byte {
	p.mac.Reset()
	_, _ = p.mac.Write(text[:n]) // never fails
	text = append(append(text, id...), ':')
	return base64.URLEncoding.AppendEncode(text, p.mac.Sum(p.sum[:0]))
}
