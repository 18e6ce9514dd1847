// Package kodo is the driver for Qiniu Kodo: a store.Source over the vendor's
// Go SDK, which signs and knows the regions' hosts. Start with Open, then Check.
//
//	kodo.go    Config, Open, Bucket
//	hosts.go   which host serves what
//	call.go    one request: transport, signing, what an answer means
//	check.go   Check: mistakes of configuration, in sentences
//	list.go    List (page.go decodes a page)
//	get.go     Stat, Open
package kodo

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Config says which bucket, where, and as whom.
type Config struct {
	Bucket string
	Region string // z0, cn-east-2, z1, z2, na0, as0; "" is asked from Kodo once

	// Endpoint stands for every API host, and for the download host unless the
	// region query names one: host[:port] or a URL. For stand-ins and private
	// clouds; "" is the region's own. What names no scheme is https, or http
	// where Insecure.
	Endpoint string

	Domain   string // the download domain bound to the bucket, host or URL; "" is the region's own source host
	Insecure bool   // allow http

	AccessKey, SecretKey string

	PageSize int              // keys a listing request, 1..1,000; 0 is 1,000
	Now      func() time.Time // nil: time.Now
}

// Bucket is one bucket of Kodo. It implements store.Source and is safe for concurrent use.
type Bucket struct {
	cfg       Config
	keys      *auth.Credentials
	client    *http.Client
	transport *http.Transport
	pause     func() backoff.BackOff // between tries

	endpoint string // scheme://host of Endpoint, or ""
	domain   string // scheme://host of Domain, or ""
	known    *storage.Region

	mu    sync.Mutex
	hosts *hosts // once asked
}

var _ store.Source = (*Bucket)(nil)

// Open returns the bucket that cfg describes. It makes no request. Its error is
// Invalid and names every mistake in cfg at once.
func Open(cfg Config) (*Bucket, error) {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	b := &Bucket{cfg: cfg, keys: auth.New(cfg.AccessKey, cfg.SecretKey), pause: pauses}
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
	b.transport = newTransport()
	b.client = &http.Client{Transport: b.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return b, nil
}

// CloseIdle closes idle connections, as after an instance was frozen.
func (b *Bucket) CloseIdle() { b.transport.CloseIdleConnections() }

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
	case host == "" || strings.ContainsAny(host, "/?#@ "):
		return "", fmt.Errorf("%s %q: want a host such as img.example.com, or https://host", what, s)
	case scheme == "http" && !insecure:
		return "", fmt.Errorf("%s %q: http sends the data in the clear; use https, or say insecure=true", what, s)
	case scheme != "http" && scheme != "https":
		return "", fmt.Errorf("%s %q: the scheme is https, or http with insecure=true", what, s)
	}
	return scheme + "://" + host, nil
}
