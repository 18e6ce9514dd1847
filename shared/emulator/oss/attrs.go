package oss

import (
	"net/http"
	"strings"
)

const (
	metaPrefix         = "x-oss-meta-"
	maxMeta            = 8 << 10 // bytes of names and values (OSS user guide, object metadata)
	defaultContentType = "application/octet-stream"
)

// kept are the headers that an object keeps and gives back, by their code in attrs.
var kept = []string{
	"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires",
	"X-Oss-Server-Side-Encryption", "X-Oss-Server-Side-Data-Encryption", "X-Oss-Server-Side-Encryption-Key-Id",
}

// metaCode marks user metadata in attrs.
const metaCode = 0x7f

// attrs are the headers of an object in one string: a code, the name of user
// metadata, and the value, each ended by a zero byte, which no header can hold.
type attrs string

// packAttrs takes what is kept from a request's headers, of which own has those of OSS's.
func packAttrs(h http.Header, own []pair) (attrs, error) {
	var b []byte
	for i, name := range kept {
		if v := h.Get(name); v != "" && (i > 0 || v != defaultContentType) {
			b = append(b, byte(i+1))
			b = append(append(b, v...), 0)
		}
	}
	total := 0
	for _, f := range own {
		meta, ok := strings.CutPrefix(f.name, metaPrefix)
		if !ok {
			continue
		}
		if meta == "" || strings.Trim(meta, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return "", badArgument(f.name, f.value, "The name of user metadata may hold letters, digits and hyphens only.")
		}
		if total += len(meta) + len(f.value); total > maxMeta {
			return "", refuse(400, "InvalidArgument", unknownEC, "The total size of user metadata exceeds 8 KB.")
		}
		b = append(append(append(b, metaCode), meta...), 0)
		b = append(append(b, f.value...), 0)
	}
	return attrs(b), nil
}

// all yields the headers, standard ones first.
func (a attrs) all(yield func(struct{ name, value string }) bool) {
	rest := string(a)
	for rest != "" {
		code := rest[0]
		var name, value string
		if rest = rest[1:]; code == metaCode {
			name, rest, _ = strings.Cut(rest, "\x00")
			name = metaPrefix + name
		} else {
			name = kept[code-1]
		}
		value, rest, _ = strings.Cut(rest, "\x00")
		if !yield(struct{ name, value string }{name, value}) {
			return
		}
	}
}

// write sets the headers on an answer.
func (a attrs) write(h http.Header) {
	h["Content-Type"] = []string{defaultContentType}
	for kv := range a.all {
		h.Set(kv.name, kv.value)
	}
}
