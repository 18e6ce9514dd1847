package show

import (
	"fmt"
	"io"
	"math"
	"strings"

	"kodoferry/shared/columns"
)

// labelled is how wide the labels of lines are.
const labelled = 12

// page is lines under way, of one style.
type page struct {
	style Style
	lines []string
}

// row adds a line with the label of that name ("" is none), in as many lines as its text takes.
func (p *page) row(label, text string) {
	if label != "" {
		label = p.style.say("label." + label)
	}
	head := "  " + pad(p.style.paint(dim, label), labelled-2)
	for i, line := range wrap(text, p.width()-labelled, len(text)-len(strings.TrimLeft(text, " "))) {
		if i > 0 {
			head = strings.Repeat(" ", labelled)
		}
		p.lines = append(p.lines, cut(head+line, p.width()))
	}
}

// Folded is text behind a head, on a terminal in as many lines as its width takes, elsewhere in one.
func Folded(w io.Writer, head, text string) string {
	return strings.Join(StyleOf(w).folded(head, text), "\n")
}

// folded is text behind a head; the lines after the first begin where it does, or, where that
// leaves little room, a little to the right.
func (s Style) folded(head, text string) []string {
	p := page{style: s}
	indent := columns.Width(head)
	if p.width()-indent < leastText {
		indent = 4
	}
	return wrap(head+text, p.width(), indent)
}

// leastText is how many columns of text are worth an indent.
const leastText = 30

// width is how many columns a line has; where it is not a terminal's, any number.
func (p *page) width() int {
	if p.style.Width <= 0 {
		return math.MaxInt32
	}
	return p.style.Width - 1
}

// text adds text as it is, broken at the width.
func (p *page) text(format string, args ...any) {
	p.lines = append(p.lines, wrap(fmt.Sprintf(format, args...), p.width(), 2)...)
}
