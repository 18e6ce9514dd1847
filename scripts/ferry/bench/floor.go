package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/digest"
)

// floor copies keys as fast as this transport can: each GET is piped into a PUT,
// without retries, records or proof.
type floor struct {
	spec     Spec
	hashed   bool
	size     int64
	from, to *url.URL
	get, put *http.Transport
}

// newFloor returns a floor with transports of net/http: idle connections for all requests,
// HTTP/1.1, no compression. hashed computes SHA-1 and CRC64
// of every byte.
func newFloor(spec Spec, hashed bool) *floor {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	transport := func(writeBuffer int) *http.Transport {
		return &http.Transport{
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: max(256, spec.Parallel), IdleConnTimeout: 45 * time.Second,
			DisableCompression: true, ReadBufferSize: 32 << 10, WriteBufferSize: writeBuffer,
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		}
	}
	return &floor{spec: spec, hashed: hashed, size: spec.Bytes / max(1, spec.Objects), get: transport(0), put: transport(64 << 10)}
}

// copyAll copies every key of the spec, spec.Parallel at a time.
func (f *floor) copyAll(ctx context.Context) error {
	from, err1 := url.Parse(f.spec.Download)
	to, err2 := url.Parse(f.spec.Upload)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	f.from, f.to = from, to
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(f.spec.Parallel, len(f.spec.Keys)) {
		g.Go(func() error {
			p := &proof{qetag: digest.NewQetag(nil)}
			for {
				i := int(next.Add(1)) - 1
				if i >= len(f.spec.Keys) {
					return nil
				}
				if err := f.one(ctx, f.spec.Keys[i], p); err != nil {
					return fmt.Errorf("%s: %w", f.spec.Keys[i], err)
				}
			}
		})
	}
	return g.Wait()
}

// one copies one key, with p for its hashes; where a stage reads what was copied, it
// reads that and writes nothing.
func (f *floor) one(ctx context.Context, key string, p *proof) error {
	if f.spec.Stage == stageReread {
		return f.reread(ctx, key, p)
	}
	got, err := f.fetch(ctx, f.from, key)
	if err != nil {
		return err
	}
	defer func() { _ = got.Body.Close() }()
	put := request(ctx, http.MethodPut, f.to, key)
	put.ContentLength, put.Body = got.ContentLength, got.Body
	put.Header["Content-Type"] = got.Header["Content-Type"]
	if f.hashed {
		p.begin(got.Body)
		put.Body = p
	}
	stored, err := f.put.RoundTrip(put)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, stored.Body); err != nil {
		return err
	}
	if err := stored.Body.Close(); err != nil {
		return err
	}
	switch {
	case stored.StatusCode != http.StatusOK:
		return fmt.Errorf("PUT answered %s", stored.Status)
	case f.hashed:
		return p.agrees(got.Header.Get("Etag"), stored.Header.Get("X-Oss-Hash-Crc64ecma"))
	}
	return nil
}

// reread reads the copy of one key and drops it.
func (f *floor) reread(ctx context.Context, key string, p *proof) error {
	got, err := f.fetch(ctx, f.to, key)
	if err != nil {
		return err
	}
	defer func() { _ = got.Body.Close() }()
	if !f.hashed {
		_, err = io.Copy(io.Discard, got.Body)
		return err
	}
	p.begin(got.Body)
	if _, err := io.Copy(io.Discard, p); err != nil {
		return err
	}
	return p.agrees(p.qetag.Sum(), got.Header.Get("X-Oss-Hash-Crc64ecma"))
}

// fetch begins to read one key, which must be as large as each is.
func (f *floor) fetch(ctx context.Context, from *url.URL, key string) (*http.Response, error) {
	got, err := f.get.RoundTrip(request(ctx, http.MethodGet, from, key))
	if err == nil && (got.StatusCode != http.StatusOK || got.ContentLength != f.size) {
		_ = got.Body.Close()
		err = fmt.Errorf("GET answered %s with %d bytes", got.Status, got.ContentLength)
	}
	return got, err
}

// request returns a request for a key below base, without parsing a URL.
func request(ctx context.Context, method string, base *url.URL, key string) *http.Request {
	r := &http.Request{
		Method: method, URL: &url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path + key},
		Host: base.Host, Header: make(http.Header, 2), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return r.WithContext(ctx)
}

// proof is a body whose qetag (SHA-1 by blocks of 4 MiB) and CRC64 are computed as it
// is read.
type proof struct {
	io.ReadCloser // the body
	qetag         *digest.Qetag
	crc           uint64
}

// begin resets p for another body.
func (p *proof) begin(body io.ReadCloser) {
	p.ReadCloser, p.crc = body, 0
	p.qetag.Reset(nil)
}

// Read implements io.Reader.
func (p *proof) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	_, _ = p.qetag.Write(b[:n]) // never fails
	p.crc = digest.CRC64(p.crc, b[:n])
	return n, err
}

// agrees compares what was computed with the ETag of the source and the CRC64 of the
// target.
func (p *proof) agrees(etag, crc string) error {
	if got := p.qetag.Sum(); got != strings.Trim(etag, `"`) {
		return fmt.Errorf("the qetag is %s, the source says %s", got, etag)
	}
	if got := strconv.FormatUint(p.crc, 10); got != crc {
		return fmt.Errorf("the CRC64 is %s, the target says %s", got, crc)
	}
	return nil
}
