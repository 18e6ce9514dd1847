package plainjson

import (
	"encoding/binary"
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
	if sec := t.Unix(); t.Location() != time.UTC || sec < firstSecond || sec > lastSecond {
		w.ok = false
		return
	}
	w.Raw(name)
	w.b = append(w.b, '"')
	w.b = append(appendTime(w.b, t), '"')
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
	from := len(w.b) + 1
	w.b = append(append(append(w.b, '"'), s...), '"')
	switch plain, ascii := look(w.b[from : from+len(s)]); {
	case ascii:
	// encoding/json escapes the line ends that JavaScript does not take in a text.
	case !plain || !utf8.ValidString(s) || strings.ContainsAny(s, "\u2028\u2029"):
		w.b = w.b[:from-1]
		w.escaped(s)
	}
}

// highs are the highest bits of the bytes of a word.
const highs = 0x8080808080808080

// escapes are, of a word of eight bytes, highest bits of which the lowest is that of the
// first byte that JSON escapes, or ends a text with; 0 where there is none. A byte is below
// n, or is c, where that sets its highest bit (Bit Twiddling Hacks, "hasless" and "haszero").
func escapes(v uint64) uint64 {
	const ones = 0x0101010101010101
	quote, slash := v^'"'*ones, v^'\\'*ones
	return ((v-' '*ones)&^v | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

// look reports whether a text has no byte that JSON escapes, and whether, besides, each is
// one of ASCII. It looks at eight at a time.
func look(s []byte) (plain, ascii bool) {
	escaped, high := uint64(0), uint64(0)
	for ; len(s) >= 8; s = s[8:] {
		v := binary.LittleEndian.Uint64(s)
		escaped |= escapes(v)
		high |= v
	}
	if escaped != 0 {
		return false, false
	}
	for _, c := range s {
		if c < ' ' || c == '"' || c == '\\' {
			return false, false
		}
		high |= uint64(c)
	}
	return true, high&highs == 0
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
