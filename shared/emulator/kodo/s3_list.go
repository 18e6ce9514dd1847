package kodo

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// s3Entry is an object of a listing.
type s3Entry struct {
	Key                s3Text
	LastModified, ETag string
	Size               int64
	StorageClass       string
	Owner              *s3Owner `xml:",omitempty"`
}

// s3Text is a key or a part of one, as it stands in the document: encoding/xml would put
// U+FFFD in place of a control character.
type s3Text struct {
	XML string `xml:",innerxml"`
}

// s3Plain writes s without encoding-type. A control character becomes a character
// reference, which XML 1.0 forbids: most parsers then refuse the whole document, and
// encoding-type=url is the way out (S3 API reference, ListObjectsV2: encoding-type;
// rclone issue 3345).
func s3Plain(s string) s3Text {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r < ' ':
			fmt.Fprintf(&b, "&#x%x;", r)
		default:
			b.WriteRune(r)
		}
	}
	return s3Text{b.String()}
}

// s3Coded writes s with encoding-type=url.
func s3Coded(s string) s3Text {
	return s3Text{strings.ReplaceAll(url.QueryEscape(s), "%2F", "/")}
}

// s3Maybe is text that stands in the document only where it is not empty.
func s3Maybe(s s3Text) *s3Text {
	if s.XML == "" {
		return nil
	}
	return &s
}

// s3Page is <ListBucketResult> of both versions.
type s3Page struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                s3Text
	Marker                *s3Text `xml:",omitempty"` // of version 1
	StartAfter            *s3Text `xml:",omitempty"`
	ContinuationToken     string  `xml:",omitempty"`
	NextContinuationToken string  `xml:",omitempty"`
	NextMarker            *s3Text `xml:",omitempty"`
	KeyCount              *int    `xml:",omitempty"` // of version 2
	MaxKeys               int
	Delimiter             *s3Text `xml:",omitempty"`
	EncodingType          string  `xml:",omitempty"`
	IsTruncated           bool
	Contents              []s3Entry
	CommonPrefixes        []s3Prefix
}

type s3Prefix struct{ Prefix s3Text }

// s3Question reads what both versions are asked for.
func (c *s3Call) s3Question() (l listing, x *s3Page, encode func(string) s3Text, no *s3Refusal) {
	l = listing{bucket: c.b, prefix: c.q.Get("prefix"), delimiter: c.q.Get("delimiter"), limit: maxList}
	encode = s3Plain
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
		encode = s3Coded
	default:
		return l, nil, nil, s3Argument("Invalid Encoding Method specified in Request")
	}
	x = &s3Page{Name: c.name, Prefix: encode(l.prefix), Delimiter: s3Maybe(encode(l.delimiter)), MaxKeys: l.limit, EncodingType: c.q.Get("encoding-type")}
	return l, x, encode, nil
}

// listV2 is ListObjectsV2. A token is a marker as Kodo's own listing has them.
func (c *s3Call) listV2(empty bool) *s3Refusal {
	l, x, encode, no := c.s3Question()
	if no != nil {
		return no
	}
	x.StartAfter, x.ContinuationToken = s3Maybe(encode(c.q.Get("start-after"))), c.q.Get("continuation-token")
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
			next := encode(last)
			x.NextMarker = &next
		}
	}
	return c.document(x)
}

// fill walks what l asks for into x.
func (c *s3Call) fill(x *s3Page, l listing, encode func(string) s3Text, owner bool) (last string, more bool) {
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
