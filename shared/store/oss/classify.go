package oss

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// refusal is what OSS said. It replaces the SDK's ServiceError, which keeps
// the raw document: that one repeats the string to sign.
type refusal struct {
	status    int
	code      string // "" where the answer had no document, as that of a HEAD to a stand-in
	message   string
	requestID string
	detail    string        // OSS's EC, finer than code
	endpoint  string        // the endpoint to use, where the one in use is another region's
	skew      time.Duration // our clock minus theirs; 0 where the answer had no date
}

func (r *refusal) Error() string {
	return store.Refused(r.status, r.code, r.message, r.requestID)
}

// Answer is what OSS said.
func (r *refusal) Answer() string { return r.Error() }

// Cause is what it has in common with others that refuse for the same reason.
func (r *refusal) Cause() string { return store.RefusedAlike(r.status, r.code) }

// classify says what a failed request means. It starts with the HTTP status
// and corrects what OSS means differently; without an answer, the network or
// the body has failed. a is what came back, as far as it came.
func (b *Bucket) classify(op, key string, err error, a *answer) error {
	if errors.Is(err, errNoKeys) {
		return fault.New(fault.Denied, op, key, err)
	}
	if own, ok := errors.AsType[*fault.Error](err); ok { // the body's, or already ours
		return &fault.Error{Kind: own.Kind, Op: op, Key: key, Wait: own.Wait, Err: err}
	}
	if e, ok := errors.AsType[*redirect](err); ok {
		return fault.New(fault.Invalid, op, key, e)
	}
	service, ok := errors.AsType[sdk.ServiceError](err)
	switch {
	case ok:
		return b.refused(op, key, service, a)
	case a.status >= 300: // an answer, but with no document of OSS's: a proxy's
		return b.refused(op, key, sdk.ServiceError{StatusCode: a.status, RequestID: a.header.Get("x-oss-request-id")}, a)
	case store.Misaddressed(err):
		return fault.New(fault.Invalid, op, key, err)
	}
	return fault.New(fault.KindOf(err), op, key, err)
}

func (b *Bucket) refused(op, key string, e sdk.ServiceError, a *answer) error {
	r := &refusal{
		status: e.StatusCode, code: b.quote(e.Code), message: b.quote(e.Message), requestID: b.quote(e.RequestID),
		detail: b.quote(cmp.Or(e.Ec, a.header.Get("x-oss-ec"))), endpoint: b.quote(e.Endpoint),
	}
	if theirs, err := http.ParseTime(a.header.Get("Date")); err == nil {
		r.skew = time.Since(theirs).Round(time.Second)
	}
	kind := kindOf(r)
	delay := qosDelay(a.header)
	cause := error(r)
	switch {
	case r.code == "NoSuchBucket":
		cause = fault.Errorf("bucket %q does not exist: %w", b.name, r)
	case r.code == "RequestTimeTooSkewed":
		cause = fault.Errorf("%s: %w", store.ClockOff(r.skew, "OSS's"), r)
	case kind == fault.Denied:
		cause = b.denied(op, r)
	}
	if kind == fault.Throttled {
		return fault.Throttle(op, key, delay, cause)
	}
	return fault.New(kind, op, key, cause)
}

// kindOf is all that is known of OSS's codes. Sources: OSS's pages on the HTTP
// status codes 400 to 503, and those of the single operations. What is not
// named here is right by its status: 403 AccessDenied, InvalidAccessKeyId,
// SignatureDoesNotMatch, SecurityTokenExpired and InvalidObjectState (not
// thawed) are Denied, 404 NoSuchKey and NoSuchUpload NotFound, 409
// FileAlreadyExists and 412 PreconditionFailed Changed, 400 InvalidPart
// Invalid, 429 QpsLimitExceeded Throttled.
func kindOf(r *refusal) fault.Kind {
	switch r.code {
	case "InvalidDigest", "BadDigest", "InvalidCrc64":
		return fault.Corrupt
	case "RequestTimeTooSkewed": // 403; a fresh instance may have a better clock
		return fault.Temporary
	case "RequestTimeout", "IncompleteBody": // 400; the body did not come through
		return fault.Temporary
	case "InvalidSecurityToken", "SecurityTokenExpired", "SecurityTokenNotSupported", "InvalidAccessKeyId": // some come as 400
		return fault.Denied
	case "FileImmutable", "ObjectNotAppendable": // 409; a retention policy, not a race
		return fault.Denied
	case "TotalQpsLimitExceeded", "MetaOperationQpsLimitExceeded", "PartitionQpsLimitted", "QpsLimitExceeded",
		"ActiveRequestLimitExceeded", "CpuLimitExceeded", "SlowDown",
		"DownloadTrafficRateLimitExceeded", "UploadTrafficRateLimitExceeded": // 503
		return fault.Throttled
	}
	if r.full() {
		return fault.Denied
	}
	return fault.FromStatus(r.status)
}

// full reports whether the bucket, or the account, takes no more.
func (r *refusal) full() bool {
	return r.status == http.StatusInsufficientStorage || strings.HasSuffix(r.code, "QuotaExceeded")
}

// qosDelay reads how many milliseconds OSS asks a throttled client to wait.
func qosDelay(h http.Header) time.Duration {
	ms, err := strconv.ParseInt(h.Get("x-oss-qos-delay-time"), 10, 32)
	if err != nil || ms < 0 {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// quote is what a server said as fault.Said has it, and without our secrets,
// should it repeat them.
func (b *Bucket) quote(s string) string {
	c := b.credentials()
	return store.Quote(s, c.AccessKeySecret, c.SecurityToken)
}
