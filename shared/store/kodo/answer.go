package kodo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	maxErrorBody = 64 << 10 // bytes of an error answer that are read

	// maxSkew is how far a clock may be off before it is named as a cause.
	maxSkew = 10 * time.Minute
)

// Codes of Kodo's own (developer.qiniu.com/kodo/3928/error-responses).
const (
	codeFrozenAccount = 419
	codeMirror        = 478 // reading from the bucket's origin failed
	codePartly        = 298 // some operations of a batch failed
	codeTooFast       = 573
	codeOverloaded    = 599 // the server failed; many of them are answers to too many requests
	codeChanged       = 608
	codeNoKey         = 612
	codeExists        = 614
	codeNoBucket      = 631
)

// refusal is what was answered instead of success.
type refusal struct {
	status int
	text   string
	reqid  string        // Kodo's name of the request, which its support asks for
	skew   time.Duration // our clock minus theirs, where they told
}

func (r *refusal) Error() string {
	s := store.Refused(r.status, "", r.text, r.reqid)
	if r.skewed() {
		s += fmt.Sprintf("; this machine's clock is %s off the host's: set it", r.skew.Abs())
	}
	return s
}

// Answer is what Kodo said.
func (r *refusal) Answer() string { return r.Error() }

// Cause is what it has in common with others that refuse for the same reason.
func (r *refusal) Cause() string {
	if r.skewed() {
		return fmt.Sprintf("status %d; this machine's clock is off the host's: set it", r.status)
	}
	return fmt.Sprintf("status %d", r.status)
}

// skewed reports whether a wrong clock may be why a signature was refused.
func (r *refusal) skewed() bool {
	return (r.status == http.StatusUnauthorized || r.status == http.StatusForbidden) && r.skew.Abs() > maxSkew
}

// what is asked decides what "not found" means.
type what int

const (
	ofBucket   what = iota // a listing, a batch, the region
	ofObject               // the API, about one object
	ofDownload             // the object itself
)

// refused reads an answer that is no success and says what it means.
func (b *Bucket) refused(op, key string, asked what, resp *http.Response) error {
	r := &refusal{status: resp.StatusCode, reqid: fault.Said(resp.Header.Get("X-Reqid"))}
	raw, _ := store.ReadDocument(resp.Header, resp.Body, maxErrorBody) // what came is enough
	r.text = errorText(raw)
	if theirs, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.skew = b.cfg.Now().Sub(theirs).Round(time.Second)
	}
	kind, cause := b.meaning(asked, r)
	if kind == fault.Denied && cause == error(r) {
		cause = b.denied(op, r)
	}
	if resp.StatusCode/100 == 3 {
		cause = fault.Errorf("the host sends elsewhere (%s), where a signature does not hold: name the host that serves the bucket, with its scheme, by domain= or endpoint=: %w", hostOf(resp.Header.Get("Location")), r)
	}
	wait := store.RetryAfter(resp.Header.Get("Retry-After"), b.cfg.Now)
	if kind == fault.Throttled || kind == fault.Temporary && wait > 0 { // a service that is overloaded names a time to come back
		return fault.Throttle(op, key, wait, cause)
	}
	return fault.New(kind, op, key, cause)
}

// meaning is the kind of a refusal, and its cause in words.
func (b *Bucket) meaning(asked what, r *refusal) (fault.Kind, error) {
	switch {
	case r.status == codeNoBucket:
		cause := fault.Errorf("bucket %q does not exist, or belongs to another account: %w", b.cfg.Bucket, r)
		if asked == ofBucket {
			return fault.NotFound, cause
		}
		// NotFound would say that this object was deleted, and what is deleted at
		// the source may be deleted at the target.
		return fault.Invalid, cause
	case r.status == http.StatusNotFound && asked != ofDownload:
		return fault.Invalid, fault.Errorf("what answers is not Kodo's API, which says %d for a missing object: check endpoint= (%w)", codeNoKey, r)
	}
	return kindOf(r.status), r
}

// kindOf is what a code means, whatever was asked. What is not named is right by its status.
func kindOf(status int) fault.Kind {
	switch status {
	case codeTooFast, codeOverloaded:
		return fault.Throttled
	case codeFrozenAccount:
		return fault.Denied
	case codeMirror:
		return fault.Temporary
	case codeChanged, codeExists:
		return fault.Changed
	case codeNoKey, codeNoBucket:
		return fault.NotFound
	}
	if status < 300 { // a success that Kodo does not know, or a code that is none: a proxy's
		return fault.Temporary
	}
	if status/100 == 3 || status >= 600 { // 630 too many buckets, 640 a bad marker, 701: what was asked is wrong
		return fault.Invalid
	}
	return fault.FromStatus(status)
}

// errorText is what an error answer says, without what may be a secret: Kodo's
// own JSON, or a short plain text. A page of HTML says nothing.
func errorText(raw []byte) string {
	var said struct {
		Error string `json:"error"`
	}
	text := strings.TrimSpace(string(raw))
	if json.Unmarshal(raw, &said) == nil {
		text = said.Error
	} else if strings.ContainsAny(text, "<{") {
		return ""
	}
	return fault.Said(text)
}

// hostOf is the host of a Location, which says no more than that.
func hostOf(location string) string {
	_, rest, ok := strings.Cut(location, "//")
	if !ok {
		return "the same host"
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	return host[strings.LastIndexByte(host, '@')+1:]
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
