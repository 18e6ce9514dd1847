package ledger

import (
	"bytes"
	"unicode/utf8"

	"kodoferry/shared/store"
)

// scanRow reads a row into r, which is empty, as appendRow writes it, without
// white space, escapes or members that it does not know. It reports false for
// anything else; then nothing is known of it, whatever r has come to hold.
func scanRow(line []byte, known *recurring, r *Row) bool {
	known.begin()
	s := scanner{data: line, known: known}
	found := false
	ok := s.members(func(name []byte) bool {
		switch string(name) {
		case "src":
			twice := found
			found = true
			return !twice && s.object(&r.Src)
		case "dst":
			if r.Dst != nil {
				return false
			}
			r.Dst = &Dst{}
			return s.dst(r.Dst)
		case "state":
			return again(&s, &r.State, &known.state)
		case "verdict":
			return again(&s, &r.Verdict, &known.verdict)
		case "proof":
			return again(&s, &r.Proof, &known.proof)
		case "reason":
			return again(&s, &r.Reason, &known.reason)
		case "cause":
			return again(&s, &r.Cause, &known.cause)
		case "warnings":
			return s.warnings(&r.Warnings)
		case "grew":
			return s.number(&r.Grew)
		case "tries":
			n := int64(0)
			ok := s.number(&n)
			r.Tries = int(n)
			return ok
		case "waits":
			n := int64(0)
			ok := s.number(&n)
			r.Waits = int(n)
			return ok
		case "part_size":
			return s.number(&r.PartSize)
		case "read":
			return s.word(&r.Read)
		case "at":
			text, ok := s.text()
			return ok && r.At.UnmarshalText(text) == nil
		}
		return false
	})
	known.end()
	return ok && s.at == len(line)
}

// recurring holds the last of each text that tends to be the one before, and
// gathers the other texts of a row, which take one piece of memory for all: the
// collector looks at each piece of every row in flight.
type recurring struct {
	texts []byte
	words []word

	kind    string
	class   store.Class
	state   State
	verdict Verdict
	proof   Proof
	reason  string
	cause   Cause
}

// word is where a text belongs, and where among the texts it ends.
type word struct {
	to  *string
	end int
}

func (k *recurring) begin() { k.texts, k.words = k.texts[:0], k.words[:0] }

// end hands out the texts.
func (k *recurring) end() {
	all, from := string(k.texts), 0
	for _, w := range k.words {
		*w.to, from = all[from:w.end], w.end
	}
}

// scanner walks over JSON without white space. Its methods return false where
// the data is not what they read.
type scanner struct {
	data  []byte
	at    int
	known *recurring
}

func (s *scanner) object(o *store.Object) bool {
	return s.members(func(name []byte) bool {
		switch string(name) {
		case "key":
			return s.word(&o.Key)
		case "size":
			return s.number(&o.Size)
		case "hash":
			return s.word(&o.Hash)
		case "md5":
			return s.word(&o.MD5)
		case "crc64":
			return s.word(&o.CRC64)
		case "parts":
			return o.Parts == nil && s.elements(func() bool {
				n := int64(0)
				ok := s.number(&n)
				o.Parts = append(o.Parts, n)
				return ok
			})
		case "modified":
			text, ok := s.text()
			return ok && o.Modified.UnmarshalText(text) == nil
		case "type":
			return again(s, &o.Type, &s.known.kind)
		case "header":
			return o.Header == nil && s.pairs(&o.Header)
		case "meta":
			return o.Meta == nil && s.pairs(&o.Meta)
		case "class":
			return again(s, &o.Class, &s.known.class)
		case "disabled":
			o.Disabled = true
			return s.take("true")
		case "frozen":
			o.Frozen = true
			return s.take("true")
		case "warnings":
			return s.warnings(&o.Warnings)
		}
		return false
	})
}

func (s *scanner) warnings(all *[]string) bool {
	return *all == nil && s.elements(func() bool {
		text, ok := s.text()
		*all = append(*all, string(text))
		return ok
	})
}

func (s *scanner) dst(d *Dst) bool {
	return s.members(func(name []byte) bool {
		switch string(name) {
		case "etag":
			return s.word(&d.ETag)
		case "crc64":
			return s.word(&d.CRC64)
		case "size":
			return s.number(&d.Size)
		case "modified":
			text, ok := s.text()
			return ok && d.Modified.UnmarshalText(text) == nil
		}
		return false
	})
}

// take takes what must come next.
func (s *scanner) take(word string) bool {
	if !bytes.HasPrefix(s.data[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

// next takes c if it comes next.
func (s *scanner) next(c byte) bool {
	if s.at >= len(s.data) || s.data[s.at] != c {
		return false
	}
	s.at++
	return true
}

// members reads an object that is not empty; each reads the value of one member.
func (s *scanner) members(each func(name []byte) bool) bool {
	if !s.next('{') {
		return false
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

// elements reads an array that is not empty; each reads one element.
func (s *scanner) elements(each func() bool) bool {
	if !s.next('[') {
		return false
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

func (s *scanner) pairs(m *map[string]string) bool {
	*m = map[string]string{}
	return s.members(func(name []byte) bool {
		value, ok := s.text()
		(*m)[string(name)] = string(value)
		return ok
	})
}

// number reads a whole number of up to 18 digits.
func (s *scanner) number(n *int64) bool {
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
	if *n = v; negative {
		*n = -v
	}
	return true
}

func (s *scanner) word(v *string) bool {
	text, ok := s.text()
	s.known.texts = append(s.known.texts, text...)
	s.known.words = append(s.known.words, word{v, len(s.known.texts)})
	return ok
}

// again is word for a text that tends to be the one before, which needs no memory then.
func again[T ~string](s *scanner, v, last *T) bool {
	text, ok := s.text()
	if string(text) != string(*last) {
		*last = T(text)
	}
	*v = *last
	return ok
}

// text reads a string without escapes that is UTF-8. The result is part of data.
func (s *scanner) text() ([]byte, bool) {
	if !s.next('"') {
		return nil, false
	}
	from, high := s.at, byte(0)
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			text := s.data[from:s.at]
			s.at++
			return text, high < utf8.RuneSelf || utf8.Valid(text)
		case c == '\\' || c < ' ':
			return nil, false
		default:
			high |= c
		}
	}
	return nil, false
}
