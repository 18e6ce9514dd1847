package kodo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
)

var (
	s3Restoring = &s3Refusal{http.StatusConflict, "RestoreAlreadyInProgress", "Object restore is already in progress", ""}
	s3BadXML    = &s3Refusal{http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", ""}
	s3BadSum    = &s3Refusal{http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", ""}
)

// maxRestore is the most bytes of a request to restore.
const maxRestore = 64 << 10

// restoreObject is RestoreObject (S3 API reference): 202 where the object begins to thaw, 200
// where it is restored and will be for so many days from now, 409 while it thaws, 403 of a class
// that is not archived.
func (c *s3Call) restoreObject() *s3Refusal {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxRestore))
	sum := sha256.Sum256(body)
	if told := c.r.Header.Get("X-Amz-Content-Sha256"); told != s3Unsigned && told != hex.EncodeToString(sum[:]) {
		return s3BadSum
	}
	var asked struct {
		XMLName xml.Name `xml:"RestoreRequest"`
		Days    int
	}
	if err != nil || xml.Unmarshal(body, &asked) != nil || asked.Days < 1 {
		return s3BadXML
	}
	var rec *record
	status, now := http.StatusAccepted, c.cfg.Now()
	var refused *s3Refusal
	_ = c.b.change(c.key, func(old *record) (*record, *refusal) {
		switch {
		case old == nil:
			refused = s3NoKey
		case old.kind != typeArchive && old.kind != typeDeepArchive:
			refused = s3Frozen
		case old.restored(now) == 1:
			refused = s3Restoring
		case old.restored(now) == 2:
			status = http.StatusOK
		}
		if refused != nil {
			return nil, errNoKey
		}
		thawed := *old
		if no := c.restore(&thawed, asked.Days); no != nil {
			refused = s3Frozen
			return nil, no
		}
		if status == http.StatusOK {
			thawed.freezes = now.AddDate(0, 0, asked.Days)
		}
		rec = &thawed
		return rec, nil
	})
	if refused != nil {
		return refused
	}
	if !rec.frozen(now) { // else it is thawed later, which no clock here tells of
		c.happened(c.b, "restore:completed", c.key, rec)
	}
	c.w.WriteHeader(status)
	return nil
}
