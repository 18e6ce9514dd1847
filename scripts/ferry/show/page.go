package show

import (
	"fmt"
	"math"
	"strings"
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
