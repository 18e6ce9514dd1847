// Package shell quotes words for a command line that a reader pastes.
package shell

import (
	"regexp"
	"strings"
	"unicode"
)

// safe is a word that every shell takes as it is: zsh looks for a command behind a leading =.
var safe = regexp.MustCompile(`^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$`)

// Quote quotes words for a POSIX shell. A line break, and any other control character, is
// written so that it can be pasted: $'…' as bash, zsh and ksh read it.
func Quote(words ...string) string {
	var parts []string
	for _, w := range words {
		parts = append(parts, one(w))
	}
	return strings.Join(parts, " ")
}

func one(word string) string {
	if safe.MatchString(word) {
		return word
	}
	if !strings.ContainsFunc(word, unprintable) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(word) {
		switch c := word[i]; {
		case c == '\'' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c >= 0x7f:
			const digits = "0123456789abcdef"
			b.WriteString(`\x` + string(digits[c>>4]) + string(digits[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}

// unprintable reports whether a character is not seen, or is seen as something else.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }
