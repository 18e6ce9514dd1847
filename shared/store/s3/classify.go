package s3

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	maxErrorBody = 64 << 10 // bytes of an error answer that are read
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
	return store.Refused(r.status, r.code, r.message, r.requestID)
}

// Answer is what the service said.
func (r *refusal) Answer() string { return r.Error() }

// Cause is what it has in common with others that refuse for the same reason.
func (r *refusal) Cause() string { return store.RefusedAlike(r.status, r.code) }

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
	for _, text := range []*string{&r.code, &r.requestID, &r.region, &r.host} {
		*text = b.quote(*text)
	}
	kind, cause := b.meaning(req, r)
	wait := store.RetryAfter(h.Get("Retry-After"), b.cfg.Now)
	if kind == fault.Throttled || kind == fault.Temporary && wait > 0 { // a service that is overloaded names a time to come back
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
		return fault.Temporary, fault.Errorf("%s: %w", store.ClockOff(r.skew, "the service's"), r)
	}
	kind := kindOf(r)
	if kind == fault.Denied {
		return kind, b.denied(req.op, r)
	}
	return kind, r
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

// quote is what a server said as fault.Said has it, and without our secrets,
// should it repeat them.
func (b *Bucket) quote(s string) string {
	c := b.cfg.Credentials()
	return store.Quote(s, c.SecretAccessKey, c.SessionToken)
}
