// Package columns measures, cuts and breaks text by the columns of a terminal.
package columns

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// measure takes characters that are wide in some fonts alone, such as those that bars are drawn
// of, for narrow, whatever the locale: so do the terminals that people have, where nobody changes
// that.
var measure = &runewidth.Condition{StrictEmojiNeutral: true}

// Width measures text as a terminal shows it: escapes take no column, and what is wide in
// East Asian scripts two.
func Width(text string) int { return measure.StringWidth(Plain(text)) }

// Plain is text without escapes.
func Plain(text string) string {
	if !strings.Contains(text, "\x1b") {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\x1b' {
			out.WriteByte(text[i])
			continue
		}
		for i++; i < len(text) && text[i] != 'm'; i++ {
		}
	}
	return out.String()
}

// Cut is text in at most so many columns, with an ellipsis where it is cut. Colours end with it.
func Cut(text string, most int) string {
	if most <= 0 || Width(text) <= most {
		return text
	}
	var out strings.Builder
	n, coloured := 0, false
	for i := 0; i < len(text); {
		if text[i] == '\x1b' {
			end := strings.IndexByte(text[i:], 'm')
			if end < 0 {
				break
			}
			out.WriteString(text[i : i+end+1])
			i, coloured = i+end+1, true
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		wide := measure.RuneWidth(r)
		if n+wide > most-1 {
			break
		}
		out.WriteString(string(r))
		n += wide
		i += size
	}
	out.WriteString("…")
	if coloured {
		out.WriteString("\x1b[0m")
	}
	return out.String()
}

// Pad fills text with blanks up to so many columns.
func Pad(text string, to int) string {
	return text + strings.Repeat(" ", max(0, to-Width(text)))
}

// Wrap breaks text into lines of at most so many columns; those behind the first are indented.
// It breaks at blanks, and in scripts that have none between any two characters, but for signs
// that stand at no line's beginning or end. A word that is longer stands in a line of its own.
func Wrap(text string, most, indent int) []string {
	if most <= 0 || Width(text) <= most {
		return []string{text}
	}
	var lines []string
	var line strings.Builder
	width, pad := 0, ""
	for i, part := range parts(text) {
		word := strings.TrimLeft(part, " ")
		blanks := len(part) - len(word)
		n := Width(word)
		if i > 0 && width+blanks+n > most {
			lines = append(lines, line.String())
			pad, blanks = strings.Repeat(" ", indent), 0
			line.Reset()
			line.WriteString(pad)
			width = indent
		}
		line.WriteString(strings.Repeat(" ", blanks) + word)
		width += blanks + n
	}
	return append(lines, line.String())
}

// parts cuts text wherever a line may end. A part begins with the blanks before it.
func parts(text string) []string {
	var all []string
	begin, before := 0, rune(0)
	for i, r := range text {
		if i > begin && (r == ' ' && before != ' ' || between(before, r)) {
			all, begin = append(all, text[begin:i]), i
		}
		before = r
	}
	return append(all, text[begin:])
}

// between reports whether a line may end between two characters without a blank: where one of
// them is wide, the first opens no bracket, and the second closes nothing. Escapes are narrow.
func between(a, b rune) bool {
	if a == ' ' || b == ' ' || measure.RuneWidth(a) < 2 && measure.RuneWidth(b) < 2 {
		return false
	}
	return !unicode.In(a, unicode.Ps, unicode.Pi) && !unicode.In(b, unicode.Pe, unicode.Pf, unicode.Po) && b != '…'
}
