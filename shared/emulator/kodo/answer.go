package kodo

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"
)

// refusal is an answer other than success: a status of HTTP or of Kodo's own
// (Kodo, "error responses") and the text in its body.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return strconv.Itoa(r.status) + " " + r.text }

var (
	errToken     = &refusal{http.StatusUnauthorized, "bad token"}
	errExpired   = &refusal{http.StatusUnauthorized, "expired token"}
	errScope     = &refusal{http.StatusForbidden, "key doesn't match with scope"}
	errArgument  = &refusal{http.StatusBadRequest, "invalid argument"}
	errMethod    = &refusal{http.StatusMethodNotAllowed, "method not allowed"}
	errAPI       = &refusal{http.StatusNotFound, "no such api"}
	errNotDone   = &refusal{http.StatusNotImplemented, "not implemented by this stand-in"}
	errCRC       = &refusal{http.StatusNotAcceptable, "crc32 mismatch"}
	errMD5       = &refusal{http.StatusNotAcceptable, "md5 mismatch"}
	errChanged   = &refusal{608, "file content has changed"}
	errNoKey     = &refusal{612, "no such file or directory"}
	errNoUpload  = &refusal{612, "no such uploadId"}
	errNoAccess  = &refusal{612, "app/accesskey is not found"} // of the region query, which nobody signs
	errExists    = &refusal{614, "file exists"}
	errNoBucket  = &refusal{631, "no such bucket"}
	errMarker    = &refusal{640, "invalid marker"}
	errContext   = &refusal{701, "invalid ctx"}
	errFetch     = &refusal{478, "fetch from source failed"}
	errCallback  = &refusal{579, "callback failed"}
	errTooFast   = &refusal{573, "resource request is too frequent, please try again later"}
	errFrozen    = &refusal{http.StatusForbidden, "archived file is not restored"}
	errDisabled  = &refusal{http.StatusForbidden, "file is disabled"}
	errNoFile    = &refusal{http.StatusNotFound, "Document not found"}
	errTooLarge  = &refusal{http.StatusRequestEntityTooLarge, "request entity too large"}
	errNotUTF8   = &refusal{http.StatusBadRequest, "key must be utf8 encoding"}
	errUnauthGet = &refusal{http.StatusUnauthorized, "download token not specified"}
	errBadGet    = &refusal{http.StatusUnauthorized, "download token auth failed"}
	errLateGet   = &refusal{http.StatusUnauthorized, "token out of date"}
)

// refuse answers an injected fault: Kodo's "too frequent" where status is 0,
// and S3's own where the request is one to that interface.
func refuse(w http.ResponseWriter, r *http.Request, status int) {
	if r.Context().Value(asS3{}) != nil {
		refuseS3(w, r, status)
		return
	}
	switch status {
	case 0, errTooFast.status:
		writeRefusal(w, errTooFast)
	case errNoKey.status:
		writeRefusal(w, errNoKey)
	case errNoBucket.status:
		writeRefusal(w, errNoBucket)
	case errToken.status:
		writeRefusal(w, errToken)
	default:
		text := http.StatusText(status)
		if text == "" {
			text = "server side operation failed" // 579, 599 and others of Kodo's own
		}
		writeRefusal(w, &refusal{status, text})
	}
}

func writeRefusal(w http.ResponseWriter, e *refusal) {
	body := append(appendString([]byte(`{"error":`), e.text), '}')
	writeBody(w, e.status, body)
}

// conclude sends a refusal, or where there is none a JSON body.
func conclude(w http.ResponseWriter, no *refusal, body []byte) {
	if no != nil {
		writeRefusal(w, no)
		return
	}
	writeBody(w, http.StatusOK, body)
}

// writeBody sends a JSON body with its length.
func writeBody(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is its own trouble
}

// writeJSON sends v, which must be of maps, slices, strings and numbers.
func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		writeRefusal(w, &refusal{599, err.Error()})
		return
	}
	writeBody(w, http.StatusOK, body)
}

// head sets what every answer carries: the SDK takes one without X-Reqid and
// X-Log for a hijacked one, and browsers upload from pages of other hosts.
func (s *Server) head(w http.ResponseWriter) {
	var raw [12]byte
	binary.BigEndian.PutUint64(raw[4:], s.reqids.Add(1))
	h := w.Header()
	h["X-Reqid"] = []string{base64.URLEncoding.EncodeToString(raw[:])}
	h["X-Log"] = []string{"X-Log"}
	h["Access-Control-Allow-Origin"] = []string{"*"}
}
