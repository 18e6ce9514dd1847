package kodo

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep the members may be nested that nobody needs.
const maxDepth = 8

// scanner walks over JSON. Its methods return false where the data is not what
// they read.
type scanner struct {
	data  []byte
	at    int
	mime  string  // the last one: neighbours tend to share it
	meta  []pair  // memory
	parts []int64 // memory
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// next takes c, and space before it.
func (s *scanner) next(c byte) bool {
	if s.at < len(s.data) && s.data[s.at] <= ' ' {
		s.space()
	}
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

// members reads an object; each reads the value of one member.
func (s *scanner) members(each func(name []byte) bool) bool {
	if !s.next('{') {
		return false
	}
	if s.next('}') {
		return true
	}
	for {
		name, ok := s.text()
		if !ok || !s.next(':') || !each(name) {
			return false
		}
		if s.next('}') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

// elements reads an array; each reads one element.
func (s *scanner) elements(each func() bool) bool {
	if !s.next('[') {
		return false
	}
	if s.next(']') {
		return true
	}
	for {
		if !each() {
			return false
		}
		if s.next(']') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

// literal takes one of true, false and null.
func (s *scanner) literal(word string) bool {
	s.space()
	if s.at+len(word) <= len(s.data) && string(s.data[s.at:s.at+len(word)]) == word {
		s.at += len(word)
		return true
	}
	return false
}

func (s *scanner) null() bool { return s.literal("null") }

// number reads a whole number of up to 18 digits; null leaves n as it is.
func (s *scanner) number(n *int64) bool {
	if s.null() {
		return true
	}
	negative := s.next('-')
	from, v := s.at, int64(0)
	for s.at < len(s.data) && '0' <= s.data[s.at] && s.data[s.at] <= '9' {
		v = v*10 + int64(s.data[s.at]-'0')
		s.at++
	}
	digits := s.at - from
	if digits == 0 || digits > 18 || digits > 1 && s.data[from] == '0' {
		return false
	}
	if s.at < len(s.data) && (s.data[s.at] == '.' || s.data[s.at]|0x20 == 'e') {
		return false
	}
	if negative {
		v = -v
	}
	*n = v
	return true
}

// word reads a string; null leaves v as it is.
func (s *scanner) word(v *string) bool {
	if s.null() {
		return true
	}
	b, ok := s.text()
	*v = string(b)
	return ok
}

// often is word for a string that tends to be the one before.
func (s *scanner) often(v *string) bool {
	if s.null() {
		return true
	}
	b, ok := s.text()
	if string(b) != s.mime {
		s.mime = string(b)
	}
	*v = s.mime
	return ok
}

// text reads a string that is UTF-8. The result may be part of data.
func (s *scanner) text() ([]byte, bool) {
	if !s.next('"') {
		return nil, false
	}
	from := s.at
	high := s.plain()
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			b := s.data[from:s.at]
			s.at++
			return b, high < utf8.RuneSelf || utf8.Valid(b)
		case c == '\\':
			return s.escaped(from)
		case c < ' ':
			return nil, false
		default:
			high |= c
		}
	}
	return nil, false
}

// plain passes over what a string may have as it is, eight bytes at a time, and returns all
// of it together. A byte of a word is below n, or is c, where that sets its highest bit (Bit
// Twiddling Hacks, "hasless" and "haszero"); so may it that of one behind, but of none before.
func (s *scanner) plain() (high byte) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	all := uint64(0)
	for s.at+8 <= len(s.data) {
		v := binary.LittleEndian.Uint64(s.data[s.at:])
		quote, slash := v^'"'*ones, v^'\\'*ones
		if ends := ((v-' '*ones)&^v | (quote-ones)&^quote | (slash-ones)&^slash) & highs; ends != 0 {
			n := bits.TrailingZeros64(ends) / 8
			all |= v & (1<<(8*n) - 1)
			s.at += n
			break
		}
		all |= v
		s.at += 8
	}
	if all&highs != 0 {
		return utf8.RuneSelf
	}
	return 0
}

// escaped reads the rest of a string that began at from and holds a backslash.
func (s *scanner) escaped(from int) ([]byte, bool) {
	out := slices.Clone(s.data[from:s.at])
	for s.at < len(s.data) {
		c := s.data[s.at]
		s.at++
		switch {
		case c == '"':
			return out, utf8.Valid(out)
		case c < ' ':
			return nil, false
		case c != '\\':
			out = append(out, c)
			continue
		}
		if s.at == len(s.data) {
			return nil, false
		}
		c = s.data[s.at]
		s.at++
		if c == 'u' {
			r, ok := s.unicode()
			if !ok {
				return nil, false
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return nil, false
		}
		out = append(out, "\"\\/\b\f\n\r\t"[i])
	}
	return nil, false
}

// unicode reads what follows \u. Half of a pair without the other is no text.
func (s *scanner) unicode() (rune, bool) {
	r, ok := s.hex4()
	switch {
	case !ok, r >= 0xDC00 && r < 0xE000:
		return 0, false
	case r < 0xD800 || r >= 0xE000:
		return r, true
	}
	if s.at+2 > len(s.data) || s.data[s.at] != '\\' || s.data[s.at+1] != 'u' {
		return 0, false
	}
	s.at += 2
	low, ok := s.hex4()
	return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), ok && low >= 0xDC00 && low < 0xE000
}

func (s *scanner) hex4() (r rune, ok bool) {
	if s.at+4 > len(s.data) {
		return 0, false
	}
	for _, c := range s.data[s.at : s.at+4] {
		r <<= 4
		switch {
		case '0' <= c && c <= '9':
			r |= rune(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r |= rune(c|0x20-'a') + 10
		default:
			return 0, false
		}
	}
	s.at += 4
	return r, true
}

// skip passes over a value that is not needed.
func (s *scanner) skip(depth int) bool {
	s.space()
	if s.at == len(s.data) || depth > maxDepth {
		return false
	}
	switch s.data[s.at] {
	case '"':
		_, ok := s.text()
		return ok
	case '{':
		return s.members(func([]byte) bool { return s.skip(depth + 1) })
	case '[':
		return s.elements(func() bool { return s.skip(depth + 1) })
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.null()
	}
	from := s.at
	for s.at < len(s.data) && strings.IndexByte("+-.0123456789eE", s.data[s.at]) >= 0 {
		s.at++
	}
	return json.Valid(s.data[from:s.at])
}
