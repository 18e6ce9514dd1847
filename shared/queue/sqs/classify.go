package sqs

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue/remote"
)

// skew is how far apart two clocks may be for a signature to count (AWS General
// Reference, "Signature Version 4": 5 minutes), less what a request may take.
const skew = 4 * time.Minute

// own returns what the SDK says of a request under ctx as a fault of op.
func (q *Queue) own(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return q.link.Temporary(op, context.Cause(ctx))
	case errors.Is(err, errNoKeys):
		return fault.New(fault.Denied, op, q.link.Name, errNoKeys)
	}
	answer, answered := errors.AsType[*awshttp.ResponseError](err)
	if !answered || answer.HTTPStatusCode() == 0 { // whether it was done is unknown
		return q.link.Temporary(op, fault.Plain(cutOff(err)))
	}
	r := q.link.Unreadable(answer.HTTPStatusCode())
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		r.Code, r.Message, r.Skewed = short(e.ErrorCode()), e.ErrorMessage(), skewed(answer.HTTPResponse().Header)
	}
	r.RequestID = answer.ServiceRequestID()
	if r.Status < 300 { // damaged on the way; nothing was refused
		return q.link.Temporary(op, r)
	}
	return q.fault(op, r)
}

// cutOff is the cause within the SDK's own words around it.
func cutOff(err error) error {
	if e, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return e.Err
	}
	return err
}

// short is a code without what the older protocol put before it.
func short(code string) string { return code[strings.LastIndexAny(code, ".#")+1:] }

// skewed reports whether an answer's time is far from this machine's.
func skewed(h http.Header) bool {
	at, err := http.ParseTime(h.Get("Date"))
	return err == nil && time.Since(at).Abs() > skew
}

// entry is the fault of one message of a batch.
func (q *Queue) entry(op string, e types.BatchResultErrorEntry) error {
	r := &remote.Refusal{Code: short(aws.ToString(e.Code)), Message: aws.ToString(e.Message)}
	if !e.SenderFault && fault.KindOf(q.fault(op, r)) == fault.Unknown {
		return q.link.Temporary(op, r)
	}
	return q.fault(op, r)
}

// fault gives a refusal its kind.
func (q *Queue) fault(op string, r *remote.Refusal) error { return q.link.Refused(op, r, kindOf(r)) }

// kindOf is the kind of a code (SQS, "Common errors" and those of each action), "" of one that
// is not there.
func kindOf(r *remote.Refusal) fault.Kind {
	switch r.Code {
	case "AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "ExpiredToken", "ExpiredTokenException", "NotAuthorized", "OptInRequired", "InvalidSecurity",
		"KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound", "KmsOptInRequired":
		return fault.Denied
	case "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException", "RequestExpired":
		if r.Skewed { // our clock's: another instance may have a better one, and the SDK has learnt the difference
			return fault.Temporary
		}
		return fault.Denied
	case "NonExistentQueue", "QueueDoesNotExist", "QueueDeletedRecently", "ReceiptHandleIsInvalid", "MessageNotInflight":
		return fault.NotFound
	case "RequestThrottled", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "KmsThrottled",
		"OverLimit": // the last: 120,000 messages of the queue are in flight
		return fault.Throttled
	case "InternalFailure", "InternalError", "ServiceUnavailable", "RequestTimeout":
		return fault.Temporary
	case "InvalidMessageContents", "InvalidParameterValue", "InvalidAttributeValue", "InvalidAttributeName", "MissingParameter",
		"BatchRequestTooLong", "UnsupportedOperation", "InvalidAddress", "MalformedInput":
		return fault.Invalid
	}
	return ""
}
