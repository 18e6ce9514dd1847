package show

import (
	"io"

	"kodoferry/shared/columns"
)

// How text is measured, cut, broken and filled.
func cut(text string, most int) string            { return columns.Cut(text, most) }
func wrap(text string, most, indent int) []string { return columns.Wrap(text, most, indent) }
func pad(text string, to int) string              { return columns.Pad(text, to) }

// WidthOf is how many columns w has, 0 where it is no terminal.
func WidthOf(w io.Writer) int { return StyleOf(w).Width }
