package kodo

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The S3-compatible interface, for reading and for restoring what is archived: the same buckets, under names that
// may differ, in the path or in front of the host. What it answers follows the S3 API reference. Of
// what Kodo does differently little is written down: its region and class names
// are (rclone's provider file), which ETags it sends is not, so that both are
// to be had (Config.S3MD5).

// s3Regions are the names of the regions at the S3 interface.
var s3Regions = map[string]string{"z0": "cn-east-1", "z1": "cn-north-1", "z2": "cn-south-1", "na0": "us-north-1", "as0": "ap-southeast-1"}

// S3Endpoint is the URL of the S3 interface.
func (s *Server) S3Endpoint() string { return "http://" + s.s3 }

// S3Region is the region that its signatures must name.
func (s *Server) S3Region() string {
	if name, ok := s3Regions[s.cfg.Region]; ok {
		return name
	}
	return s.cfg.Region
}

// SetS3Name gives a bucket another name at the S3 interface, where it is then
// known by that alone. It fails if there is no such bucket or the name is taken.
func (s *Server) SetS3Name(bucket, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[bucket] == nil || name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("kodo.SetS3Name %q: no bucket %q, or no name", name, bucket)
	}
	for _, b := range s.buckets {
		if b.s3Name == name && b.name != bucket {
			return fmt.Errorf("kodo.SetS3Name %q: it is that of %q", name, b.name)
		}
	}
	s.buckets[bucket].s3Name = name
	return nil
}

// s3Bucket is the bucket of that name at the S3 interface.
func (s *Server) s3Bucket(name string) *bucket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, b := range s.buckets {
		if b.s3Name == name {
			return b
		}
	}
	return nil
}

// s3Host is the name of the bucket that a host begins with, "" of an address or of a host of
// the service itself: clients name a bucket there or in the path.
func (s *Server) s3Host(host string) string {
	host = bareHost(host)
	if net.ParseIP(host) != nil {
		return ""
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	longest := ""
	for _, b := range s.buckets {
		if strings.HasPrefix(host, b.s3Name+".") && len(b.s3Name) > len(longest) {
			longest = b.s3Name
		}
	}
	return longest
}

// s3Call is a request to the S3 interface.
type s3Call struct {
	*Server
	w    http.ResponseWriter
	r    *http.Request
	b    *bucket
	name string // of the bucket, as it was asked for
	key  string
	q    url.Values
}

// asS3 marks requests whose injected faults are to look like S3's.
type asS3 struct{}

// serveS3 serves the S3 interface.
func (s *Server) serveS3(w http.ResponseWriter, r *http.Request) {
	s.head(w)
	w.Header().Set("X-Amz-Request-Id", w.Header().Get("X-Reqid"))
	w.Header().Set("Server", "AmazonS3") // as some clients ask of S3's kind
	r = r.WithContext(context.WithValue(r.Context(), asS3{}, true))
	c := &s3Call{Server: s, r: r, q: r.URL.Query()}
	raw, after, _ := strings.Cut(strings.TrimPrefix(rawPath(r), "/"), "/")
	if named := s.s3Host(r.Host); named != "" {
		raw, after = url.PathEscape(named), strings.TrimPrefix(rawPath(r), "/")
	}
	name, nerr := url.PathUnescape(raw)
	key, kerr := url.PathUnescape(after)
	c.name, c.key = name, key
	op, work := c.route()
	if nerr != nil || kerr != nil {
		work = func() *s3Refusal { return s3InvalidURI }
	}
	answer := func(work func() *s3Refusal) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c.w = w
			no := c.authenticate()
			if no == nil && !c.reads() && !c.restores() {
				_, _ = io.CopyN(io.Discard, c.r.Body, maxUpload) // so that its sender reads the answer
				no = s3NotImplemented
			}
			if no == nil && name != "" {
				if c.b = s.s3Bucket(name); c.b == nil {
					no = s3NoBucket
				}
			}
			if no == nil {
				no = work()
			}
			if no != nil {
				c.refuse(no)
			}
		}
	}
	call := call{op: op, bucket: name, key: key, work: answer(work)}
	if op == "s3-list" && c.q.Get("list-type") == "2" {
		call.empty = answer(func() *s3Refusal { return c.listV2(true) })
	}
	s.do(w, r, call)
}

// reads reports whether the request is one to read.
func (c *s3Call) reads() bool {
	return c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
}

// restores reports whether the request is one to restore an object.
func (c *s3Call) restores() bool {
	return c.r.Method == http.MethodPost && c.key != "" && c.q.Has("restore")
}

// s3Parameters are those that some operation here reads (S3 API reference).
var s3Parameters = []string{
	"list-type", "prefix", "delimiter", "marker", "start-after", "continuation-token", "max-keys", "encoding-type", "fetch-owner", "x-id", "location",
	"max-buckets", "bucket-region", "restore",
}

// s3Foreign are headers that change what is read and that nothing here knows.
var s3Foreign = []string{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "X-Amz-Expected-Bucket-Owner"}

// route finds the operation. A request for more than reading, or with a parameter or header
// that nothing here reads, is answered with NotImplemented.
func (c *s3Call) route() (op string, work func() *s3Refusal) {
	get, head := c.r.Method == http.MethodGet, c.r.Method == http.MethodHead
	unknown := slices.ContainsFunc(s3Foreign, func(name string) bool { return c.r.Header.Get(name) != "" })
	for name := range c.q {
		unknown = unknown || !slices.Contains(s3Parameters, name)
	}
	switch {
	case unknown:
		return "s3-unknown", func() *s3Refusal { return s3NotImplemented }
	case get && c.key == "" && c.name != "" && c.q.Has("list-type") && c.q.Get("list-type") != "2":
		return "s3-list", func() *s3Refusal { return s3Argument("Invalid List Type specified in Request") }
	case get && c.name == "":
		return "s3-bucket", c.listBuckets
	case get && c.key == "" && c.q.Has("location"):
		return "s3-bucket", c.location
	case head && c.key == "" && c.name != "":
		return "s3-bucket", func() *s3Refusal { return nil }
	case get && c.key == "" && c.q.Get("list-type") == "2":
		return "s3-list", func() *s3Refusal { return c.listV2(false) }
	case get && c.key == "":
		return "s3-list", c.listV1
	case get:
		return "s3-get", c.object
	case c.restores():
		return "s3-restore", c.restoreObject
	case head && c.name != "":
		return "s3-head", c.object
	}
	return "s3-unknown", func() *s3Refusal { return s3NotImplemented }
}

// listBuckets is ListBuckets, whose token is the name of the bucket before.
func (c *s3Call) listBuckets() *s3Refusal {
	limit := 10_000
	if v := c.q.Get("max-buckets"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > limit {
			return s3Argument("Argument max-buckets must be an integer between 1 and 10000")
		}
		limit = n
	}
	type entry struct{ Name, CreationDate string }
	var x struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Owner   s3Owner
		Buckets struct{ Bucket []entry }

		ContinuationToken, Prefix string `xml:",omitempty"`
	}
	x.Prefix = c.q.Get("prefix")
	x.Owner = s3Owner{c.cfg.AccessKey, c.cfg.AccessKey}
	buckets := c.sorted()
	slices.SortFunc(buckets, func(a, b *bucket) int { return strings.Compare(a.s3Name, b.s3Name) })
	for _, b := range buckets {
		region := c.q.Get("bucket-region")
		if !strings.HasPrefix(b.s3Name, x.Prefix) || b.s3Name <= c.q.Get("continuation-token") || region != "" && region != c.S3Region() {
			continue
		}
		if len(x.Buckets.Bucket) == limit {
			x.ContinuationToken = x.Buckets.Bucket[limit-1].Name
			break
		}
		x.Buckets.Bucket = append(x.Buckets.Bucket, entry{b.s3Name, b.created.UTC().Format(s3Time)})
	}
	return c.document(x)
}

func (c *s3Call) location() *s3Refusal {
	return c.document(struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: c.S3Region()})
}

type s3Owner struct{ ID, DisplayName string }

// s3Time is how its documents write times.
const s3Time = "2006-01-02T15:04:05.000Z"

// listenS3 starts the interface, at its own address or any port beside the API's.
func (s *Server) listenS3() (err error) {
	addr := s.cfg.S3Addr
	if addr == "" {
		host, _, _ := net.SplitHostPort(s.cfg.Addr)
		addr = net.JoinHostPort(host, "0")
	}
	s.s3, err = s.listen(addr, s.serveS3, nil)
	return err
}

// s3Skewed reports whether a request was signed too long ago or ahead.
func (s *Server) s3Skewed(at time.Time) bool {
	return s.cfg.Skew > 0 && s.cfg.Now().Sub(at).Abs() > s.cfg.Skew
}
