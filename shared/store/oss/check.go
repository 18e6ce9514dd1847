package oss

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Check makes one cheap request, a listing of at most one key, and says in a
// sentence what is wrong and what to do about it: Denied for keys and
// permissions, NotFound for the bucket, Invalid for region and endpoint,
// Temporary for the clock and for a host that cannot be reached.
func (b *Bucket) Check(ctx context.Context) error {
	const op = "oss.Check"
	a, err := b.send(ctx, request{op: op, method: "GET", params: map[string]any{"list-type": "2", "max-keys": "1", "encoding-type": "url"}})
	if err == nil {
		defer a.close()
		return b.looksRight(op, a)
	}
	kind, cause := fault.KindOf(err), err
	if own, ok := errors.AsType[*fault.Error](err); ok {
		cause = own.Err
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		cause = r
	}
	better, sentence := b.explain(cause)
	if better != "" {
		kind = better
	}
	if sentence != "" {
		cause = fmt.Errorf("%s (%w)", sentence, cause)
	}
	return &fault.Error{Kind: kind, Op: op, Key: b.name, Wait: fault.WaitOf(err), Err: cause}
}

// looksRight tells OSS from some other server that answers 200 to everything.
func (b *Bucket) looksRight(op string, a *answer) error {
	raw, err := a.document(op, b.name)
	if err != nil {
		return err
	}
	if _, err := parsePage(raw); err != nil {
		return fault.New(fault.Invalid, op, b.name, fmt.Errorf("what answers at %s is not OSS: check the endpoint", b.where.host))
	}
	return nil
}

// explain words what err means to the one who set up the bucket, and its kind
// where the code alone misleads. Codes and ECs are those of OSS's error pages.
func (b *Bucket) explain(err error) (fault.Kind, string) {
	if r, ok := errors.AsType[*refusal](err); ok {
		return b.explainRefusal(r)
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	dial, isDial := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, errNoKeys):
		return "", "set the access key id and secret, or give the function a role"
	case isDNS && dns.IsNotFound:
		return "", fmt.Sprintf("the host %s does not exist: check region=%s and endpoint=", dns.Name, b.region)
	case store.Misaddressed(err):
		return "", fmt.Sprintf("%s does not prove to be OSS: check endpoint= and its scheme; an own domain needs its certificate bound in OSS", b.where.host)
	case isDial && dial.Op == "dial", isDNS:
		return "", fmt.Sprintf("%s cannot be reached: check endpoint=, network, firewall and proxy; an internal endpoint answers only inside its region's network", b.where.host)
	}
	return "", ""
}

func (b *Bucket) explainRefusal(r *refusal) (fault.Kind, string) {
	switch {
	case r.code == "NoSuchBucket":
		return "", fmt.Sprintf("bucket %q does not exist: check its name, and endpoint=", b.name)
	case r.endpoint != "" && r.code == "AccessDenied":
		return fault.Invalid, fmt.Sprintf("bucket %q is not behind %s: it lives at %s; set region and endpoint to match", b.name, b.where.host, r.endpoint)
	case r.detail == "0002-00000226":
		return fault.Invalid, fmt.Sprintf("region %q is not the one of %s: set region= to the bucket's own", b.region, b.where.host)
	case r.code == "PublicEndpointForbidden":
		return fault.Invalid, "this account must not use OSS's public endpoint: use endpoint internal inside the region, or a domain of your own bound to the bucket"
	case r.code == "SecondLevelDomainForbidden":
		return fault.Invalid, "OSS does not take the bucket in the path: turn path style off, and use the host name, not an address"
	case r.code == "InvalidAccessKeyId":
		return "", "OSS does not know the access key id, or it is disabled: check ALIBABA_CLOUD_ACCESS_KEY_ID, and that a temporary key comes with its security token"
	case r.code == "SignatureDoesNotMatch":
		return "", "the access key secret does not belong to the access key id: copy both again, ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, without spaces"
	case r.code == "SecurityTokenExpired":
		return "", "the temporary credentials have expired: get new ones, ALIBABA_CLOUD_SECURITY_TOKEN among them"
	case r.code == "InvalidSecurityToken", r.code == "SecurityTokenNotSupported":
		return "", "ALIBABA_CLOUD_SECURITY_TOKEN does not belong to the access key: take all three from the same answer"
	case r.code == "RequestTimeTooSkewed":
		return "", store.ClockOff(r.skew, "OSS's")
	case r.code == "UserDisable":
		return "", "the account is disabled or overdue: see to it in the console"
	case r.code == "AccessDenied":
		return "", fmt.Sprintf("the access key may not list bucket %q: grant it oss:ListObjects, and oss:GetObject, oss:PutObject, oss:DeleteObject and oss:AbortMultipartUpload on its objects", b.name)
	case r.code == "" && r.status == 400:
		return "", fmt.Sprintf("what answers at %s does not take the request: it may expect https, or not be OSS: check endpoint= and its scheme", b.where.host)
	case r.code == "" && r.status == 404:
		return "", fmt.Sprintf("what answers at %s is not OSS, or knows no bucket %q: check the endpoint", b.where.host, b.name)
	}
	return "", ""
}

// Versioned reports whether the bucket keeps versions, or once did: enabled or
// suspended. Either way it ignores IfAbsent. It needs oss:GetBucketVersioning.
func (b *Bucket) Versioned(ctx context.Context) (bool, error) {
	const op = "oss.Versioned"
	return again(ctx, b, op, b.name, func() (bool, error) {
		var x struct {
			XMLName xml.Name `xml:"VersioningConfiguration"`
			Status  string
		}
		_, err := b.document(ctx, request{op: op, method: "GET", params: map[string]any{"versioning": nil}}, &x, nil)
		return x.Status != "", err
	})
}
