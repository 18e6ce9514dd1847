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
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/app"
	"kodoferry/shared/digest"
	"kodoferry/shared/job"
	"kodoferry/shared/store"
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

// newFloor returns a floor with transports like those of the drivers: the same
// buffers and idle connections, HTTP/1.1, no compression. hashed computes SHA-1 and CRC64
// of every byte.
func newFloor(spec Spec, hashed bool) *floor {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	transport := func(writeBuffer int) *http.Transport {
		return &http.Transport{
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: 256, IdleConnTimeout: 45 * time.Second,
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

// one copies one key, with p for its hashes.
func (f *floor) one(ctx context.Context, key string, p *proof) error {
	got, err := f.get.RoundTrip(request(ctx, http.MethodGet, f.from, key))
	if err != nil {
		return err
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusOK || got.ContentLength != f.size {
		return fmt.Errorf("GET answered %s with %d bytes", got.Status, got.ContentLength)
	}
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

// listFloor lists the source with its driver, with spec.Both also the target at the
// same time, and returns how many objects the source lists.
func listFloor(ctx context.Context, spec Spec) (int64, error) {
	j, err := job.New(spec.Source, spec.Target, spec.Ledger)
	if err != nil {
		return 0, err
	}
	sites, err := app.Load(os.Getenv).Connect(j)
	if err != nil {
		return 0, err
	}
	var listed, beside int64
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return drain(ctx, sites.Source, j.Source.Prefix, &listed) })
	if spec.Both {
		g.Go(func() error { return drain(ctx, sites.Target, j.Target.Prefix, &beside) })
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	if spec.Both && beside != listed {
		return 0, fmt.Errorf("the source lists %d objects, the target %d", listed, beside)
	}
	return listed, nil
}

// drain lists everything below prefix and adds the number of objects to n.
func drain(ctx context.Context, from store.Source, prefix string, n *int64) error {
	for _, err := range from.List(ctx, store.Range{Prefix: prefix}) {
		if err != nil {
			return err
		}
		*n++
	}
	return nil
}
