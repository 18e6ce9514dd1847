package manual

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/shared/columns"
)

// How many columns of text are worth standing beside what they explain: beside flags, and in the
// last column of a table.
const least, leastColumn = 34, 24

// item writes a head and from that column on its text, in as many lines as that takes; below
// the head where little room is beside it.
func (s *sheet) item(head string, column int, text string) {
	if s.width-column < least {
		s.WriteString(head + "\n")
		head, column = "", min(column, 8)
	}
	pad := strings.Repeat(" ", column)
	head += strings.Repeat(" ", max(1, column-columns.Width(head)))
	for _, line := range columns.Wrap(text, s.width-column, 0) {
		s.WriteString(head + line + "\n")
		head = pad
	}
}

// flags writes the flags of c, one below the other, each with its default, unless its words tell
// that, as of one that a variable of the environment has.
func (s *sheet) flags(c *cobra.Command, all []*pflag.Flag) {
	heads, column := make([]string, len(all)), 0
	for i, f := range all {
		heads[i] = headOf(f)
		column = max(column, len(heads[i])+3)
	}
	for i, f := range all {
		text := s.flag(c, f)
		if !slices.Contains([]string{"", "0", "0s", "false", "[]"}, f.DefValue) && !strings.Contains(f.Usage, "(default: ") {
			value := f.DefValue
			if f.Value.Type() == "string" {
				value = fmt.Sprintf("%q", value)
			}
			text += s.say("help.default", value)
		}
		s.item(heads[i], column, text)
	}
}

// headOf is how a flag is written, with what its value is called.
func headOf(f *pflag.Flag) string {
	head := "      --" + f.Name
	if f.Shorthand != "" {
		head = "  -" + f.Shorthand + ", --" + f.Name
	}
	if value, _ := pflag.UnquoteUsage(f); value != "" {
		head += " " + value
	}
	return head
}

// broken breaks the lines of text at a width, where any is wider. Lines of prose are joined to
// a paragraph before that; a line with columns in it, or under an indent, goes on below where
// its last column begins, as do the lines behind it that stand there.
func broken(text string, width int) string {
	if !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return columns.Width(line) > width }) {
		return text
	}
	var all []string
	var now entry
	end := func() {
		if now.text != "" {
			all = append(all, now.lines(width)...)
		}
		now = entry{}
	}
	for line := range strings.SplitSeq(text, "\n") {
		next := entryOf(line)
		switch {
		case line == "":
			end()
			all = append(all, "")
		case now.text != "" && now.goesOn(next):
			now.text += " " + strings.TrimLeft(line, " ")
		default:
			end()
			now = next
		}
	}
	end()
	return strings.Join(all, "\n")
}

// entry is a paragraph, or a line of a list or a table.
type entry struct {
	text       string
	indent, at int // bytes before the first character, and before its last column
}

func entryOf(line string) entry {
	e := entry{text: line, indent: len(line) - len(strings.TrimLeft(line, " "))}
	if at := strings.LastIndex(line, "  "); at >= 0 {
		e.at = at + 2
	}
	return e
}

// goesOn reports whether e goes on in the line behind it.
func (e entry) goesOn(next entry) bool {
	if next.at > next.indent || e.indent == 0 && e.at > 0 && next.indent == 0 {
		return false
	}
	return e.at > e.indent && next.indent == e.at || e.at <= e.indent && next.indent > e.indent || e.indent == 0 && e.at == 0 && next.indent == 0
}

func (e entry) lines(width int) []string {
	at := 0
	switch {
	case e.at > e.indent:
		at = columns.Width(e.text[:e.at])
	case e.indent > 0:
		at = e.indent + 2
	}
	if width-at < leastColumn {
		at = min(at, 4)
	}
	return columns.Wrap(e.text, width, at)
}
