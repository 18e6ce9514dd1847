package oss

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unknownEC stands where the service's fine-grained error code is not documented.
const unknownEC = "0000-00000000"

// apiError is an answer that refuses.
type apiError struct {
	status  int
	code    string
	ec      string
	message string
	details []string // names and values of further elements of the body
	header  []string // names and values of further headers
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// with adds elements to the body.
func (e *apiError) with(details ...string) *apiError {
	e.details = append(e.details, details...)
	return e
}

// saying adds headers.
func (e *apiError) saying(header ...string) *apiError {
	e.header = append(e.header, header...)
	return e
}

func refuse(status int, code, ec, message string) *apiError {
	return &apiError{status: status, code: code, ec: ec, message: message}
}

func badArgument(name, value, message string) *apiError {
	return refuse(400, "InvalidArgument", unknownEC, message).with("ArgumentName", name, "ArgumentValue", value)
}

func noSuchBucket(name string) *apiError {
	return refuse(404, "NoSuchBucket", "0015-00000101", "The specified bucket does not exist.").with("BucketName", name)
}

func noSuchKey(key string) *apiError {
	return refuse(404, "NoSuchKey", "0026-00000001", "The specified key does not exist.").with("Key", key)
}

func noSuchUpload(id string) *apiError {
	return refuse(404, "NoSuchUpload", "0042-00000002", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.").with("UploadId", id)
}

func malformedXML() *apiError {
	return refuse(400, "MalformedXML", unknownEC, "The XML you provided was not well-formed or did not validate against our published schema.")
}

func notImplemented() *apiError {
	return refuse(501, "NotImplemented", unknownEC, "A header or parameter you provided implies functionality that is not implemented.")
}

func tooLarge(size int64) *apiError {
	return refuse(400, "EntityTooLarge", unknownEC, "Your proposed upload exceeds the maximum allowed size.").with("ProposedSize", strconv.FormatInt(size, 10))
}

func accessDenied(ec, message string) *apiError { return refuse(403, "AccessDenied", ec, message) }

// maxDrain is how much of a refused upload is read so that its sender gets to
// the answer instead of a reset connection.
const maxDrain = 1 << 30

// fail answers with err. HEAD has no body: the error travels in x-oss-err.
func (c *call) fail(err error) {
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		e = refuse(500, "InternalError", unknownEC, "We encountered an internal error. Please try again.")
	}
	if c.r.Body != nil && c.r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, c.r.Body, maxDrain)
	}
	h := c.w.Header()
	c.common()
	for i := 0; i+1 < len(e.header); i += 2 {
		h.Set(e.header[i], e.header[i+1])
	}
	if e.status == http.StatusNotModified {
		c.w.WriteHeader(e.status)
		return
	}
	body := c.errorBody(e)
	h.Set("x-oss-ec", e.ec)
	if c.r.Method == http.MethodHead {
		h.Set("x-oss-err", base64.StdEncoding.EncodeToString(body))
		c.w.WriteHeader(e.status)
		return
	}
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(e.status)
	_, _ = c.w.Write(body)
}

func (c *call) errorBody(e *apiError) []byte {
	x := newXML()
	x.open("Error")
	x.text("Code", e.code)
	x.text("Message", e.message)
	x.text("RequestId", c.id)
	x.text("HostId", c.r.Host)
	for i := 0; i+1 < len(e.details); i += 2 {
		x.text(e.details[i], legible(e.details[i+1]))
	}
	x.text("EC", e.ec)
	x.text("RecommendDoc", "https://api.aliyun.com/troubleshoot?q="+e.ec)
	x.close("Error")
	return x.bytes()
}

// legible replaces what XML cannot hold, so that an error about a key with
// control characters can still be read. How the service writes it is not known.
func legible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return utf8.RuneError
		}
		return r
	}, s)
}

// qosDelay is the wait in milliseconds that a throttled answer asks for.
const qosDelay = 250

// refuseInjected answers an injected fault: a status as given, or with 0 the
// service's own answer to too many requests (503, "HTTP status code 503").
func (s *Server) refuseInjected(w http.ResponseWriter, r *http.Request, status int) {
	c := s.newCall(w, r)
	var e *apiError
	switch status {
	case 0:
		e = refuse(503, "TotalQpsLimitExceeded", unknownEC, "Max total qps limit is exceeded").saying("x-oss-qos-delay-time", strconv.Itoa(qosDelay))
	case 403:
		e = accessDenied("0003-00000001", "You have no right to access this object because of bucket acl.")
	case 404:
		e = noSuchKey(c.key)
	case 500:
		e = refuse(500, "InternalError", unknownEC, "We encountered an internal error. Please try again.")
	case 503:
		e = refuse(503, "ServiceUnavailable", unknownEC, "Thread pool is almost full, please retry later")
	default:
		e = refuse(status, "InjectedFault", unknownEC, http.StatusText(status))
	}
	c.fail(e)
}
