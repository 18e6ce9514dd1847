package mns

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue/remote"
)

// refused reads an answer that is no success.
func (q *Queue) refused(op string, status int, answer []byte) error {
	var x struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string   `xml:"Code"`
		Message   string   `xml:"Message"`
		RequestID string   `xml:"RequestId"`
	}
	if err := xml.Unmarshal(answer, &x); err != nil || x.Code == "" {
		return q.fault(op, q.link.Unreadable(status))
	}
	return q.fault(op, &remote.Refusal{Status: status, Code: x.Code, Message: x.Message, RequestID: x.RequestID})
}

// fault gives a refusal its kind.
func (q *Queue) fault(op string, r *remote.Refusal) error { return q.link.Refused(op, r, kindOf(r)) }

// kindOf is the kind of a code (MNS documentation, "Error codes"), "" of one that is not there.
func kindOf(r *remote.Refusal) fault.Kind {
	switch r.Code {
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "MissingAuthorizationHeader", "InvalidAuthorizationHeader",
		"InvalidSecurityToken", "SecurityTokenExpired":
		return fault.Denied
	case "QueueNotExist", "MessageNotExist", "ReceiptHandleError":
		return fault.NotFound
	case "QpsLimitExceeded", "QPSLimitExceeded":
		return fault.Throttled
	case "TimeExpired", "InternalError", "InternalServerError", "ServiceUnavailable":
		return fault.Temporary // the first is our clock's: another instance may have a better one
	case "InvalidArgument", "MalformedXML":
		return fault.Invalid
	}
	return ""
}

// trouble is a request that got no answer. Whether it was done is unknown.
func (c *client) trouble(op string, err error) error {
	if c.ctx.Err() != nil {
		err = context.Cause(c.ctx)
	} else if cure := c.unproved(); cure != "" {
		err = fmt.Errorf("%w: an internal endpoint answers only inside its region's network%s", err, cure)
	}
	return c.link.Temporary(op, err)
}

// own returns err as a fault of op: the SDK's own errors, such as an answer
// that cannot be decoded and that it repeats whole, are Temporary.
func (q *Queue) own(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return &fault.Error{Kind: e.Kind, Op: op, Key: e.Key, Wait: e.Wait, Err: e.Err}
	}
	return q.link.Temporary(op, fmt.Errorf("an answer that is not MNS's: %s", fault.Said(strings.TrimSpace(err.Error()))))
}
