package plainjson

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Writer appends JSON to a slice, as encoding/json writes it without escapes for HTML.
type Writer struct {
	b  []byte
	ok bool
}

// Append returns a Writer that appends to b.
func Append(b []byte) Writer { return Writer{b: b, ok: true} }

// Refuse says that what is written is nothing that a Writer knows how to write.
func (w *Writer) Refuse() { w.ok = false }

// Written returns the slice with what was appended. ok is false for what only
// encoding/json knows how to write, or to refuse.
func (w *Writer) Written() (_ []byte, ok bool) { return w.b, w.ok }

// Int appends a number.
func (w *Writer) Int(n int64) { w.b = strconv.AppendInt(w.b, n, 10) }

// Raw appends s as it is.
func (w *Writer) Raw(s string) { w.b = append(w.b, s...) }

// Comma parts the i-th element of a list, from 0 on, from the one before.
func (w *Writer) Comma(i int) {
	if i > 0 {
		w.b = append(w.b, ',')
	}
}

// Member appends a text unless it is empty.
func (w *Writer) Member(name, s string) {
	if s != "" {
		w.Raw(name)
		w.Text(s)
	}
}

// Count appends a number unless it is 0.
func (w *Writer) Count(name string, n int64) {
	if n != 0 {
		w.Raw(name)
		w.Int(n)
	}
}

// Time appends a time unless it is zero.
func (w *Writer) Time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	if y := t.Year(); t.Location() != time.UTC || y < 0 || y > 9999 {
		w.ok = false
		return
	}
	w.Raw(name)
	w.b = append(w.b, '"')
	w.b = append(t.AppendFormat(w.b, time.RFC3339Nano), '"')
}

// Pairs appends texts by their names, in order, unless there are none. name ends with the
// bracket that they begin with.
func (w *Writer) Pairs(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.Raw(name)
	for i, k := range slices.Sorted(maps.Keys(m)) {
		w.Comma(i)
		w.Text(k)
		w.Raw(`:`)
		w.Text(m[k])
	}
	w.Raw(`}`)
}

// Text appends s as it is, where JSON takes it so.
func (w *Writer) Text(s string) {
	high := byte(0)
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == '"' || c == '\\' {
			w.escaped(s)
			return
		}
		high |= c
	}
	// encoding/json escapes the line ends that JavaScript does not take in a text.
	if high >= utf8.RuneSelf && (!utf8.ValidString(s) || strings.ContainsAny(s, "\u2028\u2029")) {
		w.escaped(s)
		return
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, s...)
	w.b = append(w.b, '"')
}

// escaped appends s by encoding/json.
func (w *Writer) escaped(s string) {
	if strings.ContainsAny(s, "<>&") {
		w.ok = false // json.Marshal would escape these, too
		return
	}
	text, err := json.Marshal(s)
	w.ok = w.ok && err == nil
	w.b = append(w.b, text...)
}
