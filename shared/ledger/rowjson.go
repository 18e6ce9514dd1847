package ledger

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/store"
)

// Rows are written and read by hand where they are as nearly all are, and by
// encoding/json otherwise: the two write the same bytes and read the same rows,
// which a fuzz test holds. BenchmarkSegment tells what it gains.

// appendRow appends a row as JSON, as encoding/json writes it without escapes
// for HTML. ok is false for what only encoding/json knows how to write, or to refuse.
func appendRow(b []byte, r *Row) (_ []byte, ok bool) {
	w := writer{b: b, ok: true}
	w.raw(`{"src":`)
	w.object(&r.Src)
	if r.Dst != nil {
		w.raw(`,"dst":{`)
		w.dst(r.Dst)
	}
	w.raw(`,"state":`)
	w.text(string(r.State))
	w.member(`,"verdict":`, string(r.Verdict))
	w.member(`,"proof":`, string(r.Proof))
	w.member(`,"reason":`, r.Reason)
	w.member(`,"cause":`, string(r.Cause))
	w.warnings(r.Warnings)
	w.count(`,"grew":`, r.Grew)
	w.count(`,"tries":`, int64(r.Tries))
	w.count(`,"waits":`, int64(r.Waits))
	w.count(`,"part_size":`, r.PartSize)
	w.member(`,"read":`, r.Read)
	w.time(`,"at":`, r.At)
	w.raw(`}`)
	return w.b, w.ok
}

// writer appends JSON to b.
type writer struct {
	b  []byte
	ok bool
}

func (w *writer) raw(s string) { w.b = append(w.b, s...) }

func (w *writer) comma(i int) {
	if i > 0 {
		w.b = append(w.b, ',')
	}
}

func (w *writer) object(o *store.Object) {
	w.raw(`{"key":`)
	w.text(o.Key)
	w.raw(`,"size":`)
	w.b = strconv.AppendInt(w.b, o.Size, 10)
	w.member(`,"hash":`, o.Hash)
	w.member(`,"md5":`, o.MD5)
	w.member(`,"crc64":`, o.CRC64)
	if len(o.Parts) > 0 {
		w.raw(`,"parts":[`)
		for i, n := range o.Parts {
			w.comma(i)
			w.b = strconv.AppendInt(w.b, n, 10)
		}
		w.raw(`]`)
	}
	w.time(`,"modified":`, o.Modified)
	w.member(`,"type":`, o.Type)
	w.pairs(`,"header":{`, o.Header)
	w.pairs(`,"meta":{`, o.Meta)
	w.member(`,"class":`, string(o.Class))
	if o.Disabled {
		w.raw(`,"disabled":true`)
	}
	if o.Frozen {
		w.raw(`,"frozen":true`)
	}
	if o.Origin != nil {
		w.ok = false // never in a row of a source
	}
	w.warnings(o.Warnings)
	w.raw(`}`)
}

func (w *writer) warnings(all []string) {
	if len(all) == 0 {
		return
	}
	w.raw(`,"warnings":[`)
	for i, text := range all {
		w.comma(i)
		w.text(text)
	}
	w.raw(`]`)
}

// dst appends the members of d and the end of it.
func (w *writer) dst(d *Dst) {
	if d.ETag != "" {
		w.raw(`"etag":`)
		w.text(d.ETag)
		w.raw(`,`)
	}
	if d.CRC64 != "" {
		w.raw(`"crc64":`)
		w.text(d.CRC64)
		w.raw(`,`)
	}
	w.raw(`"size":`)
	w.b = strconv.AppendInt(w.b, d.Size, 10)
	w.time(`,"modified":`, d.Modified)
	w.raw(`}`)
}

// member appends a text unless it is empty.
func (w *writer) member(name, s string) {
	if s != "" {
		w.raw(name)
		w.text(s)
	}
}

// count appends a number unless it is 0.
func (w *writer) count(name string, n int64) {
	if n != 0 {
		w.raw(name)
		w.b = strconv.AppendInt(w.b, n, 10)
	}
}

// time appends a time unless it is zero.
func (w *writer) time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	if y := t.Year(); t.Location() != time.UTC || y < 0 || y > 9999 {
		w.ok = false
		return
	}
	w.raw(name)
	w.b = append(w.b, '"')
	w.b = append(t.AppendFormat(w.b, time.RFC3339Nano), '"')
}

func (w *writer) pairs(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.raw(name)
	for i, k := range slices.Sorted(maps.Keys(m)) {
		w.comma(i)
		w.text(k)
		w.raw(`:`)
		w.text(m[k])
	}
	w.raw(`}`)
}

// text appends s as it is, where JSON takes it so.
func (w *writer) text(s string) {
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
func (w *writer) escaped(s string) {
	if strings.ContainsAny(s, "<>&") {
		w.ok = false // json.Marshal would escape these, too
		return
	}
	text, err := json.Marshal(s)
	w.ok = w.ok && err == nil
	w.b = append(w.b, text...)
}
