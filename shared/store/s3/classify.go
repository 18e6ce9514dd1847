package s3

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	maxErrorBody = 64 << 10 // bytes of an error answer that are read
	maxErrorText = 300      // bytes of it that are repeated
)

// refusal is what was answered instead of success.
type refusal struct {
	status    int
	code      string // "" where the answer had no document, as that of a HEAD
	message   string
	requestID string
	region    string        // the bucket's, where the one in use is another's
	host      string        // the one to use instead, where the answer names it
	skew      time.Duration // our clock minus theirs, where they told
}

func (r *refusal) Error() string {
	s := fmt.Sprintf("status %d", r.status)
	if r.code != "" {
		s += " " + r.code
	}
	if r.message != "" {
		s += ": " + r.message
	}
	if r.requestID != "" {
		s += " (request " + r.requestID + ")"
	}
	return s
}

// Cause is what it has in common with others that refuse for the same reason.
func (r *refusal) Cause() string {
	return strings.TrimRight(fmt.Sprintf("status %d %s", r.status, fault.Word(r.code)), " ")
}

// refused reads an answer that is no success and says what it means.
func (b *Bucket) refused(req request, resp *http.Response) error {
	var said struct {
		XMLName                                    xml.Name `xml:"Error"`
		Code, Message, Region, Endpoint, RequestId string
	}
	raw, _ := store.ReadDocument(resp.Header, resp.Body, maxErrorBody) // what came is enough
	text, _ := store.Legible(raw)                                      // it may name a key
	if xml.Unmarshal(text, &said) != nil {
		said.Code, said.Message = "", ""
	}
	h := resp.Header
	r := &refusal{status: resp.StatusCode, code: said.Code, message: b.quote(said.Message), requestID: said.RequestId, region: said.Region, host: said.Endpoint}
	if r.requestID == "" {
		r.requestID = h.Get("X-Amz-Request-Id")
	}
	if r.region == "" {
		r.region = h.Get("X-Amz-Bucket-Region")
	}
	if _, rest, ok := strings.Cut(h.Get("Location"), "://"); ok && r.host == "" {
		r.host, _, _ = strings.Cut(rest, "/")
	}
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		r.skew = b.cfg.Now().Sub(theirs).Round(time.Second)
	}
	kind, cause := b.meaning(req, r)
	wait := retryAfter(h.Get("Retry-After"), b.cfg.Now)
	if kind == fault.Throttled || kind == fault.Temporary && wait > 0 { // a time to come back is told by who is too busy
		return fault.Throttle(req.op, req.key, wait, cause)
	}
	return fault.New(kind, req.op, req.key, cause)
}

// meaning is the kind of a refusal, and its cause in words.
func (b *Bucket) meaning(req request, r *refusal) (fault.Kind, error) {
	switch {
	case r.code == "NoSuchBucket":
		cause := fault.Errorf("bucket %q does not exist there: %w", b.cfg.Bucket, r)
		if req.key == "" {
			return fault.NotFound, cause
		}
		// NotFound would say that this object was deleted, and what is deleted at
		// the source may be deleted at the target.
		return fault.Invalid, cause
	case r.status == http.StatusNotFound && r.code != "NoSuchKey" && req.method != http.MethodHead:
		return fault.Invalid, fault.Errorf("what answers at %s is not S3, which says NoSuchKey of a missing object: check endpoint= (%w)", b.host, r)
	case r.code == "InvalidObjectState":
		return fault.Denied, fault.Errorf("it is archived and not restored: %w", r)
	case r.status/100 == 3 && r.host != "":
		return fault.Invalid, fault.Errorf("the host sends to %s, where a signature does not hold: name that by endpoint= (%w)", r.host, r)
	case r.code == "RequestTimeTooSkewed":
		return fault.Temporary, fault.Errorf("%s: %w", r.clock(), r)
	}
	return kindOf(r), r
}

// kindOf is all that is known of the codes (S3 API reference, "Error
// responses"). What is not named here is right by its status: 403 AccessDenied,
// SignatureDoesNotMatch and InvalidAccessKeyId are Denied, 412
// PreconditionFailed Changed, 416 InvalidRange Invalid, 500 InternalError
// Temporary, 503 SlowDown and 429 Throttled.
func kindOf(r *refusal) fault.Kind {
	switch r.code {
	case "RequestTimeout", "IncompleteBody": // 400: the line was to blame
		return fault.Temporary
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId": // some come as 400
		return fault.Denied
	case "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "TooManyRequests":
		return fault.Throttled
	}
	switch {
	case r.status == 573 || r.status == 599: // Kodo's own, should its S3 interface pass them on
		return fault.Throttled
	case r.status/100 == 3 || r.status >= 600:
		return fault.Invalid
	}
	return fault.FromStatus(r.status)
}

// misaddressed reports whether the other side is not one to talk to, which no
// retry changes: a certificate of another host, or http where https is expected.
func misaddressed(err error) bool {
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return cert || host || authority || record || errors.Is(err, http.ErrSchemeMismatch)
}

func (r *refusal) clock() string {
	switch {
	case r.skew > 0:
		return fmt.Sprintf("the clock of this machine is %s ahead of the service's: set it", r.skew)
	case r.skew < 0:
		return fmt.Sprintf("the clock of this machine is %s behind the service's: set it", -r.skew)
	}
	return "the clock of this machine is more than 15 minutes off the service's: set it"
}

// quote is what a server said, cut, on one line, and without our secrets,
// should it repeat them.
func (b *Bucket) quote(s string) string {
	c := b.cfg.Credentials()
	for _, secret := range []string{c.SecretAccessKey, c.SessionToken} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[secret]")
		}
	}
	if len(s) > maxErrorText {
		s = takeable(s[:maxErrorText]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// retryAfter reads seconds or a time (RFC 9110, section 10.2.3); 0 is not told.
func retryAfter(v string, now func() time.Time) time.Duration {
	if seconds, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(seconds, 0), 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now()), 0)
	}
	return 0
}
