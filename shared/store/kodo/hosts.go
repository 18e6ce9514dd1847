package kodo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"kodoferry/shared/fault"
)

// ucHost answers which region a bucket is in (go-sdk, storage/region.go, defaultUcHost0).
const ucHost = "uc.qiniuapi.com"

// hosts are the addresses (scheme://host) of what the driver asks.
type hosts struct {
	rs, rsf string
	source  string // where the region serves downloads, signed; "" where it names none
}

// resolve returns the hosts. Downloads without a domain, or no region, take one
// question to Kodo, whose answer is kept.
func (b *Bucket) resolve(ctx context.Context, download bool) (hosts, error) {
	switch {
	case download && b.domain != "":
		return hosts{source: b.domain}, nil
	case !download && b.endpoint != "":
		return hosts{rs: b.endpoint, rsf: b.endpoint}, nil
	case !download && b.known != nil:
		return hosts{rs: b.scheme() + b.known.RsHost, rsf: b.scheme() + b.known.RsfHost}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hosts != nil {
		return *b.hosts, nil
	}
	h, err := retry(ctx, b, func() (hosts, error) { return b.query(ctx) })
	if err != nil {
		return hosts{}, err
	}
	if h.source == "" {
		h.source = b.endpoint
	}
	if h.source == "" && download {
		return hosts{}, fault.New(fault.Invalid, "kodo.hosts", b.cfg.Bucket, fmt.Errorf("the region names no source host for downloads: bind a domain to the bucket and name it, domain=img.example.com"))
	}
	b.hosts = &h
	return h, nil
}

func (b *Bucket) scheme() string {
	if b.cfg.Insecure {
		return "http://"
	}
	return "https://"
}

// query asks Kodo for the bucket's region (go-sdk, storagev2/region/query.go, /v4/query).
func (b *Bucket) query(ctx context.Context) (hosts, error) {
	const op = "kodo.region"
	base := b.endpoint
	if base == "" {
		base = "https://" + ucHost
	}
	q := url.Values{"ak": {b.cfg.AccessKey}, "bucket": {b.cfg.Bucket}}
	data, err := b.call(ctx, op, b.cfg.Bucket, http.MethodGet, base+"/v4/query?"+q.Encode(), nil, false)
	if err != nil {
		return hosts{}, err
	}
	var answer struct {
		Hosts []struct {
			RS  domains `json:"rs"`
			RSF domains `json:"rsf"`
			Src domains `json:"io_src"`
		} `json:"hosts"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return hosts{}, fault.New(fault.Temporary, op, b.cfg.Bucket, fmt.Errorf("an answer that cannot be read: %w", err))
	}
	if len(answer.Hosts) == 0 {
		return hosts{}, fault.New(fault.NotFound, op, b.cfg.Bucket, fmt.Errorf("bucket %q has no region: check its name and the access key", b.cfg.Bucket))
	}
	h := answer.Hosts[0]
	return hosts{rs: b.first(h.RS), rsf: b.first(h.RSF), source: b.first(h.Src)}, nil
}

type domains struct {
	Domains []string `json:"domains"`
}

func (b *Bucket) first(d domains) string {
	if len(d.Domains) == 0 {
		return ""
	}
	host := strings.TrimSuffix(d.Domains[0], "/")
	if strings.Contains(host, "://") {
		return host
	}
	return b.scheme() + host
}
