package oss

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// kind is how an object was made.
type kind uint8

const (
	normal kind = iota
	appendable
	multipart
)

var kindNames = [...]string{"Normal", "Appendable", "Multipart"}

func (k kind) String() string { return kindNames[k] }

// class is a storage class.
type class uint8

const (
	classDefault class = iota // the bucket's
	standard
	infrequent
	archive
	coldArchive
	deepColdArchive
)

var classNames = [...]string{"", "Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"}

func (c class) String() string { return classNames[c] }

// frozen classes are read only after they were restored.
func (c class) frozen() bool { return c >= archive }

// acl is an access control list.
type acl uint8

const (
	aclDefault acl = iota // of an object: the bucket's
	aclPrivate
	aclPublicRead
	aclPublicReadWrite
)

var aclNames = [...]string{"default", "private", "public-read", "public-read-write"}

func (a acl) String() string { return aclNames[a] }

// named looks a class or list up by its name.
func named(names []string, name string) (uint8, bool) {
	for i, n := range names {
		if n == name && n != "" {
			return uint8(i), true
		}
	}
	return 0, false
}

// chunks is a body. Copies and joined parts share it.
type chunks [][]byte

// object is one stored object or delete marker. It never changes once it is
// stored, but for more.older, which is the bucket's; every other change makes
// a new one. It is kept small: ten million must fit in memory.
type object struct {
	key     string
	attrs   attrs
	size    int64
	crc     uint64
	sum     [16]byte // the MD5 of the body, or of the MD5s of its parts
	at      int64    // when it was stored, nanoseconds since 1970
	body    *chunks  // nil where no bytes are kept
	more    *more    // nil of most
	parts   int32    // of a multipart upload; 0 otherwise
	kind    kind
	class   class
	acl     acl
	deleted bool // a delete marker
}

// more is what few objects have.
type more struct {
	version  string // "" is the null version
	older    *object
	tags     []pair
	etag     string    // where Put was given one that is no digest
	frozenAt time.Time // when the restored copy of a frozen object ends
	thawed   time.Time // when it begins to be readable; zero: not asked for
}

// extra returns a copy of more. The caller holds the bucket's lock, or
// the only reference: older may change.
func (o *object) extra() more {
	if o.more == nil {
		return more{}
	}
	return *o.more
}

// older returns the version before, under the bucket's lock.
func (o *object) older() *object {
	if o.more == nil {
		return nil
	}
	return o.more.older
}

func (o *object) tags() []pair {
	if o.more == nil {
		return nil
	}
	return o.more.tags
}

func (o *object) time() time.Time { return time.Unix(0, o.at) }

// modified is how headers write the time.
func (o *object) modified() string { return o.time().UTC().Format(http.TimeFormat) }

// etag is the ETag without quotes: the MD5 in upper case, of a multipart
// upload with the number of its parts behind it.
func (o *object) etag() string { return string(o.appendETag(nil)) }

func (o *object) appendETag(b []byte) []byte {
	if o.more != nil && o.more.etag != "" {
		return append(b, o.more.etag...)
	}
	const digits = "0123456789ABCDEF"
	for _, c := range o.sum {
		b = append(b, digits[c>>4], digits[c&15])
	}
	if o.parts > 0 {
		b = append(b, '-')
		b = strconv.AppendInt(b, int64(o.parts), 10)
	}
	return b
}

// version is the version id as requests and answers write it.
func (o *object) version() string {
	if o.more == nil || o.more.version == "" {
		return "null"
	}
	return o.more.version
}

// Object is an object as tests put and inspect it.
type Object struct {
	Key          string
	Body         []byte            // read only; nil where the bytes are not kept
	Size         int64             // bytes
	ETag         string            // without the quotes it has in headers
	CRC64        uint64            // x-oss-hash-crc64ecma
	Header       http.Header       // the standard headers kept: Content-Type, Cache-Control, …
	Meta         map[string]string // x-oss-meta-, lower-case names without that prefix
	Tags         map[string]string
	Class        string    // "Standard", "IA", …; Put takes "" as the bucket's
	ACL          string    // "default", "private", …; Put takes "" as "default"
	Type         string    // "Normal", "Appendable" or "Multipart"; Put takes "" as "Normal"
	VersionID    string    // "null" where the bucket was never versioned
	LastModified time.Time // Put takes zero as now
}

// public returns o for tests.
func (o *object) public() Object {
	p := Object{
		Key: o.key, Size: o.size, ETag: o.etag(), CRC64: o.crc, Header: http.Header{}, Class: o.class.String(),
		ACL: o.acl.String(), Type: o.kind.String(), VersionID: o.version(), LastModified: o.time(),
	}
	p.Header.Set("Content-Type", defaultContentType)
	for a := range o.attrs.all {
		if name, ok := strings.CutPrefix(a.name, metaPrefix); ok {
			if p.Meta == nil {
				p.Meta = map[string]string{}
			}
			p.Meta[name] = a.value
			continue
		}
		p.Header.Set(a.name, a.value)
	}
	if tags := o.tags(); len(tags) > 0 {
		p.Tags = map[string]string{}
		for _, t := range tags {
			p.Tags[t.name] = t.value
		}
	}
	if o.body != nil {
		p.Body = o.body.joined()
	} else if o.size == 0 {
		p.Body = []byte{}
	}
	return p
}

// joined returns the whole body; one chunk is not copied.
func (c chunks) joined() []byte {
	if len(c) == 1 {
		return c[0]
	}
	var b []byte
	for _, part := range c {
		b = append(b, part...)
	}
	return b
}

// setETag takes an ETag as Put was given it.
func (o *object) setETag(etag string) {
	digest, count, _ := strings.Cut(strings.Trim(etag, `"`), "-")
	sum, err := hex.DecodeString(digest)
	n, bad := strconv.ParseInt(count, 10, 32)
	if err == nil && len(sum) == len(o.sum) && (count == "" || bad == nil) {
		o.sum, o.parts = [16]byte(sum), int32(n)
		return
	}
	m := o.extra()
	m.etag = strings.Trim(etag, `"`)
	o.more = &m
}

// private checks and packs an Object that Put was given.
func (p Object) private() (*object, error) {
	o := &object{key: p.Key, size: p.Size, crc: p.CRC64}
	for _, f := range []struct {
		names []string
		name  string
		to    *uint8
	}{{classNames[:], p.Class, (*uint8)(&o.class)}, {aclNames[:], p.ACL, (*uint8)(&o.acl)}, {kindNames[:], p.Type, (*uint8)(&o.kind)}} {
		if f.name == "" {
			continue
		}
		v, ok := named(f.names, f.name)
		if !ok {
			return nil, fmt.Errorf("oss emulator: put %q: %q is none of %q", p.Key, f.name, f.names)
		}
		*f.to = v
	}
	h := http.Header{}
	for name := range p.Header {
		h.Set(name, p.Header.Get(name))
	}
	for name, value := range p.Meta {
		h.Set(metaPrefix+name, value)
	}
	var err error
	if o.attrs, err = packAttrs(h, ossHeaders(h)); err != nil {
		return nil, fmt.Errorf("oss emulator: put %q: %w", p.Key, err)
	}
	if len(p.Tags) > 0 {
		m := more{}
		for name, value := range maps.All(p.Tags) {
			m.tags = append(m.tags, pair{name, value})
		}
		sortTags(m.tags)
		o.more = &m
	}
	return o, nil
}
