package show

import (
	"io"
	"os"
	"strconv"

	"kodoferry/shared/console/language"
)

// Style is how text is written to one place.
type Style struct {
	Width  int                // columns; 0: any number
	Height int                // rows; 0: any number
	Colour bool               // by escapes of ECMA-48
	Place  bool               // text can be redrawn in place
	Tongue *language.Language // what words are of; nil: English
}

// StyleOf is the style of what is written to w. It is coloured on a terminal, unless NO_COLOR
// is set (https://no-color.org), and anywhere where FORCE_COLOR is, to anything but nothing.
func StyleOf(w io.Writer) Style {
	s := Style{Colour: os.Getenv("FORCE_COLOR") != "", Tongue: spoken()}
	f, ok := w.(*os.File)
	if !ok || !IsTerminal(f) {
		return s
	}
	s.Place = true
	s.Width, s.Height = size(f)
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 && s.Width == 0 {
		s.Width = n
	}
	if s.Width <= 0 {
		s.Width = 80
	}
	s.Colour = s.Colour || os.Getenv("NO_COLOR") == ""
	return s
}

// Colours of what is shown.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint writes text in a colour.
func (s Style) paint(colour, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
