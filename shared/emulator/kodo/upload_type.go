package kodo

import (
	"mime"
	"net/http"
	"path"
	"strings"
)

// typeOf is the type of a's content (Kodo, "put policy": detectMime): the one
// the client names, or else what the names and then the content tell; with 1
// the content first, whatever the client names; with -1 just the client's.
// Octets count as unnamed, for SDKs send them where their caller names nothing.
func (p policy) typeOf(a *arrival) string {
	named := a.mime != "" && a.mime != octets
	switch {
	case p.DetectMime < 0 && a.mime != "", p.DetectMime == 0 && named:
		return a.mime
	case p.DetectMime < 0:
		return octets
	}
	found := []string{typeOfName(a.fname), "", sniff(a.body)}
	if a.key != nil {
		found[1] = typeOfName(*a.key)
	}
	if p.DetectMime > 0 {
		found = []string{found[2], found[0], found[1]}
	}
	for _, kind := range found {
		if kind != "" && kind != octets {
			return kind
		}
	}
	return octets
}

// typeOfName is the type that a name's extension tells, "" if none.
func typeOfName(name string) string {
	return bareType(mime.TypeByExtension(path.Ext(name)))
}

// sniff is the type that a body begins like.
func sniff(body segments) string {
	var start []byte
	for _, p := range body {
		if start = append(start, p[:min(len(p), 512-len(start))]...); len(start) == 512 {
			break
		}
	}
	if len(start) == 0 {
		return octets
	}
	return bareType(http.DetectContentType(start))
}

// bareType is a media type without its parameters.
func bareType(kind string) string {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.TrimSpace(kind)
}
