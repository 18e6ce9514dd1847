// Package kodo is the driver for Qiniu Kodo: a store.Source over the vendor's
// Go SDK, which signs and knows the regions' hosts. Start with Open, then Check.
//
//	kodo.go    Config, Open, Bucket
//	hosts.go   which host serves what
//	sdk.go     a request through the SDK; what goes through it, and what is by hand
//	call.go    a request by hand: transport, signing, trying again
//	answer.go  what an answer that is no success means
//	check.go   Check: mistakes of configuration, in sentences
//	list.go    List; page.go, scan.go and json.go decode a page, frozen.go asks what is thawed
//	stats.go   Usage and FirstPage, for plans
//	get.go     Stat, Open; wanted.go holds an answer against the question
//	notice.go  notifications of events: Signed, Notices; rules.go who is notified
//	key.go     the forms of a key on the wire
package kodo

import (
	"crypto/hmac"
	"crypto/sha1"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

// Config says which bucket, where, and as whom.
type Config struct {
	Bucket string
	Region string // z0, cn-east-2, z1, z2, na0, as0; "" is asked from Kodo once

	// Endpoint stands for every API host, and for the download host unless the
	// region query, which it is asked, names one: host[:port] or a URL. For
	// stand-ins and private clouds; "" is the region's own.
	Endpoint string

	Domain string // the download domain bound to the bucket, host[:port] or a URL; "" is the region's own source host

	// Insecure allows http. An Endpoint or Domain that names no scheme is then
	// http, otherwise https; the region's own hosts stay https.
	Insecure bool

	AccessKey, SecretKey string

	PageSize  int               // keys a listing request, 1..1,000; 0 is 1,000
	LeastRate int64             // bytes a second that a connection must carry while it is waited for; 0 is 1 KiB
	Transport http.RoundTripper // nil: one of the bucket's own, which is what CloseIdle is for
	Now       func() time.Time  // nil: time.Now
}

// Bucket is one bucket of Kodo. It implements store.Source and is safe for concurrent use.
type Bucket struct {
	cfg   Config
	keys  *auth.Credentials
	pens  sync.Pool              // of *pen
	pause func() backoff.BackOff // between tries

	endpoint string // scheme://host of Endpoint, or ""
	domain   string // scheme://host of Domain, or ""
	known    *storage.Region

	asking chan struct{} // holds a token while the region is asked; guards hosts
	hosts  *hosts        // nil until asked
}

var (
	_ store.Source = (*Bucket)(nil)
	_ store.Termed = (*Bucket)(nil)
)

// Open returns the bucket that cfg describes. It makes no request. Its error is
// Invalid and names every mistake in cfg at once.
func Open(cfg Config) (*Bucket, error) {
	quiet()
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	b := &Bucket{cfg: cfg, keys: auth.New(cfg.AccessKey, cfg.SecretKey), pause: store.Pauses, asking: make(chan struct{}, 1)}
	b.pens.New = func() any { return &pen{mac: hmac.New(sha1.New, []byte(cfg.SecretKey)), text: make([]byte, 0, 512)} }
	if cfg.Bucket == "" {
		bad("no bucket: name the one to read")
	}
	if cfg.AccessKey == "" || cfg.SecretKey == "" {
		bad("no credentials: an access key and a secret key are needed")
	}
	if cfg.PageSize < 0 || cfg.PageSize > maxPage {
		bad("a page of %d keys: Kodo lists 1 to %d at a time", cfg.PageSize, maxPage)
	}
	if cfg.Region != "" {
		if r, ok := storage.GetRegionByID(storage.RegionID(cfg.Region)); ok {
			b.known = &r
		} else if cfg.Endpoint == "" {
			bad("region %q is not known: it is one of z0, cn-east-2, z1, z2, na0, as0; leave it out to have Kodo asked", cfg.Region)
		}
	}
	var err error
	if b.endpoint, err = address("endpoint", cfg.Endpoint, cfg.Insecure); err != nil {
		wrong = append(wrong, err)
	}
	if b.domain, err = address("domain", cfg.Domain, cfg.Insecure); err != nil {
		wrong = append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fault.New(fault.Invalid, "kodo.Open", cfg.Bucket, err)
	}
	if b.cfg.PageSize == 0 {
		b.cfg.PageSize = maxPage
	}
	if b.cfg.Now == nil {
		b.cfg.Now = time.Now
	}
	if b.cfg.Transport == nil {
		b.cfg.Transport = transport.NewDirect(store.NewTransport(answerTime, silenceTime, idleTime, store.AtLeast(cfg.LeastRate)))
	}
	return b, nil
}

// Terms implements store.Termed.
func (*Bucket) Terms() store.Terms {
	return store.Terms{Thaw: "restoreAr", Disabled: "it is disabled at the source; enable it (chstatus) to have it copied"}
}

// CloseIdle closes idle connections, as after an instance was frozen.
func (b *Bucket) CloseIdle() {
	if t, ok := b.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// address makes scheme://host of a host or URL.
func address(what, s string, insecure bool) (string, error) {
	if s == "" {
		return "", nil
	}
	scheme, host, found := strings.Cut(s, "://")
	if !found {
		scheme, host = "https", s
		if insecure {
			scheme = "http"
		}
	}
	host = strings.TrimSuffix(host, "/")
	switch {
	case host == "" || strings.ContainsAny(host, "/?#@%\\") || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("%s %q: want a host such as img.example.com, or https://host", what, s)
	case scheme == "http" && !insecure:
		return "", fmt.Errorf("%s %q: http sends the data in the clear; use https, or allow it with insecure=true", what, s)
	case scheme != "http" && scheme != "https":
		return "", fmt.Errorf("%s %q: the scheme is https, or http with insecure=true", what, s)
	}
	if _, err := url.Parse(scheme + "://" + host); err != nil {
		return "", fmt.Errorf("%s %q: want a host such as img.example.com, with a port or none", what, s)
	}
	return scheme + "://" + host, nil
}
