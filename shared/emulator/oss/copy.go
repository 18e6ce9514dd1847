package oss

import (
	"net/url"
	"strconv"
	"strings"

	"kodoferry/shared/digest"
)

// source finds what x-oss-copy-source names, /bucket/key percent-encoded with
// ?versionId= behind it, in which bucket, and checks its conditions.
func (c *call) source() (*object, *bucket, error) {
	h := c.r.Header
	name, query, _ := strings.Cut(h.Get("X-Oss-Copy-Source"), "?")
	bucket, key, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	key, err := url.QueryUnescape(key) // the Go SDK v1 writes a space as +
	coded, isVersion := strings.CutPrefix(query, "versionId=")
	version, err2 := url.PathUnescape(coded)
	if !ok || err != nil || err2 != nil || query != "" && !isVersion {
		return nil, nil, badArgument("x-oss-copy-source", h.Get("X-Oss-Copy-Source"), "Copy Source must mention the source bucket and key: /sourcebucket/sourcekey.")
	}
	b, found := c.s.bucket(bucket) // which is looked for before the key is looked at
	if !found {
		return nil, nil, noSuchBucket(bucket)
	}
	if err := checkKey(key); err != nil {
		return nil, nil, err
	}
	o, err := b.find(key, version)
	if err != nil {
		return nil, nil, err
	}
	if err := c.meets(o, h.Get("X-Oss-Copy-Source-If-Match"), h.Get("X-Oss-Copy-Source-If-None-Match"),
		h.Get("X-Oss-Copy-Source-If-Modified-Since"), h.Get("X-Oss-Copy-Source-If-Unmodified-Since")); err != nil {
		return nil, nil, err
	}
	if o.class.frozen() && !c.readable(o) {
		return nil, nil, refuse(403, "InvalidObjectState", unknownEC, "The operation is not valid for the object's state").with("ObjectName", key)
	}
	return o, b, nil
}

// saySource names the version that was copied where its bucket was ever versioned; that of
// an object from before is null.
func (c *call) saySource(o *object, from *bucket) {
	if from.versioned() {
		c.w.Header().Set("x-oss-copy-source-version-id", o.version())
	}
}

// directive reads a header that says COPY or REPLACE, in any case.
func (c *call) directive(header string) (replace bool, err error) {
	switch v := c.r.Header.Get(header); strings.ToUpper(v) {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, badArgument(strings.ToLower(header), v, "Unknown directive.")
	}
}

// copy is CopyObject.
func (c *call) copy() error {
	src, from, err := c.source()
	if err != nil {
		return err
	}
	if src.size > maxObject {
		return refuse(400, "EntityTooLarge", unknownEC, "Source object Length exceeds the maximum allowed size")
	}
	o, forbid, err := c.fresh()
	if err != nil {
		return err
	}
	replace, err := c.directive("X-Oss-Metadata-Directive")
	if err != nil {
		return err
	}
	replaceTags, err := c.directive("X-Oss-Tagging-Directive")
	if err != nil {
		return err
	}
	// Copied onto itself, the metadata of the request counts in any case (OSS, CopyObject).
	if b, _, _ := strings.Cut(strings.TrimPrefix(c.r.Header.Get("X-Oss-Copy-Source"), "/"), "/"); !replace && (b != c.bucket || src.key != c.key) {
		o.attrs = src.attrs
	}
	if tags := src.tags(); !replaceTags {
		o.more = nil
		if len(tags) > 0 {
			o.more = &more{tags: tags}
		}
	}
	o.size, o.crc, o.sum, o.body, o.parts, o.at = src.size, src.crc, src.sum, src.body, src.parts, c.s.now().UnixNano()
	if err := c.b.add(o, forbid, c.s.nextID); err != nil {
		return err
	}
	c.s.tellStored(c.bucket, o)
	c.sayStored(o)
	c.w.Header().Del("Content-Md5")
	c.saySource(src, from)
	x := newXML()
	x.open("CopyObjectResult")
	x.time("LastModified", o.time())
	x.etag(o)
	x.close("CopyObjectResult")
	return c.xml(x)
}

// extend adds what came to the end of an object that is not stored yet, or a
// copy of one that is. The ETag of an appendable object is no MD5 of its body.
func (o *object) extend(got received, at int64) {
	o.crc = digest.CombineCRC64(o.crc, got.crc, got.size)
	o.sum = md5Of(append(o.sum[:], got.sum[:]...))
	o.size += got.size
	o.at = at
	if got.body == nil {
		return
	}
	var body chunks
	if o.body != nil {
		body = append(body, *o.body...)
	}
	body = append(body, *got.body...)
	o.body = &body
}

// stretch returns the bytes from off to end of a source, as a part.
func (c *call) stretch(src *object, off, end int64) (received, error) {
	if src.size > 0 && src.body == nil {
		if off == 0 && end == src.size {
			return received{size: src.size, crc: src.crc, sum: src.sum}, nil
		}
		return received{}, refuse(400, "BodyNotKept", unknownEC, "This stand-in keeps the attributes of the object, but not its bytes.").with("Key", src.key)
	}
	if src.size == 0 {
		return received{sum: md5Of(nil)}, nil
	}
	var cut chunks
	h := c.s.hasher()
	defer c.s.hashers.Put(h)
	got := received{size: end - off, body: &cut}
	for _, chunk := range *src.body {
		n := int64(len(chunk))
		if off < n && end > 0 {
			b := chunk[off:min(end, n)]
			cut = append(cut, b)
			_, _ = h.Write(b)
			got.crc = digest.CRC64(got.crc, b)
		}
		off, end = max(off-n, 0), end-n
	}
	h.Sum(got.sum[:0])
	return got, nil
}

// copyPart is UploadPartCopy. A range that is malformed or leaves the source
// copies the whole of it (OSS, UploadPartCopy).
func (c *call) copyPart() error {
	number, err := c.partNumber("0042-00000311")
	if err != nil {
		return err
	}
	src, from, err := c.source()
	if err != nil {
		return err
	}
	off, end, partial, err := byteRange(c.r.Header.Get("X-Oss-Copy-Source-Range"), src.size, false)
	if err != nil {
		return err
	}
	if end-off > maxObject {
		return tooLarge(end - off)
	}
	got, err := c.stretch(src, off, end)
	if err != nil {
		return err
	}
	p, err := c.keepPart(number, got)
	if err != nil {
		return err
	}
	c.saySource(src, from)
	if partial {
		c.w.Header().Set("Content-Range", "bytes "+strconv.FormatInt(off, 10)+"-"+strconv.FormatInt(end-1, 10)+"/"+strconv.FormatInt(src.size, 10))
	}
	x := newXML()
	x.open("CopyPartResult")
	x.time("LastModified", p.at)
	x.b = append(x.b, `<ETag>"`+p.etag()+`"</ETag>`...)
	x.close("CopyPartResult")
	return c.xml(x)
}
