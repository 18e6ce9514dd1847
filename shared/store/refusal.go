package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
)

// What drivers say alike of an answer that is no success, and of none.

// Refused words what a service answered instead of success. code, message and request,
// the service's name of the request, may be "".
func Refused(status int, code, message, request string) string {
	s := fmt.Sprintf("status %d", status)
	if code != "" {
		s += " " + code
	}
	if message != "" {
		s += ": " + message
	}
	if request != "" {
		s += " (request " + request + ")"
	}
	return s
}

// Answer is an error that is what a service answered, in the service's own words.
type Answer interface {
	error
	Answer() string
}

// RefusedAlike words what an answer has in common with others that refuse for the same
// reason.
func RefusedAlike(status int, code string) string {
	return strings.TrimRight(fmt.Sprintf("status %d %s", status, fault.Word(code)), " ")
}

// Quote is what a server said as fault.Said has it, and without our secrets, should it
// repeat them.
func Quote(said string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			said = strings.ReplaceAll(said, secret, "[secret]")
		}
	}
	return fault.Said(said)
}

// Explained is the error of a Check of a bucket that failed with err: sentence, "" where err
// says it all itself, before what the service answered, an R, or else what came in place of
// an answer. key is that of the object that it was seen at, "" where it is the bucket's.
func Explained[R error](err error, op, bucket, sentence, key string) error {
	cause := err
	if own, ok := errors.AsType[*fault.Error](err); ok {
		cause = own.Err
	}
	if sentence != "" {
		if r, ok := errors.AsType[R](err); ok {
			cause = r
		}
		cause = fmt.Errorf("%s (%w)", sentence, cause)
	}
	if key != "" {
		cause = fmt.Errorf("%w; seen at the key %q", cause, key)
	}
	return &fault.Error{Kind: fault.KindOf(err), Op: op, Key: bucket, Wait: fault.WaitOf(err), Err: cause}
}

// ClockOff says what is wrong with this machine's clock, which is skew ahead of that of a
// service, "OSS's"; 0 where the service did not tell its time.
func ClockOff(skew time.Duration, service string) string {
	switch {
	case skew > 0:
		return fmt.Sprintf("the clock of this machine is %s ahead of %s: set it", skew, service)
	case skew < 0:
		return fmt.Sprintf("the clock of this machine is %s behind %s: set it", -skew, service)
	}
	return fmt.Sprintf("the clock of this machine is more than 15 minutes off %s: set it", service)
}

// RetryAfter reads seconds or a time (RFC 9110, section 10.2.3); 0 is not told.
func RetryAfter(v string, now func() time.Time) time.Duration {
	if seconds, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(seconds, 0), 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now()), 0)
	}
	return 0
}

// Misaddressed reports whether the other side is not one to talk to, which no
// retry changes: a certificate of another host, or http where https is expected.
func Misaddressed(err error) bool {
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return cert || host || authority || record || errors.Is(err, http.ErrSchemeMismatch)
}
