package memory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// block is a block of rows that is read row by row: next reads one, row makes it.
type block struct {
	stream
	packed []byte // until it is unpacked
	memory []byte // for it unpacked
	key    []byte // of the row at hand; before the first, of the last row of the block before
	first  bool   // no row of the file was read
	begun  bool   // a row of the block was read
	shapes []shape
	attrs  []string
	marks  []string
	marked bool // rows have marks: the file is not of version 1

	texts                []byte // memory of row
	of                   *shape
	hash, md5, etag, crc []byte
	size                 uint64
	src, dst             moment
	attr, mark           string
}

// moment is a time as seconds since 1970 and nanoseconds.
type moment struct{ s, ns int64 }

var errRow = errors.New("a row is not one")

// begin takes a block. before is the last key of the block before, unless it is the first.
func (b *block) begin(packed []byte, before string, first bool) {
	b.packed, b.first, b.begun = packed, first, false
	b.stream, b.key = stream{}, append(b.key[:0], before...)
	b.shapes, b.attrs, b.marks = b.shapes[:0], b.attrs[:0], b.marks[:0]
	b.src, b.dst = moment{}, moment{}
}

// next reads a row.
func (b *block) next() error {
	shared, before := 0, b.key
	if n := b.number(len(b.key)); b.begun || n == 0 {
		shared = n
	} else {
		b.bad = true // the first row of a block has its key whole
	}
	suffix := b.text()
	if b.bad || shared+len(suffix) > maxText {
		return corrupt("%w", errRow)
	}
	if !b.first && bytes.Compare(suffix, before[shared:]) <= 0 {
		return corrupt("its keys are not in order")
	}
	b.first, b.begun = false, true
	b.key = append(b.key[:shared], suffix...)
	i := b.number(len(b.shapes))
	if !b.bad && i == len(b.shapes) {
		b.shape()
	}
	if b.bad {
		return corrupt("%w", errRow)
	}
	b.of = &b.shapes[i]
	b.hash, b.md5, b.etag, b.crc = b.coded(b.of.hash), b.coded(b.of.md5), b.coded(b.of.etag), b.coded(b.of.crc)
	b.size = b.uvarint()
	b.time(b.of.src, &b.src)
	b.time(b.of.dst, &b.dst)
	b.attr = b.numbered(&b.attrs)
	if b.marked {
		b.mark = b.numbered(&b.marks)
	}
	if b.bad || b.size > 1<<62 {
		return corrupt("%w", errRow)
	}
	return nil
}

// shape reads a shape that is new in the block.
func (b *block) shape() {
	s := shape{state: ledger.State(b.text()), proof: ledger.Proof(b.text()), author: string(b.text()), prover: string(b.text())}
	how := b.bytes(6)
	if b.bad {
		return
	}
	s.hash, s.md5, s.etag, s.crc = coding(how[0]), coding(how[1]), coding(how[2]), coding(how[3])
	s.src, s.dst = clock(how[4]), clock(how[5])
	b.bad = s.hash >= codings || s.md5 >= same || s.etag >= codings || s.crc >= same || s.src >= clocks || s.dst >= clocks
	b.shapes = append(b.shapes, s)
}

// numbered reads a text that appendNumbered has written.
func (b *block) numbered(texts *[]string) string {
	if i := b.number(len(*texts)); i > 0 {
		return (*texts)[i-1]
	}
	text := string(b.text())
	if len(*texts) < manyNumbered {
		*texts = append(*texts, text)
	}
	return text
}

// coded reads the bytes of a text.
func (b *block) coded(c coding) []byte {
	switch c {
	case empty, same, loud:
		return nil
	case number:
		return b.bytes(8)
	}
	return b.text()
}

// time reads a time.
func (b *block) time(c clock, m *moment) {
	if c == never {
		return
	}
	m.s += b.varint()
	switch m.ns = 0; c {
	case ticks:
		m.ns = int64(b.number(1e7-1)) * 100
	case nanos:
		m.ns = int64(b.number(1e9 - 1))
	}
}

// row returns the row at hand. Its texts are one piece of memory.
func (b *block) row() Row {
	s := b.of
	t := append(b.texts[:0], b.key...)
	k := len(t)
	t = appendDecoded(t, s.md5, b.md5)
	m := len(t)
	t = appendHash(t, s.hash, b.hash, k, m)
	h := len(t)
	t = appendHash(t, s.etag, b.etag, k, m)
	e := len(t)
	t = appendDecoded(t, s.crc, b.crc)
	b.texts = t
	all := string(t)
	row := Row{Key: all[:k], Attrs: b.attr, State: s.state, Proof: s.proof, Author: s.author, Prover: s.prover}
	row.Src = store.Object{Key: row.Key, Size: int64(b.size), MD5: all[k:m], Hash: all[m:h]}
	row.Dst = ledger.Dst{Size: int64(b.size), ETag: all[h:e], CRC64: all[e:], Mark: b.mark}
	if s.src != never {
		row.Src.Modified = time.Unix(b.src.s, b.src.ns).UTC()
	}
	if s.dst != never {
		row.Dst.Modified = time.Unix(b.dst.s, b.dst.ns).UTC()
	}
	return row
}

// appendHash appends the text that raw stands for. Where it is the MD5, that is t[k:m].
func appendHash(t []byte, c coding, raw []byte, k, m int) []byte {
	switch c {
	case same:
		return append(t, t[k:m]...)
	case loud:
		return append(t, bytes.ToUpper(t[k:m])...)
	}
	return appendDecoded(t, c, raw)
}

// stream reads numbers and texts off data. bad is set where they are not there.
type stream struct {
	data []byte
	bad  bool
}

func (s *stream) uvarint() uint64 {
	if len(s.data) > 0 && s.data[0] < 0x80 {
		v := s.data[0]
		s.data = s.data[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(s.data)
	s.read(n)
	return v
}

// read goes on behind the n bytes of a number; 0 or less says that there was none.
func (s *stream) read(n int) {
	if n > 0 {
		s.data = s.data[n:]
		return
	}
	s.bad, s.data = true, nil
}

func (s *stream) varint() int64 {
	v, n := binary.Varint(s.data)
	s.read(n)
	return v
}

// number reads a number of at most most.
func (s *stream) number(most int) int {
	v := s.uvarint()
	if v > uint64(most) {
		s.bad = true
		return 0
	}
	return int(v)
}

// text reads a text of at most maxText bytes. It is part of the data.
func (s *stream) text() []byte { return s.bytes(s.number(maxText)) }

func (s *stream) bytes(n int) []byte {
	if n > len(s.data) {
		s.bad, s.data = true, nil
		return nil
	}
	b := s.data[:n]
	s.data = s.data[n:]
	return b
}
