package kodo

import (
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// s3Entry is an object of a listing.
type s3Entry struct {
	Key, LastModified, ETag string
	Size                    int64
	StorageClass            string
	Owner                   *s3Owner `xml:",omitempty"`
}

// s3Page is <ListBucketResult> of both versions.
type s3Page struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name, Prefix          string
	Marker                *string `xml:",omitempty"` // of version 1
	StartAfter            string  `xml:",omitempty"`
	ContinuationToken     string  `xml:",omitempty"`
	NextContinuationToken string  `xml:",omitempty"`
	NextMarker            string  `xml:",omitempty"`
	KeyCount              *int    `xml:",omitempty"` // of version 2
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Contents              []s3Entry
	CommonPrefixes        []s3Prefix
}

type s3Prefix struct{ Prefix string }

// s3Question reads what both versions are asked for.
func (c *s3Call) s3Question() (l listing, x *s3Page, encode func(string) string, no *s3Refusal) {
	l = listing{bucket: c.b, prefix: c.q.Get("prefix"), delimiter: c.q.Get("delimiter"), limit: maxList}
	encode = func(s string) string { return s }
	if v := c.q.Get("max-keys"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return l, nil, nil, s3Argument("Provided max-keys not an integer or within integer range")
		}
		l.limit = min(n, maxList) // more than a page holds is no mistake
	}
	switch v := c.q.Get("encoding-type"); v {
	case "":
	case "url":
		encode = func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }
	default:
		return l, nil, nil, s3Argument("Invalid Encoding Method specified in Request")
	}
	x = &s3Page{Name: c.name, Prefix: encode(l.prefix), Delimiter: encode(l.delimiter), MaxKeys: l.limit, EncodingType: c.q.Get("encoding-type")}
	return l, x, encode, nil
}

// listV2 is ListObjectsV2. A token is a marker as Kodo's own listing has them.
func (c *s3Call) listV2(empty bool) *s3Refusal {
	l, x, encode, no := c.s3Question()
	if no != nil {
		return no
	}
	x.StartAfter, x.ContinuationToken = encode(c.q.Get("start-after")), c.q.Get("continuation-token")
	l.after = c.q.Get("start-after")
	l.started = l.after != ""
	if x.ContinuationToken != "" {
		var bad *refusal
		if l.turn, l.after, bad = decodeMarker(x.ContinuationToken); bad != nil {
			return s3Argument("The continuation token provided is incorrect")
		}
		l.started = true
	}
	n := 0
	switch {
	case empty:
		// It leads to where it began, by another name than it came by.
		x.IsTruncated, x.NextContinuationToken = true, encodeMarker(l.turn+1, l.after)
	case l.limit > 0:
		last, more := c.fill(x, l, encode, c.q.Get("fetch-owner") == "true")
		if n = len(x.Contents) + len(x.CommonPrefixes); more {
			x.IsTruncated, x.NextContinuationToken = true, encodeMarker(0, last)
		}
	}
	x.KeyCount = &n
	return c.document(x)
}

// listV1 is ListObjects. It names the next marker only where there is a
// delimiter; otherwise it is the last key.
func (c *s3Call) listV1() *s3Refusal {
	l, x, encode, no := c.s3Question()
	if no != nil {
		return no
	}
	l.after = c.q.Get("marker")
	l.started = l.after != ""
	marker := encode(l.after)
	x.Marker = &marker
	if l.limit > 0 {
		last, more := c.fill(x, l, encode, true)
		if x.IsTruncated = more; more && l.delimiter != "" {
			x.NextMarker = encode(last)
		}
	}
	return c.document(x)
}

// fill walks what l asks for into x.
func (c *s3Call) fill(x *s3Page, l listing, encode func(string) string, owner bool) (last string, more bool) {
	return l.walk(l.limit, func(key, dir string, rec *record, index int64) {
		if dir != "" {
			x.CommonPrefixes = append(x.CommonPrefixes, s3Prefix{encode(dir)})
			return
		}
		if rec == nil {
			rec = l.bucket.base.record(index)
		}
		e := s3Entry{
			Key: encode(key), LastModified: time.Unix(rec.put/1e7, rec.put%1e7*100).UTC().Format(s3Time), ETag: `"` + c.etag(rec) + `"`,
			Size: rec.size, StorageClass: s3Classes[rec.kind],
		}
		if owner {
			e.Owner = &s3Owner{c.cfg.AccessKey, c.cfg.AccessKey}
		}
		x.Contents = append(x.Contents, e)
	})
}
