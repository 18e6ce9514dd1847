package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// probe is where Check's listing starts: the service repeats it as it encodes
// keys, which shows whether a space and a plus can be told apart.
const probe = " +"

// Check lists keys, asks for the head of one of them where there is one, of up to
// four others where that is refused, and says in a sentence what is wrong and what to do about it: Denied for
// keys, permissions and clocks, NotFound for the bucket, Invalid for region and
// endpoint, Temporary for a host that cannot be reached.
func (b *Bucket) Check(ctx context.Context) error {
	err := b.look(ctx)
	if err == nil {
		return nil
	}
	seenAt := ""
	if own, ok := errors.AsType[*fault.Error](err); ok && own.Key != b.cfg.Bucket {
		seenAt = own.Key
	}
	return store.Explained[*refusal](err, "s3.Check", b.cfg.Bucket, b.explain(err), seenAt)
}

// look makes the requests of Check, each once.
func (b *Bucket) look(ctx context.Context) error {
	const op = "s3.Check"
	params := url.Values{"list-type": {"2"}, "encoding-type": {"url"}, "max-keys": {"1000"}, "start-after": {probe}}
	_, data, err := b.fetch(ctx, request{op: op, method: http.MethodGet, params: params})
	if err != nil {
		return err
	}
	p, err := parsePage(data, false)
	switch {
	case err != nil && b.inHost:
		return fault.New(fault.Invalid, op, b.cfg.Bucket, fmt.Errorf("what answers at %s is no listing: because the host begins with the bucket's name, the bucket was not put into the path; check endpoint= (%w)", b.host, err))
	case err != nil:
		return fault.New(fault.Invalid, op, b.cfg.Bucket, fmt.Errorf("what answers at %s is not S3: check endpoint= (%w)", b.host, err))
	case p.after != "" && p.after != probe:
		return fault.New(fault.Invalid, op, b.cfg.Bucket, fmt.Errorf("%s encodes keys in listings so that a space and a plus cannot be told apart (%q came back as %q): Ferry cannot tell its keys for certain", b.host, probe, p.after))
	}
	var first error
	for _, key := range store.Samples(p.objects, func(o store.Object) bool { return !o.Frozen }) {
		_, err := b.head(ctx, op, key, nil)
		if err == nil {
			return nil
		}
		if first == nil && fault.KindOf(err) != fault.NotFound { // else it was deleted meanwhile
			first = err
		}
		if _, answered := errors.AsType[*refusal](err); !answered {
			break // it is about the host, and not about the object
		}
	}
	return first
}

// explain is the sentence for err, "" where err says it all itself.
func (b *Bucket) explain(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return b.explainRefusal(err, r)
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	dial, isDial := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, errNoKeys):
		return "set " + b.cfg.Variables
	case isDNS && dns.IsNotFound:
		return fmt.Sprintf("the host %s does not exist: check region=%s and endpoint=", dns.Name, b.cfg.Region)
	case store.Misaddressed(err):
		return fmt.Sprintf("%s does not prove to be the host it is asked for: check endpoint= and its scheme", b.host)
	case isDial && dial.Op == "dial", isDNS:
		return fmt.Sprintf("%s cannot be reached: check endpoint=, network, firewall and proxy", b.host)
	}
	return ""
}

func (b *Bucket) explainRefusal(err error, r *refusal) string {
	switch r.code {
	case "":
		if k := kindOf(r); k == fault.Denied || k == fault.Invalid {
			return fmt.Sprintf("%s answers as S3 does not: check endpoint=", b.host)
		}
	case "NoSuchBucket":
		return fmt.Sprintf("bucket %q does not exist at %s: check its name, which at Kodo may be another for S3, region= and endpoint=", b.cfg.Bucket, b.host)
	case "InvalidAccessKeyId":
		return fmt.Sprintf("%s does not know the access key: check %s", b.host, b.cfg.Variables)
	case "SignatureDoesNotMatch":
		return fmt.Sprintf("the secret key does not belong to the access key: copy both again, %s, whole and without spaces", b.cfg.Variables)
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return fmt.Sprintf("the temporary credentials have expired or do not belong together: get new ones, %s and their session token", b.cfg.Variables)
	case "RequestTimeTooSkewed":
		return store.ClockOff(r.skew, "the service's")
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException":
		if r.region != "" {
			return fmt.Sprintf("the bucket is in another region than region=%s: write region=%s, and endpoint= to match", b.cfg.Region, r.region)
		}
		return fmt.Sprintf("%s does not take region=%s for this bucket: check region= and endpoint=", b.host, b.cfg.Region)
	case "AccessDenied":
		if own, ok := errors.AsType[*fault.Error](err); !ok || own.Key == "" { // the listing, not an object
			return fmt.Sprintf("the keys may not list bucket %q: grant them s3:ListBucket on it and s3:GetObject on its objects", b.cfg.Bucket)
		}
		return fmt.Sprintf("the keys may list bucket %q, but not read what it holds: grant them s3:GetObject on its objects", b.cfg.Bucket)
	}
	return ""
}
