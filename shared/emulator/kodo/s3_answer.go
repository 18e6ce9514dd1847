package kodo

import (
	"encoding/xml"
	"net/http"
	"strconv"
)

// s3Refusal is an answer of the S3 interface other than success (S3 API
// reference, "Error responses").
type s3Refusal struct {
	status        int
	code, message string
	region        string // the one to use; "" is not told
}

var (
	s3Denied         = &s3Refusal{http.StatusForbidden, "AccessDenied", "Access Denied", ""}
	s3Malformed      = &s3Refusal{http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header that you provided is not valid.", ""}
	s3Mismatch       = &s3Refusal{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.", ""}
	s3NoBucket       = &s3Refusal{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist", ""}
	s3NoKey          = &s3Refusal{http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", ""}
	s3Frozen         = &s3Refusal{http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the object's storage class", ""}
	s3Precondition   = &s3Refusal{http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", ""}
	s3Range          = &s3Refusal{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable", ""}
	s3InvalidURI     = &s3Refusal{http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.", ""}
	s3NotImplemented = &s3Refusal{http.StatusNotImplemented, "NotImplemented", "A header or parameter you provided implies functionality that is not implemented: this stand-in serves reads and RestoreObject only, signed in the Authorization header.", ""}
	s3SlowDown       = &s3Refusal{http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.", ""}
	s3Internal       = &s3Refusal{http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.", ""}
)

func s3Argument(message string) *s3Refusal {
	return &s3Refusal{http.StatusBadRequest, "InvalidArgument", message, ""}
}

// refuse answers with no.
func (c *s3Call) refuse(no *s3Refusal) { writeS3Refusal(c.w, c.r, no) }

// writeS3Refusal answers with no. An answer to HEAD has no document.
func writeS3Refusal(w http.ResponseWriter, r *http.Request, no *s3Refusal) {
	h := w.Header()
	if no.region != "" {
		h.Set("X-Amz-Bucket-Region", no.region)
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(no.status)
		return
	}
	body, err := xml.Marshal(struct {
		XMLName                                    xml.Name `xml:"Error"`
		Code, Message, Region, Resource, RequestId string   `xml:",omitempty"`
	}{Code: no.code, Message: no.message, Region: no.region, Resource: r.URL.Path, RequestId: h.Get("X-Amz-Request-Id")})
	if err != nil {
		body = nil // the status says most of it
	}
	writeXML(w, no.status, body)
}

// document answers with x.
func (c *s3Call) document(x any) *s3Refusal {
	body, err := xml.Marshal(x)
	if err != nil {
		return s3Internal
	}
	writeXML(c.w, http.StatusOK, append([]byte(xml.Header), body...))
	return nil
}

func writeXML(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is its own trouble
}

// refuseS3 answers an injected fault: "slow down" where status is 0.
func refuseS3(w http.ResponseWriter, r *http.Request, status int) {
	for _, no := range []*s3Refusal{s3SlowDown, s3Internal, s3Denied, s3NoKey, s3Precondition} {
		if status == no.status || status == 0 {
			writeS3Refusal(w, r, no)
			return
		}
	}
	writeS3Refusal(w, r, &s3Refusal{status, "InjectedFault", http.StatusText(status), ""})
}
