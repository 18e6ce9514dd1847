package show

import (
	"io"
	"strings"

	"kodoferry/shared/columns"
)

// How text is measured, cut, broken and filled.
func cut(text string, most int) string            { return columns.Cut(text, most) }
func wrap(text string, most, indent int) []string { return columns.Wrap(text, most, indent) }
func pad(text string, to int) string              { return columns.Pad(text, to) }

// WidthOf is how many columns w has, 0 where it is no terminal.
func WidthOf(w io.Writer) int { return StyleOf(w).Width }

// Print writes lines of text to w, on a terminal each in as many as its width takes.
func Print(w io.Writer, text string) error {
	_, err := io.WriteString(w, fitted(StyleOf(w), strings.TrimSuffix(text, "\n"))+"\n")
	return err
}

// fitted breaks the lines of text at the width; those behind the first of each stand to the
// right of where it begins. A command that has a line to itself stays whole, to be copied.
func fitted(s Style, text string) string {
	p := page{style: s}
	for line := range strings.SplitSeq(text, "\n") {
		begins := strings.TrimLeft(line, " ")
		if strings.HasPrefix(begins, "ferry ") {
			p.lines = append(p.lines, line)
			continue
		}
		p.lines = append(p.lines, wrap(line, p.width(), len(line)-len(begins)+2)...)
	}
	return strings.Join(p.lines, "\n")
}
