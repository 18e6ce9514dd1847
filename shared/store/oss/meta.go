package oss

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/store"
)

// How metadata travels.
//
// OSS keeps user metadata as headers x-oss-meta-<name>: names of letters,
// digits and hyphens, which it turns into lower case, ASCII values, 8 KiB in
// all (OSS user guide, object metadata). Kodo keeps more. So:
//
//   - A name of a-z, 0-9 and hyphens passes unchanged, unless it begins with
//     "ferry-". Any other becomes "ferry-x-" and its bytes, where a-z and 0-9
//     stand for themselves and every other byte is a hyphen and two hex digits:
//     My_Name is ferry-x--4dy-5f-4eame.
//   - A value of printable ASCII that is not empty and neither begins nor ends
//     with a space passes unchanged. Any other becomes UTF-8” and its bytes,
//     percent-encoded: the form of RFC 8187, which other programs know too. A
//     plain value that begins with UTF-8” is encoded as well.
//   - Origin is ferry-hash (absent where it is empty) and ferry-time (RFC 3339
//     with nanoseconds, UTC), and ferry-job, ferry-place, ferry-attrs, ferry-run
//     and ferry-mark where they are not empty. No user's name can be one of these.
//
// Going back, what is not exactly so encoded is taken as it is.
const (
	metaPrefix   = "x-oss-meta-"
	headerHash   = "X-Oss-Meta-Ferry-Hash"
	headerTime   = "X-Oss-Meta-Ferry-Time"
	headerJob    = "X-Oss-Meta-Ferry-Job"
	headerPlace  = "X-Oss-Meta-Ferry-Place"
	headerAttrs  = "X-Oss-Meta-Ferry-Attrs"
	headerRun    = "X-Oss-Meta-Ferry-Run"
	headerMark   = "X-Oss-Meta-Ferry-Mark"
	ownPrefix    = "ferry-"
	originHash   = "ferry-hash"
	originTime   = "ferry-time"
	originJob    = "ferry-job"
	originPlace  = "ferry-place"
	originAttrs  = "ferry-attrs"
	originRun    = "ferry-run"
	originMark   = "ferry-mark"
	escapedName  = "ferry-x-"
	escapedValue = "UTF-8''"

	// metaLimit bounds names and values in all. The prefix is counted too, which
	// OSS may not do: an entry too few is better than a refused object.
	metaLimit = 8 << 10
)

// encodeMeta adds the headers that keep meta and origin to h. If they exceed
// OSS's limit it leaves out users' entries, the largest first and of equal
// ones the last by name, and names each in a warning. origin is always kept.
func encodeMeta(h *headers, meta map[string]string, origin *store.Origin) []string {
	total := 0
	keep := func(name, value string) {
		h.set(name, value)
		total += len(name) + len(value)
	}
	if origin != nil {
		keep(headerTime, origin.Modified.UTC().Format(time.RFC3339Nano))
		for _, of := range [...]struct{ header, value string }{{headerHash, origin.Hash}, {headerJob, origin.Job}, {headerPlace, origin.Place}, {headerAttrs, origin.Attrs}, {headerRun, origin.Run}, {headerMark, origin.Mark}} {
			if of.value != "" {
				keep(of.header, encodeValue(of.value))
			}
		}
	}
	if len(meta) == 0 {
		return nil
	}
	type entry struct{ name, header, value string }
	size := func(e entry) int { return len(e.header) + len(e.value) }
	users := make([]entry, 0, len(meta))
	for _, name := range names(meta) {
		e := entry{name, http.CanonicalHeaderKey(metaPrefix + encodeName(name)), encodeValue(meta[name])}
		users, total = append(users, e), total+size(e)
	}
	slices.SortStableFunc(users, func(a, b entry) int { return cmp.Compare(size(a), size(b)) })
	var warnings []string
	for len(users) > 0 && total > metaLimit {
		last := users[len(users)-1]
		users, total = users[:len(users)-1], total-size(last)
		warnings = append(warnings, fmt.Sprintf("metadata %q (%d bytes) not kept: with it the metadata would exceed the 8 KiB that OSS keeps", last.name, len(meta[last.name])))
	}
	for _, e := range users {
		h.set(e.header, e.value)
	}
	return warnings
}

// decodeMeta is the way back from the headers of an answer.
func decodeMeta(h http.Header) (map[string]string, *store.Origin) {
	raw := map[string]string{}
	for name, values := range h {
		name = strings.ToLower(name)
		if short, ok := strings.CutPrefix(name, metaPrefix); ok && len(values) > 0 {
			raw[short] = values[0]
		}
	}
	var origin *store.Origin
	if at, err := time.Parse(time.RFC3339Nano, raw[originTime]); err == nil {
		origin = &store.Origin{Hash: decodeValue(raw[originHash]), Modified: at.UTC(), Job: decodeValue(raw[originJob]), Place: decodeValue(raw[originPlace]), Attrs: decodeValue(raw[originAttrs]), Run: decodeValue(raw[originRun]), Mark: decodeValue(raw[originMark])}
		for _, name := range [...]string{originTime, originHash, originJob, originPlace, originAttrs, originRun, originMark} {
			delete(raw, name)
		}
	}
	if len(raw) == 0 {
		return nil, origin
	}
	meta := make(map[string]string, len(raw))
	for name, value := range raw {
		meta[decodeName(name)] = decodeValue(value)
	}
	return meta, origin
}

func encodeName(name string) string {
	if name != "" && !strings.HasPrefix(name, ownPrefix) && strings.IndexFunc(name, func(c rune) bool { return !lowOrDigit(c) && c != '-' }) < 0 {
		return name
	}
	b := []byte(escapedName)
	for _, c := range []byte(name) {
		if lowOrDigit(rune(c)) {
			b = append(b, c)
		} else {
			b = fmt.Appendf(b, "-%02x", c)
		}
	}
	return string(b)
}

func lowOrDigit(c rune) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func decodeName(s string) string {
	body, ok := strings.CutPrefix(s, escapedName)
	if !ok {
		return s
	}
	if name, ok := unhex(body, '-'); ok && encodeName(name) == s {
		return name
	}
	return s
}

func encodeValue(v string) string {
	if plain(v) && !strings.HasPrefix(v, escapedValue) {
		return v
	}
	b := []byte(escapedValue)
	for _, c := range []byte(v) {
		if lowOrDigit(rune(c)) || 'A' <= c && c <= 'Z' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b = append(b, c)
		} else {
			b = fmt.Appendf(b, "%%%02X", c)
		}
	}
	return string(b)
}

func decodeValue(s string) string {
	if body, ok := strings.CutPrefix(s, escapedValue); ok {
		if v, ok := unhex(body, '%'); ok {
			return v
		}
	}
	return s
}

// plain reports whether v survives in a header as it is.
func plain(v string) bool {
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' {
			return false
		}
	}
	return v != "" && v[0] != ' ' && v[len(v)-1] != ' '
}

// unhex replaces each mark and the two hex digits after it by their byte.
func unhex(s string, mark byte) (string, bool) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != mark {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, okHi := nibble(s[i+1])
		lo, okLo := nibble(s[i+2])
		if !okHi || !okLo {
			return "", false
		}
		b, i = append(b, hi<<4|lo), i+2
	}
	return string(b), true
}

// nibble returns the value of one hex digit.
func nibble(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
