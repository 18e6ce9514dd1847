package plainjson

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Reader walks over JSON. Its methods return false where the data is not what they read;
// then nothing is known of it, whatever they have set.
type Reader struct {
	data  []byte
	at    int
	texts *Texts
}

// Read returns a Reader of data that leaves its texts to Texts.
func Read(data []byte, texts *Texts) Reader { return Reader{data: data, texts: texts} }

// AtEnd reports whether all of the data was read.
func (r *Reader) AtEnd() bool { return r.at == len(r.data) }

// Texts gathers the texts of a record, which take one piece of memory for all: the
// collector looks at each piece of every record in flight.
type Texts struct {
	bytes []byte
	words []word
}

// word is where a text belongs, and where among the bytes it ends.
type word struct {
	to  *string
	end int
}

// Begin forgets the texts of the record before.
func (t *Texts) Begin() { t.bytes, t.words = t.bytes[:0], t.words[:0] }

// End hands out the texts.
func (t *Texts) End() {
	all, from := string(t.bytes), 0
	for _, w := range t.words {
		*w.to, from = all[from:w.end], w.end
	}
}

// Take takes what must come next.
func (r *Reader) Take(word string) bool {
	if !bytes.HasPrefix(r.data[r.at:], []byte(word)) {
		return false
	}
	r.at += len(word)
	return true
}

// next takes c if it comes next.
func (r *Reader) next(c byte) bool {
	if r.at >= len(r.data) || r.data[r.at] != c {
		return false
	}
	r.at++
	return true
}

// Members reads an object that is not empty; each reads the value of one member.
func (r *Reader) Members(each func(name []byte) bool) bool {
	if !r.next('{') {
		return false
	}
	for {
		name, ok := r.Text()
		if !ok || !r.next(':') || !each(name) {
			return false
		}
		if r.next('}') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}

// Elements reads an array that is not empty; each reads one element.
func (r *Reader) Elements(each func() bool) bool {
	if !r.next('[') {
		return false
	}
	for {
		if !each() {
			return false
		}
		if r.next(']') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}

// Pairs reads an object of texts that is not empty.
func (r *Reader) Pairs(m *map[string]string) bool {
	*m = map[string]string{}
	return r.Members(func(name []byte) bool {
		value, ok := r.Text()
		(*m)[string(name)] = string(value)
		return ok
	})
}

// Number reads a whole number of up to 18 digits.
func (r *Reader) Number(n *int64) bool {
	negative := r.next('-')
	from, v := r.at, int64(0)
	for r.at < len(r.data) && '0' <= r.data[r.at] && r.data[r.at] <= '9' {
		v = v*10 + int64(r.data[r.at]-'0')
		r.at++
	}
	digits := r.at - from
	if digits == 0 || digits > 18 || digits > 1 && r.data[from] == '0' {
		return false
	}
	if *n = v; negative {
		*n = -v
	}
	return true
}

// Word reads a text into v, which has it once Texts ended.
func (r *Reader) Word(v *string) bool {
	text, ok := r.Text()
	r.texts.bytes = append(r.texts.bytes, text...)
	r.texts.words = append(r.texts.words, word{v, len(r.texts.bytes)})
	return ok
}

// Again is Word for a text that tends to be the one before, which needs no memory then.
func Again[T ~string](r *Reader, v, last *T) bool {
	text, ok := r.Text()
	if string(text) != string(*last) {
		*last = T(text)
	}
	*v = *last
	return ok
}

// Text reads a string without escapes that is UTF-8. The result is part of data.
func (r *Reader) Text() ([]byte, bool) {
	if !r.next('"') {
		return nil, false
	}
	from := r.at
	high := r.plain()
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '"':
			text := r.data[from:r.at]
			r.at++
			return text, high < utf8.RuneSelf || utf8.Valid(text)
		case c == '\\' || c < ' ':
			return nil, false
		default:
			high |= c
		}
	}
	return nil, false
}

// plain passes over what a text may have as it is, eight bytes at a time, and returns
// utf8.RuneSelf where that is not of ASCII alone. What ends it sets the highest bit of its
// byte, as in escapes, and perhaps of one behind, but of none before.
func (r *Reader) plain() (high byte) {
	all := uint64(0)
	for r.at+8 <= len(r.data) {
		v := binary.LittleEndian.Uint64(r.data[r.at:])
		if ends := escapes(v); ends != 0 {
			n := bits.TrailingZeros64(ends) / 8
			all |= v & (1<<(8*n) - 1)
			r.at += n
			break
		}
		all |= v
		r.at += 8
	}
	if all&highs != 0 {
		return utf8.RuneSelf
	}
	return 0
}
