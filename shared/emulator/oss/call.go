package oss

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// pair is one parameter of a query, decoded.
type pair struct{ name, value string }

// call is one request while it is answered.
type call struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	id     string
	bucket string
	key    string
	query  []pair
	own    []pair          // what ossHeaders returns; nil before it was asked
	who    *heldCredential // nil: nobody
	b      *bucket         // of bucket; nil of the service
	hollow bool            // a listing is to answer an empty page that has a marker
}

func (s *Server) newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{s: s, w: w, r: r, id: s.nextID()}
	c.locate()
	return c
}

// locate reads bucket, key and query from the request line as it came. Keys
// are never cleaned: a//b and a/../b are keys like any other.
func (c *call) locate() {
	target := c.r.RequestURI
	if !strings.HasPrefix(target, "/") { // absolute form, through a proxy
		if _, rest, ok := strings.Cut(target, "://"); ok {
			if i := strings.IndexAny(rest, "/?"); i >= 0 {
				target = rest[i:]
			} else {
				target = "/"
			}
		}
	}
	path, query, _ := strings.Cut(target, "?")
	path = strings.TrimPrefix(path, "/")
	if c.bucket = bucketOfHost(c.r.Host, c.s.region); c.bucket == "" {
		c.bucket, path, _ = strings.Cut(path, "/")
		c.bucket = unescape(c.bucket, url.PathUnescape)
	}
	c.key = unescape(path, url.PathUnescape)
	for query != "" {
		var item string
		if item, query, _ = strings.Cut(query, "&"); item == "" {
			continue
		}
		name, value, _ := strings.Cut(item, "=")
		c.query = append(c.query, pair{unescape(name, url.QueryUnescape), unescape(value, url.QueryUnescape)})
	}
}

func unescape(s string, by func(string) (string, error)) string {
	if u, err := by(s); err == nil {
		return u
	}
	return s
}

// bucketOfHost returns the bucket that a host names in virtual-host style, ""
// where it is an address, a single name, or an endpoint of the service itself
// (oss-<region>.… and its internal twin).
func bucketOfHost(host, region string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if net.ParseIP(strings.Trim(host, "[]")) != nil {
		return ""
	}
	first, rest, ok := strings.Cut(host, ".")
	if !ok || rest == "" {
		return ""
	}
	switch first {
	case "oss", "oss-" + region, "oss-" + region + "-internal":
		return ""
	}
	return first
}

// param returns the first parameter of a name, and whether there is one.
func (c *call) param(name string) (string, bool) {
	for _, p := range c.query {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

func (c *call) has(name string) bool {
	_, ok := c.param(name)
	return ok
}

func (c *call) value(name string) string {
	v, _ := c.param(name)
	return v
}

// number returns a parameter that is a number from low to high, or def if it is absent.
func (c *call) number(name string, low, high, def int) (int, error) {
	v, ok := c.param(name)
	if !ok || v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		return 0, badArgument(name, v, "Argument "+name+" must be an integer between "+strconv.Itoa(low)+" and "+strconv.Itoa(high)+".")
	}
	return n, nil
}

// common sets the headers that every answer has.
func (c *call) common() {
	h := c.w.Header()
	h["X-Oss-Request-Id"] = []string{c.id}
	h["X-Oss-Server-Time"] = []string{"1"}
	h["Server"] = []string{"AliyunOSS"}
	h["Date"] = []string{c.s.now().UTC().Format(http.TimeFormat)}
}

// empty answers status without a body.
func (c *call) empty(status int) error {
	c.common()
	if status != http.StatusNoContent {
		c.w.Header()["Content-Length"] = []string{"0"}
	}
	c.w.WriteHeader(status)
	return nil
}

// xml answers 200 with a document.
func (c *call) xml(x *xmlWriter) error { return c.xmlWith(http.StatusOK, x) }

func (c *call) xmlWith(status int, x *xmlWriter) error {
	b := x.bytes()
	c.common()
	h := c.w.Header()
	h["Content-Type"] = []string{"application/xml"}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b)
	return nil
}

// maxQuestion is how large the XML of a request may be (DeleteMultipleObjects
// allows 2 MB; a list of 10,000 parts is about half of that).
const maxQuestion = 2 << 20

// document reads the request's body, checks its Content-MD5 and parses it.
// There is none in an empty body.
func (c *call) document(root string) (doc node, some bool, err error) {
	b, err := io.ReadAll(io.LimitReader(c.r.Body, maxQuestion+1))
	if err != nil {
		return node{}, false, incomplete()
	}
	if len(b) > maxQuestion {
		return node{}, false, refuse(400, "MalformedXML", unknownEC, "The XML you provided is larger than 2 MB.")
	}
	if err := checkMD5(c.r.Header.Get("Content-Md5"), md5Of(b)); err != nil {
		return node{}, false, err
	}
	if len(b) == 0 {
		return node{}, false, nil
	}
	doc, ok := parseXML(b)
	if !ok || doc.name != root {
		return node{}, false, malformedXML()
	}
	return doc, true, nil
}

// layoutXML is how OSS writes times in XML, with noFraction behind: whole
// seconds, so that a listing and the header Last-Modified agree.
const (
	layoutXML  = "2006-01-02T15:04:05"
	noFraction = ".000Z"
)

func isoTime(t time.Time) string { return t.UTC().Format(layoutXML) + noFraction }
