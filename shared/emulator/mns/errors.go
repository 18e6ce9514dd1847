package mns

import (
	"encoding/xml"
	"errors"
	"net/http"
)

// refusal is an error that the service answers with (MNS, "Error codes").
type refusal struct {
	status  int
	code    string
	message string
}

func (r *refusal) Error() string { return "mns emulator: " + r.code + ": " + r.message }

func refuse(status int, code, message string) *refusal { return &refusal{status, code, message} }

// Statuses and messages are those of MNS's page "Error codes".
var (
	errNoQueue   = refuse(http.StatusNotFound, "QueueNotExist", "The queue name you provided is not exist.")
	errReceipt   = refuse(http.StatusBadRequest, "ReceiptHandleError", "The receipt handle you provide is not valid.")
	errInternal  = refuse(http.StatusInternalServerError, "InternalError", "Internal error.")
	errMalformed = refuse(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed.")
	errNoReceipt = refuse(http.StatusBadRequest, "MissingReceiptHandle", "ReceiptHandle is required.")
	errNoTimeout = refuse(http.StatusBadRequest, "MissingVisibilityTimeout", "VisibilityTimeout is required.")
	errNoMessage = refuse(http.StatusNotFound, "MessageNotExist", "Message not exist.")
)

func badArgument(what string) *refusal {
	return refuse(http.StatusBadRequest, "InvalidArgument", "The value of "+what+" is out of range.")
}

// errorXML is the body of a refusal.
type errorXML struct {
	XMLName   xml.Name `xml:"Error"`
	Space     string   `xml:"xmlns,attr"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = refuse(http.StatusInternalServerError, "InternalError", err.Error())
	}
	s.answer(w, r.status, errorXML{Space: space, Code: r.code, Message: r.message, RequestID: w.Header().Get(requestID), HostID: s.Endpoint()})
}

// refuseInjected answers for a fault: status 0 is a throttle.
func (s *Server) refuseInjected(w http.ResponseWriter, _ *http.Request, status int) {
	switch status {
	case 0:
		s.fail(w, refuse(http.StatusBadRequest, "QpsLimitExceeded", "The qps limit of the queue is exceeded."))
	case http.StatusForbidden:
		s.fail(w, refuse(status, "AccessDenied", "The OwnerId that your Access Key Id associated to is forbidden for this operation."))
	case http.StatusServiceUnavailable:
		s.fail(w, refuse(status, "ServiceUnavailable", "Service unavailable."))
	default:
		s.fail(w, refuse(status, "InternalError", errInternal.message))
	}
}
