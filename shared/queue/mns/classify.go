package mns

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/fault"
)

// refusal is an error that MNS answers with.
type refusal struct {
	XMLName   xml.Name `xml:"Error"`
	Status    int      `xml:"-"` // 0 of one message of a batch
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	RequestID string   `xml:"RequestId"`
}

func (r *refusal) Error() string {
	text := r.Code + ": " + r.Message
	if r.Status != 0 {
		text = fmt.Sprintf("status %d %s", r.Status, text)
	}
	if r.RequestID != "" {
		text += " (request " + r.RequestID + ")"
	}
	return text
}

// refused reads an answer that is no success.
func (q *Queue) refused(op string, status int, answer []byte) error {
	r := &refusal{}
	if err := xml.Unmarshal(answer, r); err != nil || r.Code == "" {
		r = &refusal{Code: "unreadable", Message: "the answer is not MNS's: a proxy's, perhaps, or endpoint= names another service"}
	}
	r.Status = status
	return q.fault(op, r)
}

// qpsWait is how long a throttled request waits: MNS names no time, and its
// limit is one of requests a second.
const qpsWait = time.Second

// fault gives a refusal its kind (MNS documentation, "Error codes"). A code
// that is not there is judged by its status.
func (q *Queue) fault(op string, r *refusal) error {
	kind := fault.FromStatus(r.Status)
	switch r.Code {
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "MissingAuthorizationHeader", "InvalidAuthorizationHeader",
		"InvalidSecurityToken", "SecurityTokenExpired":
		kind = fault.Denied
	case "QueueNotExist", "MessageNotExist", "ReceiptHandleError":
		kind = fault.NotFound
	case "QpsLimitExceeded", "QPSLimitExceeded":
		kind = fault.Throttled
	case "TimeExpired", "InternalError", "InternalServerError", "ServiceUnavailable":
		kind = fault.Temporary // the first is our clock's: another instance may have a better one
	case "InvalidArgument", "MalformedXML":
		kind = fault.Invalid
	}
	switch kind {
	case fault.Throttled:
		return fault.Throttle(op, q.name, qpsWait, r)
	case fault.Changed: // no request of ours is about what something was before
		kind = fault.Unknown
	}
	return fault.New(kind, op, q.name, r)
}

// trouble is a request that got no answer. Whether it was done is unknown.
func (c *client) trouble(op string, err error) error {
	if c.ctx.Err() != nil {
		err = context.Cause(c.ctx)
	} else if cure := c.unproved(); cure != "" {
		err = fmt.Errorf("%w: an internal endpoint answers only inside its region's network%s", err, cure)
	}
	return fault.New(fault.Temporary, op, c.name, err)
}

// own returns err as a fault of op: the SDK's own errors, such as an answer
// that cannot be decoded, are Temporary.
func (q *Queue) own(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return &fault.Error{Kind: e.Kind, Op: op, Key: e.Key, Wait: e.Wait, Err: e.Err}
	}
	return fault.New(fault.Temporary, op, q.name, fmt.Errorf("an answer that is not MNS's: %s", strings.TrimSpace(err.Error())))
}
