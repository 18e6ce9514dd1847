package contract

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// redactor removes private names, addresses and request ids from texts.
type redactor struct{ private []string }

// newRedactor returns a redactor of the given names; those of fewer than 3 bytes are
// left out. The longest is replaced first, since one may contain another.
func newRedactor(private []string) *redactor {
	known := slices.DeleteFunc(slices.Clone(private), func(s string) bool { return len(s) < 3 })
	slices.SortFunc(known, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return &redactor{slices.Compact(known)}
}

var (
	requestID = regexp.MustCompile(`;? ?\(request [^)]*\)`)
	address   = regexp.MustCompile(`(?i)https?://[^\s"'<>)]+|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\[[0-9a-f:]+\](:\d+)?|\b([a-z0-9-]+\.)+(com|cn|net|org|io|local|internal|invalid)\b(:\d+)?`)
)

// maxShown is the most bytes of a text in a row.
const maxShown = 600

// text returns s with every private name replaced, as one line of at most maxShown
// bytes and "…".
func (h *redactor) text(s string) string {
	for _, p := range h.private {
		s = strings.ReplaceAll(s, p, "…")
	}
	s = requestID.ReplaceAllString(s, "")
	s = address.ReplaceAllString(s, "[address]")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// unquoted returns the text of an error about the user's own objects without what
// stands in quotes, which are their names.
func unquoted(err error) string { return quoted.ReplaceAllString(err.Error(), "“…”") }
