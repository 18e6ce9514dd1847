package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"kodoferry/shared/fault"
)

// refusal is an error that SQS answers with.
type refusal struct {
	Status    int    // 0 of one message of a batch
	Code      string // as QueueDoesNotExist, without the prefix of the older protocol
	Message   string
	RequestID string
	Skewed    bool // the answer's Date is far from this machine's clock
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

// throttleWait is how long a throttled request waits: SQS names no time, and
// its limits are of requests a second.
const throttleWait = time.Second

// skew is how far apart two clocks may be for a signature to count (AWS General
// Reference, "Signature Version 4": 5 minutes), less what a request may take.
const skew = 4 * time.Minute

// own returns what the SDK says of a request under ctx as a fault of op.
func (q *Queue) own(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.New(fault.Temporary, op, q.name, context.Cause(ctx))
	case errors.Is(err, errNoKeys):
		return fault.New(fault.Denied, op, q.name, errNoKeys)
	}
	answer, answered := errors.AsType[*awshttp.ResponseError](err)
	if !answered || answer.HTTPStatusCode() == 0 { // whether it was done is unknown
		return fault.New(fault.Temporary, op, q.name, cutOff(err))
	}
	r := &refusal{Status: answer.HTTPStatusCode(), RequestID: answer.ServiceRequestID()}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		r.Code, r.Message, r.Skewed = short(e.ErrorCode()), e.ErrorMessage(), q.skewed(answer.HTTPResponse().Header)
	} else {
		r.Code, r.Message = "unreadable", "the answer is not SQS's: a proxy's, perhaps, or endpoint= names another service"
	}
	if r.Status < 300 { // damaged on the way; nothing was refused
		return fault.New(fault.Temporary, op, q.name, r)
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

func (q *Queue) skewed(h http.Header) bool {
	at, err := http.ParseTime(h.Get("Date"))
	return err == nil && time.Since(at).Abs() > skew
}

// entry is the fault of one message of a batch.
func (q *Queue) entry(op string, e types.BatchResultErrorEntry) error {
	r := &refusal{Code: short(aws.ToString(e.Code)), Message: aws.ToString(e.Message)}
	if !e.SenderFault && fault.KindOf(q.fault(op, r)) == fault.Unknown {
		return fault.New(fault.Temporary, op, q.name, r)
	}
	return q.fault(op, r)
}

// fault gives a refusal its kind (SQS, "Common errors" and those of each
// action). A code that is not there is judged by its status.
func (q *Queue) fault(op string, r *refusal) error {
	kind := fault.FromStatus(r.Status)
	switch r.Code {
	case "AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "ExpiredToken", "ExpiredTokenException", "NotAuthorized", "OptInRequired", "InvalidSecurity",
		"KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound", "KmsOptInRequired":
		kind = fault.Denied
	case "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException", "RequestExpired":
		kind = fault.Denied
		if r.Skewed { // our clock's: another instance may have a better one, and the SDK has learnt the difference
			kind = fault.Temporary
		}
	case "NonExistentQueue", "QueueDoesNotExist", "QueueDeletedRecently", "ReceiptHandleIsInvalid", "MessageNotInflight":
		kind = fault.NotFound
	case "RequestThrottled", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "KmsThrottled",
		"OverLimit": // the last: 120,000 messages of the queue are in flight
		kind = fault.Throttled
	case "InternalFailure", "InternalError", "ServiceUnavailable", "RequestTimeout":
		kind = fault.Temporary
	case "InvalidMessageContents", "InvalidParameterValue", "InvalidAttributeValue", "InvalidAttributeName", "MissingParameter",
		"BatchRequestTooLong", "UnsupportedOperation", "InvalidAddress", "MalformedInput":
		kind = fault.Invalid
	}
	switch kind {
	case fault.Throttled:
		return fault.Throttle(op, q.name, throttleWait, r)
	case fault.Changed: // no request of ours is about what something was before
		kind = fault.Unknown
	}
	return fault.New(kind, op, q.name, r)
}
