package s3

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/store"
)

// page is one answer of ListObjectsV2.
type page struct {
	objects []store.Object
	ask     []int  // indices of archived objects of which nothing said whether they are restored
	token   string // for the next page; "" is the end
	after   string // the start that the service says it was asked for
	odd     bool   // a key came as it is, though the page says that keys are encoded
	unclear int    // index of the first key that says another thing if it came as it is, though the page says that it is encoded; -1: none
}

// ambiguous says of a key that it may stand for another; "" if it does not. Who
// writes XML and does not encode keys puts U+FFFD in the place of what XML cannot
// carry, and few objects have that in their names.
func ambiguous(key string) string {
	if !strings.ContainsRune(key, utf8.RuneError) {
		return ""
	}
	return fmt.Sprintf("the listing has the key %q, which the service did not encode though asked to (encoding-type=url), and there is no such object as it lists: U+FFFD stands for what XML cannot carry; rename the object at the source, or copy it by a service that encodes keys", key)
}

// listed is <ListBucketResult>, of what is used.
type listed struct {
	XMLName      xml.Name `xml:"ListBucketResult"`
	IsTruncated  string
	Token        string `xml:"NextContinuationToken"`
	StartAfter   string
	EncodingType string
	Contents     []struct {
		Key, ETag, StorageClass, Size, LastModified string
		RestoreStatus                               *struct {
			InProgress bool   `xml:"IsRestoreInProgress"`
			Expires    string `xml:"RestoreExpiryDate"`
		}
	}
}

// restore puts back what store.Legible took out of x.
func (x *listed) restore() {
	texts := []*string{&x.IsTruncated, &x.Token, &x.StartAfter, &x.EncodingType}
	for i := range x.Contents {
		c := &x.Contents[i]
		texts = append(texts, &c.Key, &c.ETag, &c.StorageClass, &c.Size, &c.LastModified)
	}
	for _, t := range texts {
		*t = store.Restore(*t)
	}
}

// percentEncoded reports whether s can be percent-encoded: whether it holds no bytes that this
// never leaves. A control character says nothing of that: some services leave those alone as
// they are.
func percentEncoded(s string) bool {
	for i := range len(s) {
		if s[i] == ' ' || s[i] >= 0x7f || strings.IndexByte(`"<>\^{|}`+"`", s[i]) >= 0 {
			return false
		}
	}
	_, err := url.QueryUnescape(s)
	return err == nil
}

// parsePage decodes a page. It must be a ListBucketResult with IsTruncated, a
// token where that is true, and a Key and a Size for each of Contents; else it is
// no page, and says nothing about an end. A date that cannot be read is a warning
// of its object. Keys are percent-encoded where the page says so, unless plain
// says that the service does not mean it; a plus is then a space (S3 API reference,
// ListObjectsV2: EncodingType). A key that cannot be encoded came as it is, which says
// nothing of the others: some clones leave single ones alone.
// encoding/xml takes 10 to 20 µs a key, a tenth of what the request does.
func parsePage(data []byte, plain bool) (*page, error) {
	var x listed
	text, replaced := store.Legible(data)
	if err := xml.Unmarshal(text, &x); err != nil {
		return nil, err
	}
	if replaced {
		x.restore()
	}
	p := &page{objects: make([]store.Object, 0, len(x.Contents)), unclear: -1}
	var decode func(string) (string, error)
	switch {
	case x.EncodingType != "url" || plain:
		decode = plainKey
	default:
		decode = func(s string) (string, error) {
			if !percentEncoded(s) {
				p.odd = true
				return s, nil
			}
			return url.QueryUnescape(s)
		}
	}
	var err error
	for i, c := range x.Contents {
		o := store.Object{Hash: hashOf(c.ETag), Class: classOf(c.StorageClass)}
		if o.Key, err = decode(c.Key); err != nil {
			return nil, err
		}
		if o.Key == "" {
			return nil, fmt.Errorf("entry %d has no key", i+1)
		}
		if o.Key == c.Key {
			o.Ambiguous = ambiguous(o.Key)
		}
		if p.unclear < 0 && x.EncodingType == "url" && !plain && o.Key != c.Key {
			p.unclear = i
		}
		if o.Size, err = strconv.ParseInt(strings.TrimSpace(c.Size), 10, 64); err != nil || o.Size < 0 {
			return nil, fmt.Errorf("key %q: size %.40q", o.Key, c.Size)
		}
		var ok bool
		if o.Modified, ok = timeOf(c.LastModified); !ok {
			o.Warnings = append(o.Warnings, fmt.Sprintf("its LastModified %.40q cannot be read: it counts as without one", c.LastModified))
		}
		if o.Frozen = archived(o.Class); o.Frozen {
			if c.RestoreStatus == nil {
				p.ask = append(p.ask, len(p.objects))
			} else {
				o.Frozen = c.RestoreStatus.InProgress || c.RestoreStatus.Expires == ""
			}
		}
		p.objects = append(p.objects, o)
	}
	if p.after, err = decode(x.StartAfter); err != nil {
		return nil, err
	}
	switch x.IsTruncated {
	case "true":
		if p.token = x.Token; p.token == "" {
			return nil, errors.New("there is more, but no token to ask for it")
		}
	case "false":
	default:
		return nil, fmt.Errorf("IsTruncated is %q", x.IsTruncated)
	}
	return p, nil
}

// timeOf reads a date of a listing or of a header: as S3 writes it, or in another
// of the usual forms. Some clones have their own.
func timeOf(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, form := range [...]string{time.RFC3339Nano, http.TimeFormat, time.RFC1123Z, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(form, s); err == nil && store.Dated(t.UTC()) {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// plainKey takes a key that came as it is.
func plainKey(s string) (string, error) { return s, nil }

// place gives each ambiguous key of p a place in the order of the listing: its own
// where it lies between its neighbours, else one right behind the key before it.
func (p *page) place() {
	before, next := "", 0
	for i := range p.objects {
		o := &p.objects[i]
		for next = max(next, i+1); next < len(p.objects) && p.objects[next].Ambiguous != ""; next++ {
		}
		last := next == len(p.objects)
		if o.Ambiguous != "" && (o.Key <= before || last && p.token != "" || !last && o.Key >= p.objects[next].Key) {
			o.Key = before + "\x00"
		}
		before = o.Key
	}
}
