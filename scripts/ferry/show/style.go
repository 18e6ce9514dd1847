package show

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

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

// columns measures text as a terminal shows it: escapes take no column, and what is wide in
// East Asian scripts two.
func columns(text string) int { return runewidth.StringWidth(plain(text)) }

// plain is text without escapes.
func plain(text string) string {
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

// cut is text in at most so many columns, with an ellipsis where it is cut. Colours end with it.
func cut(text string, most int) string {
	if most <= 0 || columns(text) <= most {
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
		wide := runewidth.RuneWidth(r)
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

// pad fills text with blanks up to so many columns.
func pad(text string, to int) string {
	return text + strings.Repeat(" ", max(0, to-columns(text)))
}
