package kodo

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// escape percent-encodes every byte of key but letters, digits, -_.~ and /.
func escape(key string) string {
	i := 0
	for i < len(key) && plain(key[i]) {
		i++
	}
	if i == len(key) {
		return key
	}
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	out.Grow(len(key) + 16)
	for i := range len(key) {
		c := key[i]
		if plain(c) {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return out.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' || c == '/'
}

// startMarker makes the marker that lists what follows key. Its form is that of
// the markers Kodo gives out (qshell, docs/listbucket2.md).
func startMarker(key string) string {
	if key == "" {
		return ""
	}
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	// A string and a number: Encode cannot fail.
	_ = e.Encode(struct {
		C int    `json:"c"`
		K string `json:"k"`
	}{0, key})
	return base64.URLEncoding.EncodeToString([]byte(strings.TrimSuffix(text.String(), "\n")))
}
