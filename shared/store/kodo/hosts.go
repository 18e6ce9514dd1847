package kodo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/qiniu/go-sdk/v7/storagev2/apis"

	"kodoferry/shared/fault"
)

// ucHosts answer which region a bucket is in; the later ones stand in for the
// first (go-sdk, storage/region.go, defaultUcHost0 to 2).
var ucHosts = [...]string{"uc.qiniuapi.com", "kodo-config.qiniuapi.com", "uc.qbox.me"}

// hosts are the addresses (scheme://host) of what the driver asks.
type hosts struct {
	rs, rsf string
	source  string // where the region serves downloads, signed; "" where it names none
}

// resolve returns the hosts. Downloads without a domain, or no region, take one
// question to Kodo, whose answer is kept. One caller asks, the others wait.
func (b *Bucket) resolve(ctx context.Context, download bool) (hosts, error) {
	switch {
	case download && b.domain != "":
		return hosts{source: b.domain}, nil
	case !download && b.endpoint != "":
		return hosts{rs: b.endpoint, rsf: b.endpoint}, nil
	case !download && b.known != nil:
		return hosts{rs: "https://" + b.known.RsHost, rsf: "https://" + b.known.RsfHost}, nil
	}
	const op = "kodo.region"
	select {
	case b.asking <- struct{}{}:
		defer func() { <-b.asking }()
	case <-ctx.Done():
		return hosts{}, fault.New(fault.Temporary, op, b.cfg.Bucket, context.Cause(ctx))
	}
	if b.hosts == nil {
		try := 0
		h, err := retry(ctx, b, op, b.cfg.Bucket, func() (hosts, error) {
			try++
			return b.query(ctx, try-1)
		})
		if err != nil {
			return hosts{}, err
		}
		b.hosts = &h
	}
	switch h := *b.hosts; {
	case download && h.source == "":
		return hosts{}, fault.New(fault.Invalid, op, b.cfg.Bucket, errors.New("the region names no source host for downloads: bind a domain to the bucket and name it, domain=img.example.com"))
	case !download && (h.rs == "" || h.rsf == ""):
		return hosts{}, fault.New(fault.Invalid, op, b.cfg.Bucket, errors.New("the region names no API hosts: name the region, region=z0"))
	default:
		return h, nil
	}
}

// query asks Kodo for the bucket's region.
// Nobody signs this question. The answer must hold hosts, in a list: an empty one
// says that the bucket is not known, none says nothing.
func (b *Bucket) query(ctx context.Context, try int) (hosts, error) {
	const op = "kodo.region"
	base := b.endpoint
	if base == "" {
		base = "https://" + ucHosts[try%len(ucHosts)]
	}
	r := request{op: op, key: b.cfg.Bucket, read: namesHosts}
	found, err := ask(ctx, b, r, base, func(ctx context.Context, o *apis.Options) (*apis.QueryBucketV4Response, error) {
		return newSDK(b).QueryBucketV4(ctx, &apis.QueryBucketV4Request{Bucket: b.cfg.Bucket, AccessKey: b.cfg.AccessKey}, o)
	})
	if err != nil {
		return hosts{}, err
	}
	if len(found.Hosts) == 0 {
		return hosts{}, fault.New(fault.NotFound, op, b.cfg.Bucket, fmt.Errorf("bucket %q has no region: check its name and the access key", b.cfg.Bucket))
	}
	h := hosts{source: b.endpoint}
	here := found.Hosts[0]
	for _, one := range []struct {
		into  *string
		named []string
	}{{&h.rs, here.RsDomains.PreferedRsDomains}, {&h.rsf, here.RsfDomains.PreferedRsfDomains}, {&h.source, here.IoSrcDomains.PreferedIoSrcDomains}} {
		if len(one.named) == 0 {
			continue
		}
		if *one.into, err = b.located(base, one.named[0]); err != nil {
			return hosts{}, fault.New(fault.Invalid, op, b.cfg.Bucket, err)
		}
	}
	return h, nil
}

// namesHosts is nil for an answer to the region query: what the SDK makes of it
// does not tell a member that is empty from one that is not there.
func namesHosts(data []byte) error {
	var answer struct {
		Hosts present[map[string]*json.RawMessage] `json:"hosts"`
	}
	return decode(data, &answer, func() error {
		switch all := answer.Hosts.all; {
		case !answer.Hosts.there || all == nil:
			return errors.New("no hosts")
		case len(all) > 0 && all[0]["rs"] == nil && all[0]["rsf"] == nil && all[0]["io_src"] == nil:
			return errors.New("a region that names no hosts")
		}
		return nil
	})
}

// located makes an address of a host that the region query named: with the
// scheme of base, which was asked, where it names none.
func (b *Bucket) located(base, host string) (string, error) {
	if !strings.Contains(host, "://") {
		scheme, _, _ := strings.Cut(base, "://")
		host = scheme + "://" + host
	}
	return address("the region query's host", host, b.cfg.Insecure)
}
