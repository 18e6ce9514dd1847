package oss

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const defaultType = "application/octet-stream"

// standard are the headers OSS keeps with an object and sends again with it.
var standard = [...]string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"}

// attributes returns the headers of a write that keep obj's Type, Header,
// Class, Meta and Origin, and in words what could not be kept. Its error is a
// class that OSS does not have.
func attributes(obj store.Object) (*headers, []string, error) {
	class, err := className(obj.Class)
	if err != nil {
		return nil, nil, err
	}
	h := newHeaders()
	warnings := encodeMeta(h, obj.Meta, obj.Origin)
	h.set(headerClass, class)
	kind := defaultType
	switch typ := strings.TrimSpace(obj.Type); {
	case typ == "":
	case mediaType(typ):
		kind = typ
	default:
		warnings = append(warnings, fmt.Sprintf("Content-Type %q not kept: it is not a media type; %s instead", obj.Type, defaultType))
	}
	h.set("Content-Type", kind)
	for _, name := range names(obj.Header) {
		value, canonical := strings.TrimSpace(obj.Header[name]), http.CanonicalHeaderKey(name)
		switch {
		case !slices.Contains(standard[:], canonical):
			warnings = append(warnings, fmt.Sprintf("header %q not kept: OSS keeps only %s", name, strings.Join(standard[:], ", ")))
		case value == "":
		case plain(value):
			h.set(canonical, value)
		default:
			ascii := ""
			if canonical == "Content-Disposition" {
				ascii = asciiDisposition(value)
			}
			if ascii == "" {
				warnings = append(warnings, fmt.Sprintf("header %s %q not kept: OSS takes printable ASCII only", canonical, value))
				continue
			}
			h.set(canonical, ascii)
			warnings = append(warnings, fmt.Sprintf("header %s %q kept in ASCII, as %s", canonical, value, ascii))
		}
	}
	return h, warnings, nil
}

// names returns the keys of m in order.
func names(m map[string]string) []string {
	if len(m) == 0 { // mostly; the iterators take memory even for nothing
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

// mediaType reports whether s is type/subtype, with whatever parameters, in printable ASCII.
func mediaType(s string) bool {
	essence, _, _ := strings.Cut(s, ";")
	major, minor, ok := strings.Cut(strings.TrimSpace(essence), "/")
	return ok && plain(s) && token(major) && token(minor)
}

// token reports whether s is one, as RFC 9110 has it.
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return !lowOrDigit(c) && (c < 'A' || c > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	}) < 0
}

// asciiDisposition writes a raw UTF-8 file name as filename*=utf-8”…, which
// every browser reads; "" where v cannot be parsed, or is not UTF-8.
func asciiDisposition(v string) string {
	kind, params, err := mime.ParseMediaType(v)
	if err != nil {
		kind, params = looseDisposition(v)
	}
	if !utf8.ValidString(v) {
		return ""
	}
	if s := mime.FormatMediaType(kind, params); plain(s) {
		return s
	}
	return ""
}

// looseDisposition takes a Content-Disposition apart as browsers do, whose file
// name stands without quotes though it holds more than a token may: other
// scripts, spaces, brackets.
func looseDisposition(v string) (kind string, params map[string]string) {
	kind, rest, _ := strings.Cut(v, ";")
	params = map[string]string{}
	for rest != "" {
		var name, value string
		name, rest, _ = strings.Cut(rest, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); !token(name) {
			return "", nil
		}
		rest = strings.TrimLeft(rest, " \t")
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, rest, _ = strings.Cut(rest, ";")
		} else {
			value, rest, _ = strings.Cut(rest, ";")
		}
		if base, encoded := strings.CutSuffix(name, "*"); encoded { // what it says counts, and in no other form
			charset, text, _ := strings.Cut(value, "''")
			plain, err := url.PathUnescape(text)
			if err != nil || !strings.EqualFold(charset, "UTF-8") {
				return "", nil
			}
			name, value = base, plain
		} else if _, told := params[name]; told {
			continue
		}
		params[name] = strings.TrimSpace(value)
	}
	return strings.TrimSpace(kind), params
}

// describe reads the object key from the headers of a HEAD or GET, which must
// name a size.
func describe(key string, h http.Header) (store.Object, error) {
	obj := store.Object{
		Key: key, Hash: unquote(h.Get("Etag")), CRC64: h.Get(headerCRC64),
		Type: h.Get("Content-Type"), Class: classOf([]byte(h.Get(headerClass))),
	}
	obj.MD5 = md5Of(obj.Hash, h.Get("x-oss-object-type"))
	obj.Frozen = frozen(obj.Class, []byte(h.Get("x-oss-restore")))
	var err error
	if _, _, total, ok := store.ContentRange(h.Get("Content-Range")); ok {
		obj.Size = total
	} else {
		obj.Size, err = strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	}
	if err != nil || obj.Size < 0 {
		return store.Object{}, fault.Errorf("the answer names no size: Content-Length %q, Content-Range %q", h.Get("Content-Length"), h.Get("Content-Range"))
	}
	if at := h.Get("Last-Modified"); at != "" {
		t, err := store.ParseTime(at)
		if obj.Modified = t.UTC(); err != nil || obj.Modified.Year() > 9999 {
			obj.Modified, obj.Warnings = time.Time{}, []string{oddTime(at)}
		}
	}
	for _, name := range standard {
		if v := h.Get(name); v != "" {
			if obj.Header == nil {
				obj.Header = map[string]string{}
			}
			obj.Header[name] = v
		}
	}
	obj.Meta, obj.Origin = decodeMeta(h)
	return obj, nil
}

func unquote(etag string) string { return strings.Trim(etag, `"`) }

// md5Of returns the MD5 that an ETag is, in lower-case hex: that of content
// written in one go (type Normal). Of parts or appended content it is none.
func md5Of(etag, kind string) string {
	if kind != "Normal" || len(etag) != 32 {
		return ""
	}
	var low [32]byte
	for i := range low {
		if _, ok := nibble(etag[i]); !ok {
			return ""
		}
		low[i] = etag[i] | 0x20 // digits have that bit
	}
	return string(low[:])
}

// Losses says in words what OSS cannot keep of obj's type, headers and
// metadata: the warnings that Put would return. It makes no request.
func (b *Bucket) Losses(obj store.Object) []string {
	if len(obj.Meta) == 0 && len(obj.Header) == 0 && mediaType(obj.Type) {
		if _, err := className(obj.Class); err == nil {
			return nil // as of nearly all; it is asked for each object that is unchanged
		}
	}
	h, warnings, err := attributes(obj)
	if h != nil {
		h.back()
	}
	if err != nil {
		return append(warnings, err.Error())
	}
	return warnings
}
