package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	answerTime  = 30 * time.Second // these three as of store.NewTransport
	silenceTime = time.Minute
	idleTime    = 15 * time.Second // AWS closes an idle connection after about 20

	callTime = 2 * time.Minute // an answer without a body to stream that takes longer is given up

	// maxAnswer is the most bytes of a listing: 1,000 keys of 1,024 bytes, each
	// byte encoded by three, take 4 MB.
	maxAnswer = 32 << 20
)

// retry is store.Retry with the bucket's pauses.
func retry[T any](ctx context.Context, b *Bucket, op, key string, f func() (T, error)) (T, error) {
	return store.Retry(ctx, b.pause(), op, key, f)
}

// request is one request to the bucket, or to the object key in it.
type request struct {
	op, method, key string
	params          url.Values
	header          map[string]string
	body            []byte // nil of any but the one that restores
}

var errNoKeys = errors.New("no credentials: the access key or its secret is empty")

// send makes one request, once. An answer other than 2xx is an error. The
// caller closes any other.
func (b *Bucket) send(ctx context.Context, r request) (*http.Response, error) {
	c := b.cfg.Credentials()
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return nil, fault.New(fault.Denied, r.op, r.key, errNoKeys)
	}
	req, err := b.signed(ctx, r, c)
	if err != nil {
		return nil, fault.New(fault.Invalid, r.op, r.key, fault.Errorf("cannot be signed: %w", err))
	}
	resp, err := b.cfg.Transport.RoundTrip(req)
	if err != nil {
		return nil, network(ctx, r.op, r.key, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, b.refused(r, resp)
}

// emptySum is the SHA-256 of no body, as every request has but the one that restores.
const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// signed makes the signed request that r describes. RawPath beside Path makes
// net/http send the key exactly as it is escaped here, "..", "//" and all. Of the
// headers, those of S3's own are signed: proxies rewrite others, as Accept-Encoding.
func (b *Bucket) signed(ctx context.Context, r request, c Credentials) (*http.Request, error) {
	at := "/"
	if !b.inHost {
		at += b.cfg.Bucket
		if r.key != "" {
			at += "/"
		}
	}
	u := &url.URL{Scheme: b.scheme, Host: b.host, Path: at + r.key, RawQuery: r.params.Encode()}
	raw := escape(u.Path)
	if raw != u.Path {
		u.RawPath = raw
	}
	sum := emptySum
	h := http.Header{}
	req := (&http.Request{Method: r.method, URL: u, Host: b.host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	if r.body != nil {
		digest := sha256.Sum256(r.body)
		sum = hex.EncodeToString(digest[:])
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
	}
	h.Set("X-Amz-Content-Sha256", sum)
	for name, value := range r.header {
		if strings.HasPrefix(name, "X-Amz-") {
			h.Set(name, value)
		}
	}
	keys := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
	if err := b.signer.SignHTTP(ctx, keys, req, sum, "s3", b.cfg.Region, b.cfg.Now()); err != nil {
		return nil, err
	}
	h.Set("User-Agent", "kodoferry")
	h.Set("Accept-Encoding", "identity")
	for name, value := range r.header {
		h.Set(name, value)
	}
	return req, nil
}

var errSlow = fmt.Errorf("the answer took longer than %s", callTime)

// fetch makes one request, once, and returns its whole answer.
func (b *Bucket) fetch(ctx context.Context, r request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTime, errSlow)
	defer cancel()
	resp, err := b.send(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	coded := resp.Header
	if r.key != "" {
		coded = nil // it tells how the object is coded, which is none of ours
	}
	data, err := store.ReadDocument(coded, resp.Body, maxAnswer)
	switch {
	case errors.Is(err, store.ErrTooLong):
		return nil, nil, fault.New(fault.Invalid, r.op, r.key, err)
	case err != nil:
		return nil, nil, network(ctx, r.op, r.key, err)
	}
	return resp, data, nil
}

// network is the fault of a request without an answer.
func network(ctx context.Context, op, key string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	kind := fault.KindOf(err)
	switch {
	case store.Misaddressed(err):
		kind = fault.Invalid
	case kind == fault.Unknown:
		kind = fault.Temporary
	}
	return fault.New(kind, op, key, err)
}

// escape percent-encodes every byte of a path but letters, digits,
// -_.~ and slashes (AWS, "Create a signed AWS API request").
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~/", c) >= 0 {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return out.String()
}
