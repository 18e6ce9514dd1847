package oss

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// responseOverrides are the parameters that replace headers of a GET, and which.
var responseOverrides = map[string]string{
	"response-content-type": "Content-Type", "response-content-language": "Content-Language",
	"response-expires": "Expires", "response-cache-control": "Cache-Control",
	"response-content-disposition": "Content-Disposition", "response-content-encoding": "Content-Encoding",
}

func base64MD5(sum [16]byte) string { return base64.StdEncoding.EncodeToString(sum[:]) }

// wanted finds the object that a GET or HEAD asks for and checks its conditions.
func (c *call) wanted() (*object, error) {
	o, err := c.b.find(c.key, c.value("versionId"))
	if err != nil {
		return nil, err
	}
	h := c.r.Header
	return o, c.meets(o, h.Get("If-Match"), h.Get("If-None-Match"), h.Get("If-Modified-Since"), h.Get("If-Unmodified-Since"))
}

func (c *call) precondition(name string) *apiError {
	return refuse(412, "PreconditionFailed", unknownEC, "At least one of the pre-conditions you specified did not hold.").with("Condition", name)
}

// meets holds an object against conditions. Times count in whole seconds; a
// time that is none is ignored (OSS, GetObject).
func (c *call) meets(o *object, match, noneMatch, since, until string) error {
	etag := o.etag()
	if match != "" && strings.Trim(match, `"`) != etag {
		return c.precondition("If-Match")
	}
	at := o.time().Truncate(time.Second)
	if t, err := http.ParseTime(until); err == nil && match == "" && at.After(t) {
		return c.precondition("If-Unmodified-Since")
	}
	same := noneMatch != "" && strings.Trim(noneMatch, `"`) == etag
	if t, err := http.ParseTime(since); err == nil && noneMatch == "" && !at.After(t) {
		same = true
	}
	if same {
		return refuse(304, "NotModified", unknownEC, "Not Modified").saying("Etag", `"`+etag+`"`, "Last-Modified", o.modified())
	}
	return nil
}

// describe sets the headers of an object.
func (c *call) describe(o *object) {
	h := c.w.Header()
	o.attrs.write(h)
	h["Accept-Ranges"] = []string{"bytes"}
	h["Last-Modified"] = []string{o.modified()}
	h["X-Oss-Object-Type"] = []string{o.kind.String()}
	h["X-Oss-Storage-Class"] = []string{o.class.String()}
	c.sayStored(o)
	if o.kind == appendable {
		h["X-Oss-Next-Append-Position"] = []string{strconv.FormatInt(o.size, 10)}
	}
	if tags := o.tags(); len(tags) > 0 {
		h["X-Oss-Tagging-Count"] = []string{strconv.Itoa(len(tags))}
	}
	if r := o.restoration(c.s.now()); r != "" {
		h["X-Oss-Restore"] = []string{r}
	}
}

// head is HeadObject.
func (c *call) head() error {
	o, err := c.wanted()
	if err != nil {
		return err
	}
	c.describe(o)
	c.common()
	c.w.Header()["Content-Length"] = []string{strconv.FormatInt(o.size, 10)}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// objectMeta is GetObjectMeta: size, time, ETag and digest, and no body.
func (c *call) objectMeta() error {
	o, err := c.b.find(c.key, c.value("versionId"))
	if err != nil {
		return err
	}
	c.common()
	h := c.w.Header()
	h["Etag"] = []string{`"` + o.etag() + `"`}
	h["Last-Modified"] = []string{o.modified()}
	h["X-Oss-Hash-Crc64ecma"] = []string{strconv.FormatUint(o.crc, 10)}
	c.sayVersion(o)
	if c.r.Method == http.MethodHead {
		h["Content-Length"] = []string{strconv.FormatInt(o.size, 10)}
	} else {
		h["Content-Length"] = []string{"0"}
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// get is GetObject.
func (c *call) get() error {
	o, err := c.wanted()
	if err != nil {
		return err
	}
	if o.class.frozen() && !c.readable(o) {
		return refuse(403, "InvalidObjectState", unknownEC, "The operation is not valid for the object's state").with("ObjectName", c.key)
	}
	from, end, partial, err := byteRange(c.r.Header.Get("Range"), o.size, c.r.Header.Get("X-Oss-Range-Behavior") == "standard")
	if err != nil {
		return err
	}
	if o.body == nil && o.size > 0 {
		return refuse(400, "BodyNotKept", unknownEC, "This stand-in keeps the attributes of the object, but not its bytes.").with("Key", c.key)
	}
	c.describe(o)
	c.common()
	h := c.w.Header()
	for name, header := range responseOverrides {
		if v := c.value(name); v != "" {
			h[header] = []string{v}
		}
	}
	h["Content-Length"] = []string{strconv.FormatInt(end-from, 10)}
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h["Content-Range"] = []string{"bytes " + strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(end-1, 10) + "/" + strconv.FormatInt(o.size, 10)}
		h.Del("Content-Md5")
	}
	c.w.WriteHeader(status)
	if o.body != nil {
		_ = o.body.slice(c.w, from, end) // a client that went away needs no answer
	}
	return nil
}

// byteRange reads a Range header. What is malformed or leaves the object is
// ignored and the whole is sent, unless the request asks for the standard's
// behaviour: then an end behind the object is cut off and a start behind it is
// 416 (OSS, "How to obtain OSS resources by segmenting HTTP range requests").
// Of several ranges the first counts.
func byteRange(header string, size int64, strict bool) (from, end int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return 0, size, false, nil
	}
	spec, _, _ = strings.Cut(spec, ",")
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	lo, err1 := strconv.ParseInt(first, 10, 64)
	hi, err2 := strconv.ParseInt(last, 10, 64)
	switch {
	case !ok, first == "" && err2 != nil, first != "" && err1 != nil, last != "" && err2 != nil, first != "" && last != "" && lo > hi:
		return 0, size, false, nil
	case first == "": // the last hi bytes
		lo, hi = size-hi, size-1
		if lo < 0 && strict {
			lo = 0
		}
	case last == "":
		hi = size - 1
	}
	if lo >= 0 && lo <= hi && hi < size {
		return lo, hi + 1, true, nil
	}
	switch {
	case !strict:
		return 0, size, false, nil
	case lo >= size || lo > hi:
		return 0, 0, false, refuse(416, "InvalidRange", unknownEC, "The requested range cannot be satisfied").
			with("ActualObjectSize", strconv.FormatInt(size, 10), "RangeRequested", header).saying("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
	}
	return lo, size, true, nil
}
