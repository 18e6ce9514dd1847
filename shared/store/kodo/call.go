package kodo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/fault"
)

const (
	tries        = 6         // how often listing, Stat and the region query ask before they give up
	maxErrorBody = 64 << 10  // bytes of an error answer that are read
	maxAnswer    = 256 << 20 // bytes of an API answer: a page of 1,000 keys with all their metadata and parts stays far below
	maxWait      = time.Minute
)

// newTransport returns a transport of the driver's own. HTTP/1.1, because a
// stream of its own connection each is what 64 parallel downloads want: over
// one HTTP/2 connection they would share its flow control.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: 256, IdleConnTimeout: 60 * time.Second,
		DisableCompression: true, // the bytes are those that are stored
		ReadBufferSize:     32 << 10, Protocols: protocols,
	}
}

func pauses() backoff.BackOff {
	p := backoff.NewExponentialBackOff()
	p.InitialInterval, p.MaxInterval = 200*time.Millisecond, 10*time.Second
	return p
}

// retry runs f until it succeeds, fails for good, or was tried 6 times.
func retry[T any](ctx context.Context, b *Bucket, f func() (T, error)) (T, error) {
	return backoff.Retry(ctx, func() (T, error) {
		v, err := f()
		kind := fault.KindOf(err)
		if err == nil {
			return v, nil
		}
		if kind != fault.Temporary && kind != fault.Throttled || ctx.Err() != nil {
			return v, backoff.Permanent(err)
		}
		if wait := fault.WaitOf(err); wait > 0 {
			if wait > maxWait {
				return v, backoff.Permanent(err) // left to the caller
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
		return v, err
	}, backoff.WithBackOff(b.pause()), backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(0))
}

// call makes one API request, once, and returns the body of a 200. An answer of
// 298 (a batch that failed in part) is one too.
func (b *Bucket) call(ctx context.Context, op, key, method, address string, form url.Values, sign bool) ([]byte, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, op, key, errors.New("the address of the request is not one"))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if sign {
		if err := b.keys.AddToken(auth.TokenQiniu, req); err != nil {
			return nil, fault.New(fault.Invalid, op, key, err)
		}
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, network(ctx, op, key, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != 298 {
		return nil, b.refused(op, key, resp)
	}
	var data bytes.Buffer
	if resp.ContentLength > 0 {
		data.Grow(int(min(resp.ContentLength, maxAnswer)) + bytes.MinRead)
	}
	if _, err := data.ReadFrom(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return nil, network(ctx, op, key, err)
	}
	return data.Bytes(), nil
}

// network is the fault of a request without an answer. The address is left
// out: that of a download is a secret while it is valid.
func network(ctx context.Context, op, key string, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	kind := fault.KindOf(err)
	if kind == fault.Unknown {
		kind = fault.Temporary
	}
	return fault.New(kind, op, key, err)
}

// refusal is what Kodo said.
type refusal struct {
	status int
	text   string
	reqid  string
	skew   time.Duration // our clock minus theirs
}

func (r *refusal) Error() string {
	s := fmt.Sprintf("status %d", r.status)
	if r.text != "" {
		s += ": " + r.text
	}
	if r.reqid != "" {
		s += " (request " + r.reqid + ")"
	}
	return s
}

// refused reads an answer that is no success and says what it means. Codes:
// developer.qiniu.com/kodo/3928/error-responses.
func (b *Bucket) refused(op, key string, resp *http.Response) error {
	r := &refusal{status: resp.StatusCode, reqid: resp.Header.Get("X-Reqid")}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came is enough
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(raw, &said) == nil {
		r.text = said.Error
	}
	if theirs, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.skew = b.cfg.Now().Sub(theirs).Round(time.Second)
	}
	kind := kindOf(r.status)
	var cause error = r
	switch {
	case r.status == 631:
		cause = fmt.Errorf("bucket %q does not exist: %w", b.cfg.Bucket, r)
	case resp.StatusCode/100 == 3:
		cause = fmt.Errorf("the host sends elsewhere (%s): name the host that serves the bucket, endpoint= or domain=: %w", hostOf(resp.Header.Get("Location")), r)
	}
	if kind == fault.Throttled {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return fault.Throttle(op, key, time.Duration(max(seconds, 0))*time.Second, cause)
	}
	return fault.New(kind, op, key, cause)
}

func hostOf(location string) string {
	_, rest, _ := strings.Cut(location, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// kindOf is all that is known of Kodo's codes. What is not named is right by its status.
func kindOf(status int) fault.Kind {
	switch status {
	case 573:
		return fault.Throttled
	case 419: // the account is frozen
		return fault.Denied
	case 478: // mirroring from the origin failed
		return fault.Temporary
	case 608:
		return fault.Changed
	case 612, 631:
		return fault.NotFound
	case 614:
		return fault.Changed
	case 630, 632, 640, 701:
		return fault.Invalid
	}
	if status/100 == 3 {
		return fault.Invalid
	}
	return fault.FromStatus(status)
}
