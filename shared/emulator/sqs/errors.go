package sqs

import (
	"encoding/json"
	"errors"
	"net/http"
)

// refusal is an error that the service answers with. The protocol names it by
// its shape, and besides, in a header, as the older query protocol did, which
// is the name that SDKs pass on (SQS, "Common errors"; SDK v1.52.10, types/errors.go).
type refusal struct {
	status  int
	shape   string
	query   string
	message string
}

func (r *refusal) Error() string { return "sqs emulator: " + r.shape + ": " + r.message }

func refuse(status int, shape, query, message string) *refusal {
	return &refusal{status, shape, query, message}
}

// Statuses and names are those of the service's API model.
var (
	errNoQueue   = refuse(400, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
	errReceipt   = refuse(404, "com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	errGone      = badValue("ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
	errInternal  = refuse(500, "com.amazon.coral.service#InternalFailure", "InternalFailure", "We encountered an internal error. Please try again.")
	errMalformed = refuse(400, "com.amazon.coral.service#SerializationException", "MalformedInput", "The request is not well-formed.")
	errUnknown   = refuse(400, "com.amazon.coral.service#UnknownOperationException", "InvalidAction", "The action or operation requested is invalid.")
	errContents  = refuse(400, "com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents", "Invalid binary character was found in the message body, the set of allowed characters is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]")
	errEmpty     = refuse(400, "com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one entry in the request.")
	errMany      = refuse(400, "com.amazonaws.sqs#TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
	errTooLong   = refuse(400, "com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes.")
	errSameID    = refuse(400, "com.amazonaws.sqs#BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.")
	errEntryID   = refuse(400, "com.amazonaws.sqs#InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
	errForeign   = badValue("MessageDeduplicationId or ReceiveRequestAttemptId", "The request includes a parameter that is not valid for this queue type.")
	errUndone    = refuse(400, "com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "This stand-in does not implement a parameter of the request.")
	errPurging   = refuse(400, "com.amazonaws.sqs#PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", "Only one PurgeQueue operation on a queue is allowed every 60 seconds.")
	errDeleted   = refuse(400, "com.amazonaws.sqs#QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	errExists    = refuse(400, "com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists", "A queue already exists with the same name and a different value for an attribute.")
)

func badValue(parameter, reason string) *refusal {
	return refuse(400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Value for parameter "+parameter+" is invalid. Reason: "+reason)
}

// badAttribute refuses the name of an attribute.
func badAttribute(name string) *refusal {
	return refuse(400, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute "+name+".")
}

func missing(parameter string) *refusal {
	return refuse(400, "com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter "+parameter+".")
}

func forbidden(shape, query, message string) *refusal {
	return refuse(403, "com.amazon.coral.service#"+shape, query, message)
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = refuse(500, errInternal.shape, errInternal.query, err.Error())
	}
	side := "Sender"
	if r.status >= 500 {
		side = "Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", r.query+";"+side)
	s.answer(w, r.status, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{r.shape, r.message})
}

// refuseInjected answers for a fault: status 0 is a throttle.
func (s *Server) refuseInjected(w http.ResponseWriter, _ *http.Request, status int) {
	switch status {
	case 0:
		s.fail(w, refuse(403, "com.amazonaws.sqs#RequestThrottled", "RequestThrottled", "Request is throttled."))
	case http.StatusForbidden:
		s.fail(w, forbidden("AccessDeniedException", "AccessDenied", "User is not authorized to perform this operation: no identity-based policy allows it."))
	case http.StatusServiceUnavailable:
		s.fail(w, refuse(status, "com.amazon.coral.service#ServiceUnavailableException", "ServiceUnavailable", "The request has failed due to a temporary failure of the server."))
	default:
		s.fail(w, refuse(status, errInternal.shape, errInternal.query, errInternal.message))
	}
}

// answer writes body as JSON.
func (s *Server) answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that went away misses the answer
}
