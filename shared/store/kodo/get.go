package kodo

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// signedFor is how long a download's signature is valid: longer than any
// stream, and than a clock is off that takes local time for UTC.
const signedFor = 24 * time.Hour

// Stat implements store.Source by /stat, tried up to 6 times. What it tells is
// what List tells. A bucket that does not exist is Invalid, because NotFound is
// about the object.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	const op = "kodo.Stat"
	h, err := b.resolve(ctx, false)
	if err != nil {
		return store.Object{}, err
	}
	r := request{op: op, key: key, asked: ofObject, method: http.MethodGet, url: h.rs + "/stat/" + b.entry(key) + "?needparts=true"}
	return retry(ctx, b, op, key, func() (store.Object, error) {
		data, err := b.call(ctx, r)
		if err != nil {
			return store.Object{}, err
		}
		var j jsonItem
		err = json.Unmarshal(data, &j)
		it := j.item()
		it.key = key
		o, wrong := it.object()
		if err := errors.Join(err, wrong); err != nil {
			return store.Object{}, fault.New(fault.Temporary, op, key, fmt.Errorf("an answer that cannot be read: %w", err))
		}
		return o, nil
	})
}

// Open implements store.Source by one signed GET (a HEAD where n is 0), tried
// once. What it returns is what the answer said: Size, Hash, Modified (whole
// seconds), Type, Meta, and Header without what Kodo tells of every object. A
// host that sends no hash, as some CDN domains do, is held to the listed size
// alone. The right hash with another size is Corrupt: the download domain
// alters content. A range that begins behind the end is Invalid, and so is a
// host that ignores ranges or sends elsewhere.
func (b *Bucket) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	const op = "kodo.Open"
	if off < 0 {
		return store.Object{}, nil, fault.New(fault.Invalid, op, o.Key, fmt.Errorf("offset %d", off))
	}
	h, err := b.resolve(ctx, true)
	if err != nil {
		return store.Object{}, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	found, body, err := b.open(ctx, cancel, h.source, o, off, n)
	if err != nil {
		cancel(nil)
		return store.Object{}, nil, err
	}
	return found, body, nil
}

func (b *Bucket) open(ctx context.Context, cancel context.CancelCauseFunc, base string, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	const op = "kodo.Open"
	req := b.download(ctx, base, o.Key)
	w := wanted{o: o, off: off, n: n}
	switch {
	case n == 0:
		req.Method, w.off = http.MethodHead, 0
	case w.part():
		req.Header.Set("Range", w.header())
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
	d := store.NewBody(ctx, cancel, resp.Body, "kodo.Read", o.Key, left, b.stall)
	if n != 0 && left != 0 {
		return found, d, nil
	}
	_ = d.Close()
	return found, http.NoBody, nil
}

// download makes the signed request for key (FACTS: what is signed is the
// escaped URL). RawPath beside Path makes net/http send the key exactly as it
// is escaped here, "..", "//" and all; a key that needs no escaping it sends as it is.
func (b *Bucket) download(ctx context.Context, base, key string) *http.Request {
	scheme, host, _ := strings.Cut(base, "://")
	u := &url.URL{Scheme: scheme, Host: host, Path: "/" + key}
	raw := "/" + escape(key)
	if raw != u.Path {
		u.RawPath = raw
	}
	text := make([]byte, 0, 512)
	text = append(append(append(text, base...), raw...), "?e="...)
	text = strconv.AppendInt(text, b.cfg.Now().Add(signedFor).Unix(), 10)
	query := string(text[len(base)+len(raw)+1:])
	u.RawQuery = query + "&token=" + b.sign(text)
	r := &http.Request{Method: http.MethodGet, URL: u, Host: host, Header: http.Header{"Accept-Encoding": identity}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return r.WithContext(ctx)
}

// sign returns the token for what is signed, as the SDK's Credentials.Sign does;
// that makes two new HMACs for each, which a test holds this against.
func (b *Bucket) sign(text []byte) string {
	mac, _ := b.macs.Get().(hash.Hash) // the pool holds nothing else
	defer b.macs.Put(mac)
	mac.Reset()
	_, _ = mac.Write(text) // never fails
	var sum [sha1.Size]byte
	token := append(append(make([]byte, 0, 128), b.cfg.AccessKey...), ':')
	return string(base64.URLEncoding.AppendEncode(token, mac.Sum(sum[:0])))
}

var identity = []string{"identity"}
