package show

import (
	"io"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// wrap breaks text into lines of at most so many columns; those behind the first are indented.
// It breaks at blanks, and in scripts that have none between any two characters, but for signs
// that stand at no line's beginning or end. A word that is longer stands in a line of its own.
func wrap(text string, most, indent int) []string {
	if most <= 0 || columns(text) <= most {
		return []string{text}
	}
	var lines []string
	var line strings.Builder
	width, pad := 0, ""
	for i, part := range parts(text) {
		word := strings.TrimLeft(part, " ")
		blanks := len(part) - len(word)
		n := columns(word)
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
	if a == ' ' || b == ' ' || runewidth.RuneWidth(a) < 2 && runewidth.RuneWidth(b) < 2 {
		return false
	}
	return !unicode.In(a, unicode.Ps, unicode.Pi) && !unicode.In(b, unicode.Pe, unicode.Pf, unicode.Po) && b != '…'
}

// Wrapped is text in lines of at most so many columns, as wrap breaks it.
func Wrapped(text string, most, indent int) []string { return wrap(text, most, indent) }

// Columns measures text as a terminal shows it.
func Columns(text string) int { return columns(text) }

// WidthOf is how many columns w has, 0 where it is no terminal.
func WidthOf(w io.Writer) int { return StyleOf(w).Width }
