package kodo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"kodoferry/shared/fault"
)

// Check makes one cheap request, a listing of one key, and says in a sentence
// what is wrong and what to do about it: Denied for keys and permissions,
// NotFound for the bucket, Temporary for a host that cannot be reached.
func (b *Bucket) Check(ctx context.Context) error {
	const op = "kodo.Check"
	h, err := b.resolve(ctx, false)
	if err == nil {
		q := url.Values{"bucket": {b.cfg.Bucket}, "limit": {"1"}}
		_, err = b.call(ctx, op, b.cfg.Bucket, http.MethodGet, h.rsf+"/list?"+q.Encode(), nil, true)
	}
	if err == nil {
		_, err = b.resolve(ctx, true)
	}
	if err == nil {
		return nil
	}
	cause := err
	if own, ok := errors.AsType[*fault.Error](err); ok {
		cause = own.Err
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		cause = r
	}
	if s := b.explain(cause); s != "" {
		cause = fmt.Errorf("%s (%w)", s, cause)
	}
	return &fault.Error{Kind: fault.KindOf(err), Op: op, Key: b.cfg.Bucket, Wait: fault.WaitOf(err), Err: cause}
}

// maxSkew is how far a clock may be off before signatures with a time fail.
const maxSkew = 10 * time.Minute

func (b *Bucket) explain(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		switch {
		case r.status == 631, r.status == 612:
			return fmt.Sprintf("bucket %q does not exist, or belongs to another account: check its name and QINIU_ACCESS_KEY", b.cfg.Bucket)
		case r.status == 401 && (r.skew > maxSkew || r.skew < -maxSkew):
			return fmt.Sprintf("Kodo refuses the signature, and the clock of this machine is %s off Kodo's: set it", r.skew.Abs())
		case r.status == 401:
			return "Kodo refuses the keys: check QINIU_ACCESS_KEY and QINIU_SECRET_KEY, copied whole and from one account"
		case r.status == 403:
			return fmt.Sprintf("the keys may not list bucket %q: grant them kodo/list and kodo/get on it", b.cfg.Bucket)
		case r.status == 419:
			return "the account is frozen: see to it in Kodo's console"
		case r.status == 404:
			return "what answers there is not Kodo: check endpoint="
		}
		return ""
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	dial, isDial := errors.AsType[*net.OpError](err)
	switch {
	case isDNS && dns.IsNotFound:
		return fmt.Sprintf("the host %s does not exist: check endpoint= and domain=", dns.Name)
	case isDial && dial.Op == "dial", isDNS:
		return "Kodo cannot be reached: check endpoint=, network, firewall and proxy"
	}
	return ""
}
