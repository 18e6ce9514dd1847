package s3

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kodoferry/shared/digest"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
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
// keeps its quotes, so that it is taken for no more than a name of the
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

// describe reads what an answer says of the object. What it leaves out, as some
// services do, is as asked has it, from a listing: the ETag, the size (-1 where
// asked has none) and the time. A date that cannot be read is a warning, unless
// the listing had one.
func describe(asked store.Object, resp *http.Response) store.Object {
	h := resp.Header
	o := store.Object{Key: asked.Key, Size: -1, Hash: hashOf(h.Get("ETag")), Type: h.Get("Content-Type"), Class: classOf(h.Get("X-Amz-Storage-Class"))}
	o.MD5 = md5Of(o.Hash, h)
	o.Frozen = archived(o.Class) && !strings.Contains(h.Get("X-Amz-Restore"), `ongoing-request="false"`)
	if _, _, total, ok := store.ContentRange(h.Get("Content-Range")); ok {
		o.Size = total
	} else if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && resp.StatusCode != http.StatusPartialContent {
		o.Size = n
	}
	known := asked.Hash != "" || asked.Size > 0
	if o.Size < 0 && known {
		o.Size = asked.Size
	}
	if o.Hash == "" && known {
		o.Hash = asked.Hash
	}
	at, ok := timeOf(h.Get("Last-Modified"))
	if o.Modified = at; !ok {
		if o.Modified = asked.Modified; o.Modified.IsZero() {
			o.Warnings = append(o.Warnings, fmt.Sprintf("the answer's Last-Modified %.40q cannot be read: it counts as without one", h.Get("Last-Modified")))
		}
	}
	for _, name := range kept {
		v := h.Get(name)
		if name == "Content-Encoding" {
			v = withoutChunks(v)
		}
		if v != "" {
			o.Header = set(o.Header, name, v)
		}
	}
	for _, line := range transport.Refused(h) {
		name, value, _ := strings.Cut(line, ":")
		if short, ok := metaName(name); ok {
			o.Meta = set(o.Meta, short, plain(strings.TrimSpace(value)))
			o.Warnings = append(o.Warnings, fmt.Sprintf("metadata %q came in a header line that HTTP's grammar refuses: it is kept as it was read", short))
			continue
		}
		o.Warnings = append(o.Warnings, fmt.Sprintf("the header line %.100q, which HTTP's grammar refuses, is not kept", line))
	}
	for name, values := range h {
		short, ok := metaName(name)
		if !ok {
			continue
		}
		if len(slices.Compact(slices.Clone(values))) > 1 {
			o.Warnings = append(o.Warnings, fmt.Sprintf("metadata %q: there are %d under names that differ by case alone, or by nothing; only the first is kept", short, len(values)))
		}
		o.Meta = set(o.Meta, short, plain(values[0]))
	}
	return o
}

// metaName is the name of the metadata that a header carries, if it does.
func metaName(header string) (string, bool) {
	header = strings.TrimSpace(header)
	if len(header) < len(metaPrefix) || !strings.EqualFold(header[:len(metaPrefix)], metaPrefix) {
		return "", false
	}
	return strings.ToLower(header[len(metaPrefix):]), true
}

// withoutChunks is a Content-Encoding without the coding of an upload's own, which
// some services keep with the object though it never lies in it (S3 API
// reference, "Signature calculations: transferring payload in chunks").
func withoutChunks(v string) string {
	if !strings.Contains(v, "aws-chunked") {
		return v
	}
	var rest []string
	for coding := range strings.SplitSeq(v, ",") {
		if coding = strings.TrimSpace(coding); coding != "" && coding != "aws-chunked" {
			rest = append(rest, coding)
		}
	}
	return strings.Join(rest, ", ")
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
