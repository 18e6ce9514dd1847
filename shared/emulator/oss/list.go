package oss

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

const (
	maxListed     = 1000
	defaultListed = 100
)

// question is what a listing asks for.
type question struct {
	prefix    string
	delimiter string
	after     string // keys behind it; a common prefix means everything below it, too
	limit     int
}

// entry is an object or a common prefix of a listing.
type entry struct {
	object *object
	prefix string
}

func (e entry) name() string {
	if e.object != nil {
		return e.object.key
	}
	return e.prefix
}

// ask reads what all listings have in common.
func (c *call) ask(x *xmlWriter, marker, limit string) (question, error) {
	x.now = c.s.now()
	q := question{prefix: c.value("prefix"), delimiter: c.value("delimiter"), after: c.value(marker)}
	for _, name := range []string{"prefix", "delimiter", marker} {
		if v := c.value(name); len(v) > maxKey {
			return q, badArgument(name, v, "The length of "+name+" must be less than 1024.")
		}
	}
	if err := c.encoding(x); err != nil {
		return q, err
	}
	var err error
	q.limit, err = c.number(limit, 1, maxListed, defaultListed)
	return q, err
}

// common returns the common prefix that key is listed under, "" if it is listed itself.
func (q *question) common(key string) string {
	if q.delimiter == "" {
		return ""
	}
	if i := strings.Index(key[len(q.prefix):], q.delimiter); i >= 0 {
		return key[:len(q.prefix)+i+len(q.delimiter)]
	}
	return ""
}

// start returns where a listing begins; ok is false where nothing can follow.
func (q *question) start() (from string, ok bool) {
	from = q.prefix
	if q.after < q.prefix {
		return from, true
	}
	// A marker that is a common prefix was listed: go on behind all below it.
	if strings.HasPrefix(q.after, q.prefix) && q.after != "" && q.common(q.after) == q.after {
		return past(q.after)
	}
	return q.after + "\x00", true // the next string after the marker
}

// page returns the entries of a listing, under the bucket's lock, and whether
// more follow. Nothing is copied: objects do not change.
func (b *bucket) page(q question) (entries []entry, more bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	from, ok := q.start()
	if !ok {
		return nil, false
	}
	entries = make([]entry, 0, min(q.limit, b.index.size))
	at := b.index.from(from)
	for o := at.object(); o != nil && strings.HasPrefix(o.key, q.prefix); o = at.object() {
		if o.deleted {
			at.next()
			continue
		}
		if len(entries) == q.limit {
			return entries, true
		}
		common := q.common(o.key)
		if common == "" {
			entries = append(entries, entry{object: o})
			at.next()
			continue
		}
		entries = append(entries, entry{prefix: common})
		behind, ok := past(common)
		if !ok {
			return entries, false
		}
		at = b.index.from(behind)
	}
	return entries, false
}

// listV1 is ListObjects (GetBucket).
func (c *call) listV1() error {
	x := newXML()
	q, err := c.ask(x, "marker", "max-keys")
	if err != nil {
		return err
	}
	entries, more := c.b.page(q)
	next := ""
	if more {
		next = entries[len(entries)-1].name()
	}
	if c.hollow {
		if before := hollowMarker(q.after, entries); before != "" {
			entries, more, next = nil, true, before
		}
	}
	x.open("ListBucketResult")
	x.text("Name", c.bucket)
	x.key("Prefix", q.prefix)
	x.key("Marker", q.after)
	c.writePage(x, q, more)
	if more {
		x.key("NextMarker", next)
	}
	x.entries(entries, true)
	x.close("ListBucketResult")
	return c.xml(x)
}

// hollowMarker returns a marker from which all of entries are still to come;
// "" where there is none.
func hollowMarker(after string, entries []entry) string {
	if after != "" || len(entries) == 0 {
		return after
	}
	name := entries[0].name()
	_, last := utf8.DecodeLastRuneInString(name)
	return name[:len(name)-last]
}

// listV2 is ListObjectsV2.
func (c *call) listV2() error {
	if v := c.value("list-type"); v != "2" {
		return badArgument("list-type", v, "The value of list-type must be 2.")
	}
	x := newXML()
	q, err := c.ask(x, "start-after", "max-keys")
	if err != nil {
		return err
	}
	token, resumed := c.param("continuation-token")
	if resumed = resumed && token != ""; resumed {
		var ok bool
		if q.after, ok = openToken(token); !ok {
			return refuse(400, "InvalidArgument", unknownEC, "The continuation token provided is incorrect.").with("ArgumentName", "continuation-token", "ArgumentValue", token)
		}
	}
	entries, more := c.b.page(q)
	next := ""
	if more {
		next = entries[len(entries)-1].name()
	}
	if c.hollow {
		entries, more, next = nil, true, q.after
	}
	x.open("ListBucketResult")
	x.text("Name", c.bucket)
	x.key("Prefix", q.prefix)
	if c.has("start-after") {
		x.key("StartAfter", c.value("start-after"))
	}
	if resumed {
		x.text("ContinuationToken", token)
	}
	c.writePage(x, q, more)
	x.number("KeyCount", int64(len(entries)))
	if more {
		x.text("NextContinuationToken", sealToken(next))
	}
	x.entries(entries, c.value("fetch-owner") == "true")
	x.close("ListBucketResult")
	return c.xml(x)
}

// writePage writes the elements that both versions have.
func (c *call) writePage(x *xmlWriter, q question, more bool) {
	x.number("MaxKeys", int64(q.limit))
	x.key("Delimiter", q.delimiter)
	if x.coda != "" {
		x.text("EncodingType", x.coda)
	}
	x.flag("IsTruncated", more)
}

// entries writes objects and common prefixes, each kind for itself, as OSS does.
func (x *xmlWriter) entries(entries []entry, owner bool) {
	if need := len(entries) * 300; cap(x.b)-len(x.b) < need {
		x.b = append(make([]byte, 0, len(x.b)+need), x.b...)
	}
	for _, e := range entries {
		if e.object != nil {
			x.contents(e.object, owner)
		}
	}
	for _, e := range entries {
		if e.object == nil {
			x.prefix(e.prefix)
		}
	}
}

func (x *xmlWriter) prefix(prefix string) {
	x.open("CommonPrefixes")
	x.key("Prefix", prefix)
	x.close("CommonPrefixes")
}

func (x *xmlWriter) contents(o *object, owner bool) {
	x.open("Contents")
	x.key("Key", o.key)
	x.attributes(o)
	if owner {
		x.owner()
	}
	x.close("Contents")
}

// attributes writes what every kind of listing says of an object.
func (x *xmlWriter) attributes(o *object) {
	x.time("LastModified", o.time())
	x.etag(o)
	x.text("Type", o.kind.String())
	x.number("Size", o.size)
	x.text("StorageClass", o.class.String())
	if info := o.restoration(x.now); info != "" {
		x.text("RestoreInfo", info)
	}
}

// Tokens look as OSS's do (the example CgJiYw-- is the key bc): a protobuf
// message with the key as field 1, in base64 with marks that need no escape.
var (
	tokenMarks = strings.NewReplacer("+", ".", "/", "_", "=", "-")
	base64Mark = strings.NewReplacer(".", "+", "_", "/", "-", "=")
)

func sealToken(key string) string {
	b := []byte{0x0a}
	for n := len(key); ; n >>= 7 {
		if n < 0x80 {
			b = append(b, byte(n))
			break
		}
		b = append(b, byte(n)|0x80)
	}
	return tokenMarks.Replace(base64.StdEncoding.EncodeToString(append(b, key...)))
}

func openToken(token string) (key string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(base64Mark.Replace(token))
	if err != nil || len(b) < 2 || b[0] != 0x0a {
		return "", false
	}
	n, i := 0, 1
	for shift := 0; ; shift += 7 {
		if i == len(b) || shift > 14 {
			return "", false
		}
		n |= int(b[i]&0x7f) << shift
		i++
		if b[i-1] < 0x80 {
			break
		}
	}
	return string(b[i:]), len(b)-i == n
}
