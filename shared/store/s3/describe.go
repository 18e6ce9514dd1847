package s3

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"kodoferry/shared/digest"
	"kodoferry/shared/store"
)

// classes are the storage classes (S3 API reference, StorageClass), and Kodo's
// names where they differ. A name that is new keeps itself.
var classes = map[string]store.Class{
	"": store.Standard, "STANDARD": store.Standard, "REDUCED_REDUNDANCY": store.Standard,
	"STANDARD_IA": store.Infrequent, "ONEZONE_IA": store.Infrequent, "LINE": store.Infrequent,
	"GLACIER": store.Archive, "DEEP_ARCHIVE": store.DeepArchive, "GLACIER_IR": store.ArchiveIR,
	"INTELLIGENT_TIERING": store.Tiered,
}

func classOf(name string) store.Class {
	if c, ok := classes[name]; ok {
		return c
	}
	return store.Class(strings.ToLower(name))
}

// archived reports whether an object of class c must be restored before it can
// be read. Intelligent tiering may archive, too, if the bucket says so: a
// listing does not tell, and reading such an object is Denied.
func archived(c store.Class) bool { return c == store.Archive || c == store.DeepArchive }

// hashOf is an ETag as an object's hash, without its quotes. Some ETags look
// like Kodo's hash (whether its S3 interface sends that, or an MD5, its
// documents do not say): one that can be computed is proof. One of version 2
// keeps its quotes, so that nobody takes it for more than a name of the
// content: it takes the sizes of the parts, which S3 does not list.
func hashOf(etag string) string {
	bare := strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
	if digest.IsQetag(bare) && digest.TakesParts(bare) {
		return `"` + bare + `"`
	}
	return bare
}

// entityTag is the way back, for If-Match.
func entityTag(hash string) string { return `"` + strings.Trim(hash, `"`) + `"` }

// md5Of returns the MD5 that an ETag is, in lower-case hex: of content written
// in one go and not encrypted with a key of KMS or of the customer (S3 API
// reference, Object: ETag). Of anything else it is none.
func md5Of(etag string, h http.Header) string {
	sse := h.Get("X-Amz-Server-Side-Encryption")
	if len(etag) != 32 || sse != "" && sse != "AES256" || h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "" {
		return ""
	}
	if strings.ContainsFunc(etag, func(c rune) bool { return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') }) {
		return ""
	}
	return strings.ToLower(etag)
}

const metaPrefix = "X-Amz-Meta-"

// kept are the standard headers that an object carries to its readers.
var kept = []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"}

// describe reads what an answer says of the object key.
func describe(key string, resp *http.Response) (store.Object, error) {
	h := resp.Header
	o := store.Object{Key: key, Hash: hashOf(h.Get("ETag")), Type: h.Get("Content-Type"), Class: classOf(h.Get("X-Amz-Storage-Class"))}
	o.MD5 = md5Of(o.Hash, h)
	o.Frozen = archived(o.Class) && !strings.Contains(h.Get("X-Amz-Restore"), `ongoing-request="false"`)
	size := h.Get("Content-Length")
	if _, total, ok := strings.Cut(h.Get("Content-Range"), "/"); ok {
		size = total
	}
	var err error
	if o.Size, err = strconv.ParseInt(size, 10, 64); err != nil || o.Size < 0 {
		return store.Object{}, fmt.Errorf("the answer names no size: Content-Length %q, Content-Range %q", h.Get("Content-Length"), h.Get("Content-Range"))
	}
	at, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return store.Object{}, fmt.Errorf("the answer's Last-Modified: %w", err)
	}
	o.Modified = at.UTC()
	for _, name := range kept {
		if v := h.Get(name); v != "" {
			o.Header = set(o.Header, name, v)
		}
	}
	for name, values := range h {
		if short, ok := strings.CutPrefix(name, metaPrefix); ok {
			o.Meta = set(o.Meta, strings.ToLower(short), plain(values[0]))
		}
	}
	return o, nil
}

// plain undoes the form in which S3 sends metadata that is not ASCII (RFC 2047;
// S3 user guide, "Working with object metadata").
func plain(value string) string {
	if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
		return text
	}
	return value
}

func set(m map[string]string, name, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[name] = value
	return m
}
