package kodo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Check lists keys, asks the download host for the head of one of them where there
// is one, of up to four others where that is refused, and says in a sentence what is wrong and what to do about
// it: Denied for keys, permissions and clocks, NotFound for the bucket, Invalid
// for a host that is not the bucket's, Temporary for one that cannot be reached.
func (b *Bucket) Check(ctx context.Context) error {
	err := b.look(ctx)
	if err == nil {
		return nil
	}
	seenAt := ""
	if own, ok := errors.AsType[*fault.Error](err); ok && own.Op == "kodo.Open" {
		seenAt = own.Key
	}
	return store.Explained[*refusal](err, "kodo.Check", b.cfg.Bucket, b.explain(err), seenAt)
}

// look makes the requests of Check, each once.
func (b *Bucket) look(ctx context.Context) error {
	h, err := b.resolve(ctx, false)
	if err != nil {
		return err
	}
	q := url.Values{"bucket": {b.cfg.Bucket}, "limit": {"1000"}}
	data, err := b.get(ctx, request{op: "kodo.Check", key: b.cfg.Bucket}, h.rsf+"/list?"+q.Encode())
	if err != nil {
		return err
	}
	p, err := parsePage(data)
	if key, ok := errors.AsType[*notText](err); ok {
		return fault.New(fault.Invalid, "kodo.Check", b.cfg.Bucket, key)
	}
	if err != nil {
		return fault.New(fault.Invalid, "kodo.Check", b.cfg.Bucket, fmt.Errorf("what answers there is not Kodo: check endpoint= (%w)", err))
	}
	if h, err = b.resolve(ctx, true); err != nil {
		return err
	}
	var first error
	for _, key := range store.Samples(p.objects, forAnybody) {
		err := b.sample(ctx, key)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
		if _, answered := errors.AsType[*refusal](err); !answered {
			break // it is about the host, and not about the object
		}
	}
	if fault.KindOf(first) == fault.NotFound {
		_, host, _ := strings.Cut(h.source, "://")
		return fault.New(fault.Invalid, "kodo.Check", b.cfg.Bucket, fmt.Errorf("the bucket lists objects which the download host %s does not have: bind that domain to the bucket, or name another, domain= (%w)", host, first))
	}
	return first
}

// forAnybody reports whether anybody may read an object now by its key.
func forAnybody(o store.Object) bool { return !o.Disabled && !o.Frozen && tame(o.Key) }

// sample asks the download host for the head of an object, or for its first byte
// where it takes no HEAD.
func (b *Bucket) sample(ctx context.Context, key string) error {
	_, body, err := b.Open(ctx, store.Object{Key: key}, 0, 0)
	if r, ok := errors.AsType[*refusal](err); ok && (r.status == http.StatusForbidden || r.status == http.StatusMethodNotAllowed || r.status == http.StatusNotImplemented) {
		_, body, err = b.Open(ctx, store.Object{Key: key}, 0, 1)
	}
	if err != nil {
		return err
	}
	return body.Close()
}

// tame reports whether no host on the way can take key for another.
func tame(key string) bool {
	return key != "" && escape(key) == key && !strings.Contains("/"+key+"/", "//") && !strings.Contains("/"+key, "/.")
}

// explain is the sentence for err, "" where err says it all itself.
func (b *Bucket) explain(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return b.explainRefusal(r)
	}
	cert, isCert := errors.AsType[*tls.CertificateVerificationError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	record, isRecord := errors.AsType[tls.RecordHeaderError](err)
	dial, isDial := errors.AsType[*net.OpError](err)
	switch {
	case isCert && len(cert.UnverifiedCertificates) > 0:
		return fmt.Sprintf("the host shows a certificate of %q that does not hold: check endpoint= and domain=, set up https for the domain, or allow http with insecure=true", cert.UnverifiedCertificates[0].Subject.CommonName)
	case isRecord && string(record.RecordHeader[:]) == "HTTP/":
		return "the host speaks http, not https: set up https for it, or allow http with insecure=true"
	case isDNS && slices.Contains(ucHosts[:], dns.Name):
		return fmt.Sprintf("the host %s, which tells where a bucket is, is not found: check network, name server and proxy, or name region= and domain=, and it is not asked", dns.Name)
	case isDNS && dns.IsNotFound:
		return fmt.Sprintf("the host %s does not exist: check endpoint= and domain=", dns.Name)
	case isDial && dial.Op == "dial", isDNS:
		return "Kodo cannot be reached: check endpoint= and domain=, network, firewall and proxy"
	}
	return ""
}

func (b *Bucket) explainRefusal(r *refusal) string {
	switch r.status {
	case codeNoBucket, codeNoKey:
		return fmt.Sprintf("bucket %q does not exist, or belongs to another account or region: check its name, region= and QINIU_ACCESS_KEY", b.cfg.Bucket)
	case http.StatusUnauthorized:
		if r.skewed() {
			return "Kodo refuses the signature, most likely because of this machine's clock: set it"
		}
		return "Kodo refuses the keys: check QINIU_ACCESS_KEY and QINIU_SECRET_KEY, copied whole and from one account"
	case http.StatusForbidden:
		return fmt.Sprintf("the keys may not list or read bucket %q: grant them kodo/list and kodo/get on it", b.cfg.Bucket)
	case codeFrozenAccount:
		return "the account is frozen: see to it in Kodo's console"
	case http.StatusBadRequest:
		if b.cfg.Region != "" {
			return fmt.Sprintf("Kodo does not take the request: check region=%s, or leave it out to have Kodo asked", b.cfg.Region)
		}
	}
	return ""
}

// Hosts returns the addresses, scheme://host, that requests go to: of the API,
// then of downloads where it is another.
func (b *Bucket) Hosts(ctx context.Context) ([]string, error) {
	api, err := b.resolve(ctx, false)
	if err != nil {
		return nil, err
	}
	down, err := b.resolve(ctx, true)
	if err != nil {
		return []string{api.rsf}, err
	}
	if down.source == api.rsf {
		return []string{api.rsf}, nil
	}
	return []string{api.rsf, down.source}, nil
}
