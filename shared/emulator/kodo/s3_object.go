package kodo

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// s3Classes are the names of the storage types. The first four are known of
// Kodo (rclone's provider file); the others are S3's own.
var s3Classes = [typeMax + 1]string{"STANDARD", "LINE", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "INTELLIGENT_TIERING"}

// etag is an object's entity tag: Kodo's hash, or with Config.S3MD5 that of
// AWS: the MD5 of what was written in one go, and of parts the MD5 of theirs
// with their number. An object without a hash has its MD5 at any rate.
func (s *Server) etag(rec *record) string {
	if !s.cfg.S3MD5 && rec.hash != "" {
		return rec.hash
	}
	var joined []byte
	off := int64(0)
	for _, n := range rec.parts {
		h := md5.New()
		_ = rec.body.write(h, off, n) // a digest never fails to be written
		joined, off = h.Sum(joined), off+n
	}
	if len(rec.parts) > 0 {
		sum := md5.Sum(joined)
		return fmt.Sprintf("%x-%d", sum, len(rec.parts))
	}
	h := md5.New()
	_ = rec.body.write(h, 0, rec.size)
	return hex.EncodeToString(h.Sum(nil))
}

// object is GetObject and HeadObject.
func (c *s3Call) object() *s3Refusal {
	rec := c.b.get(c.key)
	switch {
	case rec == nil:
		return s3NoKey
	case rec.status != 0:
		return s3Denied
	case rec.frozen(c.cfg.Now()) && c.r.Method == http.MethodGet:
		return s3Frozen
	}
	tagged := *rec
	tagged.hash = c.etag(rec) // conditions are held against it
	switch tagged.condition(c.r.Header) {
	case http.StatusNotModified:
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	case http.StatusPreconditionFailed:
		return s3Precondition
	}
	h := c.w.Header()
	off, n, status := int64(0), rec.size, http.StatusOK
	if v := c.r.Header.Get("Range"); v != "" {
		off, n, status = parseRange(v, rec.size)
	}
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(rec.size, 10))
		return s3Range
	case http.StatusPartialContent:
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, rec.size))
	}
	tagged.describeS3(h, c.cfg.Now())
	h["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	c.w.WriteHeader(status)
	if c.r.Method == http.MethodGet {
		_ = rec.body.write(c.w, off, n) // a client that went away is its own trouble
	}
	return nil
}

// describeS3 sets the headers that tell of an object whose hash is its entity tag.
func (o *record) describeS3(h http.Header, now time.Time) {
	h.Set("Content-Type", o.mime)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Last-Modified", o.lastModified().Format(http.TimeFormat))
	h["Etag"] = []string{`"` + o.hash + `"`}
	if o.kind != 0 {
		h.Set("X-Amz-Storage-Class", s3Classes[o.kind])
	}
	switch o.restored(now) {
	case 1:
		h.Set("X-Amz-Restore", `ongoing-request="true"`)
	case 2:
		h.Set("X-Amz-Restore", `ongoing-request="false", expiry-date="`+o.freezes.UTC().Format(http.TimeFormat)+`"`)
	}
	o.tellMeta(h, "X-Amz-Meta-")
}
