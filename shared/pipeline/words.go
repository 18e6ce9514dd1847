package pipeline

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// size writes n bytes in the unit that suits it.
func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// place is a location without how it is reached.
func place(location string) string {
	at, _, _ := strings.Cut(location, "?")
	return at
}

// way is how a location is reached: its parameters.
func way(location string) string {
	_, params, _ := strings.Cut(location, "?")
	return strings.ReplaceAll(params, "&", " ")
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

func clock(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" }

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// piece is a stretch of a key: to be shown as it is, or spelled out because it
// would not be seen, or not be seen for what it is.
type piece struct {
	Text    string
	Spelled bool
}

// pieces takes a key apart for the eye. Everything that does not print
// (controls, bidi overrides, odd blanks, bytes that are no UTF-8) is spelled
// out, and so is a blank at either end.
func pieces(key string) []piece {
	var out []piece
	plain := func(s string) {
		if n := len(out); n > 0 && !out[n-1].Spelled {
			out[n-1].Text += s
			return
		}
		out = append(out, piece{Text: s})
	}
	for i := 0; i < len(key); {
		r, n := utf8.DecodeRuneInString(key[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, piece{fmt.Sprintf("\\x%02X", key[i]), true})
		case r == ' ' && (i == 0 || i+1 == len(key)):
			out = append(out, piece{"space", true})
		case unicode.IsPrint(r):
			plain(key[i : i+n])
		default:
			out = append(out, piece{fmt.Sprintf("U+%04X", r), true})
		}
		i += n
	}
	return out
}

// stretch is one end of an unknown stretch, in words where it is open.
func stretch(key, open string) []piece {
	if key == "" {
		return []piece{{Text: open}}
	}
	return pieces(key)
}
