package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// size writes n bytes in the unit that suits it.
func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// place is a location without its parameters.
func place(location string) string {
	at, _, _ := strings.Cut(location, "?")
	return at
}

// way is the parameters of a location.
func way(location string) string {
	_, params, _ := strings.Cut(location, "?")
	return strings.ReplaceAll(params, "&", " ")
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

func clock(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" }

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// Piece is a part of a key: shown as it is, or spelled out because it does not
// print, or prints like something else.
type Piece struct {
	Text    string
	Spelled bool
}

// Pieces splits a key into what prints and what is spelled out: everything that
// does not print (controls, bidi overrides, odd blanks, bytes that are no UTF-8), and
// a blank at either end.
func Pieces(key string) []Piece {
	var out []Piece
	plain := func(s string) {
		if n := len(out); n > 0 && !out[n-1].Spelled {
			out[n-1].Text += s
			return
		}
		out = append(out, Piece{Text: s})
	}
	for i := 0; i < len(key); {
		r, n := utf8.DecodeRuneInString(key[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, Piece{fmt.Sprintf("\\x%02X", key[i]), true})
		case r == ' ' && (i == 0 || i+1 == len(key)):
			out = append(out, Piece{"space", true})
		case unicode.IsPrint(r):
			plain(key[i : i+n])
		default:
			out = append(out, Piece{fmt.Sprintf("U+%04X", r), true})
		}
		i += n
	}
	return out
}

// stretch is one end of an unknown stretch; open names it where it has none.
func stretch(key, open string) []Piece {
	if key == "" {
		return []Piece{{Text: open}}
	}
	return Pieces(key)
}

// Words are the language that a page is written in.
type Words struct {
	HTML string // the value of lang=
	// In is what a format and its values make; Tell is a text that was made in English, told.
	In   func(format string, args ...any) string
	Tell func(text string) string
}

// English are the words of the page that a run leaves behind.
var English = Words{HTML: "en", In: fmt.Sprintf, Tell: func(text string) string { return text }}

// things is one for n = 1, else many, a format, with n.
func (w Words) things(n int64, one, many string) string {
	if n == 1 {
		return w.In(one)
	}
	return w.In(many, humanize.Comma(n))
}

// marked is In for formats that hold marks of HTML; the values hold none.
func (w Words) marked(format string, args ...any) template.HTML {
	for i, a := range args {
		args[i] = template.HTMLEscapeString(fmt.Sprint(a))
	}
	return template.HTML(w.In(format, args...)) // formats are those of the template
}

// things is one for n = 1, else many, a format, with n.
func things(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, humanize.Comma(n))
}

// sentence is s with a capital in front, where s begins with a plain word.
func sentence(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if len(word) > 0 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// legible is a key as it stands in a sentence: as it is, or quoted where that could
// be misread.
func legible(key string) string {
	odd := func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`",;`, r)
	}
	if key == "" || strings.ContainsFunc(key, odd) {
		return strconv.Quote(key)
	}
	return key
}
