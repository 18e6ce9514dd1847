package memory

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"kodoferry/shared/ledger"
)

// magic begins a file of rows; its last byte is the version of the format. In a file of
// version 1 no row has a mark, and up to version 2 there is no index.
const magic = "FRYROWS\x03"

const (
	// blockBytes is how many bytes of rows make a block full: as many as are unpacked,
	// or passed over, at a time.
	blockBytes = 64 << 10
	// maxBlock bounds a block unpacked, in bytes.
	maxBlock = 1 << 20
	// maxText bounds a text of a row, in bytes: keys have at most 1,023.
	maxText = 16 << 10
)

// Writer packs the rows of one shard that a later run may believe, in key order. It
// holds the packed file in memory. FORMATS.md of the ledger says how a file is made.
type Writer struct {
	out   []byte
	rows  int64
	index []byte // of the blocks so far
	at    int64  // where the index begins, once it is written

	block    []byte
	inBlock  int
	first    string // key of the first row
	key      string // of the row before
	src, dst int64  // seconds, or ticks, of the row before
	shapes   []shape
	attrs    []string
	marks    []string
}

// NewWriter returns a Writer of rows that are kept with run.
func NewWriter(run string) *Writer {
	w := &Writer{out: []byte(magic)}
	w.out = appendText(w.out, run)
	w.index = appendText(w.index, run)
	return w
}

// shape is what nearly all rows of a block have in common.
type shape struct {
	state          ledger.State
	proof          ledger.Proof
	author, prover string

	hash, md5, etag coding
	crc             coding
	src, dst        clock
}

// coding says how a text is written.
type coding byte

const (
	empty  coding = iota
	plain         // as it is
	lower         // the bytes that it is the hex of, in lower case
	upper         // the same in upper case
	base64        // the bytes that it is the base64 of (RFC 4648, section 5, without padding)
	number        // a decimal of 64 bits, in 8 bytes
	same          // the text is the MD5
	loud          // the text is the MD5 in upper case
	codings
)

// clock says how a time is written.
type clock byte

const (
	never   clock = iota
	seconds       // since the row before
	ticks         // of 100 ns, since the row before
	nanos         // seconds since 1970, and nanoseconds
	clocks
)

// Rows is how many rows were added.
func (w *Writer) Rows() int64 { return w.rows }

// Add adds a row. One that is not behind the row before, or that has a text of over
// 16 KiB, is left out: a later run does without it.
func (w *Writer) Add(row Row) {
	if w.rows > 0 && row.Key <= w.key || !writable(row) {
		return
	}
	if w.rows == 0 {
		w.first = row.Key
	}
	w.rows++
	w.inBlock++
	shared := 0
	for n := min(len(w.key), len(row.Key)); w.inBlock > 1 && shared < n && w.key[shared] == row.Key[shared]; {
		shared++
	}
	w.key = row.Key
	b := binary.AppendUvarint(w.block, uint64(shared))
	b = appendText(b, row.Key[shared:])
	s := shapeOf(row)
	b = w.appendShape(b, s)
	b = appendCoded(b, s.hash, row.Src.Hash)
	b = appendCoded(b, s.md5, row.Src.MD5)
	b = appendCoded(b, s.etag, row.Dst.ETag)
	b = appendCoded(b, s.crc, row.Dst.CRC64)
	b = binary.AppendUvarint(b, uint64(row.Dst.Size))
	b, w.src = appendTime(b, s.src, row.Src.Modified, w.src)
	b, w.dst = appendTime(b, s.dst, row.Dst.Modified, w.dst)
	b = appendNumbered(b, &w.attrs, row.Attrs)
	w.block = appendNumbered(b, &w.marks, row.Dst.Mark)
	if len(w.block) >= blockBytes {
		w.flush()
	}
}

func writable(row Row) bool {
	longest := 0
	for _, s := range [...]string{row.Key, row.Src.Hash, row.Src.MD5, row.Dst.ETag, row.Dst.CRC64, row.Attrs, row.Dst.Mark, string(row.State), string(row.Proof), row.Author, row.Prover} {
		longest = max(longest, len(s))
	}
	return longest <= maxText && row.Dst.Size >= 0
}

// appendShape appends the number of a shape in the block, and a new one as it is.
func (w *Writer) appendShape(b []byte, s shape) []byte {
	i := slices.Index(w.shapes, s)
	if i >= 0 {
		return binary.AppendUvarint(b, uint64(i))
	}
	b = binary.AppendUvarint(b, uint64(len(w.shapes)))
	w.shapes = append(w.shapes, s)
	for _, text := range [...]string{string(s.state), string(s.proof), s.author, s.prover} {
		b = appendText(b, text)
	}
	return append(b, byte(s.hash), byte(s.md5), byte(s.etag), byte(s.crc), byte(s.src), byte(s.dst))
}

// manyNumbered is how many digests of attributes a block numbers, and how many marks.
const manyNumbered = 64

// appendNumbered appends the number of a text in the block, from 1 on, or 0 and the text as
// it is. The first ones are numbered.
func appendNumbered(b []byte, texts *[]string, text string) []byte {
	if i := slices.Index(*texts, text); i >= 0 {
		return binary.AppendUvarint(b, uint64(i+1))
	}
	if len(*texts) < manyNumbered {
		*texts = append(*texts, text)
	}
	return appendText(append(b, 0), text)
}

// flush packs the block.
func (w *Writer) flush() {
	if w.inBlock == 0 {
		return
	}
	began := len(w.out)
	w.out = binary.AppendUvarint(w.out, uint64(w.inBlock))
	w.out = appendText(w.out, w.key)
	packed := s2.Encode(nil, w.block)
	w.out = binary.AppendUvarint(w.out, uint64(len(packed)))
	w.out = append(w.out, packed...)
	w.index = appendEntry(w.index, w.key, int64(began), w.out[began:])
	w.block, w.inBlock, w.shapes, w.attrs = w.block[:0], 0, w.shapes[:0], w.attrs[:0]
	w.marks = w.marks[:0]
	w.src, w.dst = 0, 0
}

// Finish returns the packed file and its SHA-256, in hex.
func (w *Writer) Finish() (data []byte, sum string) {
	w.flush()
	w.out = append(w.out, 0)
	w.out = binary.AppendUvarint(w.out, uint64(w.rows))
	w.at = int64(len(w.out))
	w.out = binary.LittleEndian.AppendUint32(append(w.out, w.index...), crc32.Checksum(w.index, castagnoli))
	h := sha256.Sum256(w.out)
	return w.out, hex.EncodeToString(h[:])
}

func appendText[T ~string](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func shapeOf(row Row) shape {
	s := shape{
		state: row.State, proof: row.Proof, author: row.Author, prover: row.Prover,
		hash: besideMD5(row.Src.Hash, row.Src.MD5), md5: codingOf(row.Src.MD5), etag: besideMD5(row.Dst.ETag, row.Src.MD5), crc: empty,
		src: clockOf(row.Src.Modified), dst: clockOf(row.Dst.Modified),
	}
	if crc := row.Dst.CRC64; crc != "" {
		if s.crc = plain; isNumber(crc) {
			s.crc = number
		}
	}
	return s
}

func clockOf(t time.Time) clock {
	switch n := t.Nanosecond(); {
	case t.IsZero():
		return never
	case n == 0:
		return seconds
	case n%100 == 0:
		return ticks
	}
	return nanos
}

func appendTime(b []byte, c clock, t time.Time, before int64) (_ []byte, now int64) {
	switch c {
	case seconds:
		return binary.AppendVarint(b, t.Unix()-before), t.Unix()
	case ticks:
		s := t.Unix()
		b = binary.AppendVarint(b, s-before)
		return binary.AppendUvarint(b, uint64(t.Nanosecond()/100)), s
	case nanos:
		s := t.Unix()
		b = binary.AppendVarint(b, s-before)
		return binary.AppendUvarint(b, uint64(t.Nanosecond())), s
	}
	return b, before
}
