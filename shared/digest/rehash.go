package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"strconv"
)

// Rehash computes the hash that an object must have of what is written to it, in a
// memory that does not grow, and can be laid down at any byte and taken up by another
// process. Make one with NewRehash or TakeUp.
type Rehash struct {
	want  Want
	read  int64
	md5   hash.Hash // nil where another is computed
	crc   uint64    // of what was read, where neither md5 nor block is there
	block hash.Hash // the block being written; nil where no qetag is computed
	fill  int64     // bytes in it

	// Of the qetag, or of the part being written where it is of version 2:
	blocks int64    // finished
	first  [20]byte // the hash of the first
	outer  hash.Hash

	part   int       // version 2: which of want.Parts is being written
	left   int64     // version 2: bytes still to come of it
	joined hash.Hash // version 2: of the hashes of the finished parts; nil in version 1
}

// NewRehash returns what computes the qetag of want where that is one, else the MD5, or
// where there is none the CRC64.
func NewRehash(want Want) *Rehash {
	r := &Rehash{want: want}
	switch {
	case IsQetag(want.Qetag):
		r.block, r.outer = sha1.New(), sha1.New()
		if isV2(want.Parts) {
			r.joined, r.left = sha1.New(), want.Parts[0]
		}
	case want.MD5 != "" || want.CRC64 == "":
		r.md5 = md5.New()
	}
	return r
}

// BytesRead is how many bytes were written to it.
func (r *Rehash) BytesRead() int64 { return r.read }

// Write hashes p. It never fails.
func (r *Rehash) Write(p []byte) (int, error) {
	n := len(p)
	r.read += int64(n)
	switch {
	case r.md5 != nil:
		return r.md5.Write(p)
	case r.block == nil:
		r.crc = CRC64(r.crc, p)
		return n, nil
	}
	for len(p) > 0 {
		if r.joined != nil && r.left == 0 && r.part+1 < len(r.want.Parts) {
			r.endPart()
			continue
		}
		take := min(int64(len(p)), BlockSize-r.fill)
		if r.joined != nil && r.left > 0 {
			take = min(take, r.left)
			r.left -= take
		}
		_, _ = r.block.Write(p[:take])
		r.fill += take
		if p = p[take:]; r.fill == BlockSize {
			r.endBlock()
		}
	}
	return n, nil
}

func (r *Rehash) endBlock() {
	var sum [20]byte
	r.block.Sum(sum[:0])
	if r.blocks == 0 {
		r.first = sum
	}
	_, _ = r.outer.Write(sum[:])
	r.blocks++
	r.block.Reset()
	r.fill = 0
}

// ofBlocks is version 1 of the blocks of a part, or of the whole.
func (r *Rehash) ofBlocks() (mark byte, h [20]byte) {
	if r.fill > 0 || r.blocks == 0 {
		r.endBlock()
	}
	if r.blocks == 1 {
		return markOne, r.first
	}
	r.outer.Sum(h[:0])
	return markMany, h
}

func (r *Rehash) endPart() {
	_, h := r.ofBlocks()
	_, _ = r.joined.Write(h[:])
	r.blocks = 0
	r.outer.Reset()
	r.part++
	r.left = r.want.Parts[r.part]
}

// Compare compares the hash of all that was written, which nothing may follow. It
// returns which hash that is, "qetag", "md5" or "crc", and a *Mismatch where it is another.
func (r *Rehash) Compare() (what string, err error) {
	what, want, got := "qetag", r.want.Qetag, ""
	switch {
	case r.md5 != nil:
		what, want, got = "md5", r.want.MD5, hex.EncodeToString(r.md5.Sum(nil))
	case r.block == nil:
		what, want, got = "crc", r.want.CRC64, strconv.FormatUint(r.crc, 10)
	case r.joined != nil:
		_, h := r.ofBlocks()
		_, _ = r.joined.Write(h[:])
		var all [20]byte
		r.joined.Sum(all[:0])
		got = encode(markParts, all)
	default:
		got = encode(r.ofBlocks())
	}
	if got != want {
		return what, &Mismatch{What: what, Got: got, Want: want}
	}
	return what, nil
}

// laid is a Rehash as a text.
type laid struct {
	Read   int64  `json:"read"`
	MD5    []byte `json:"md5,omitempty"`
	CRC    uint64 `json:"crc,omitempty"`
	Block  []byte `json:"block,omitempty"`
	Fill   int64  `json:"fill,omitempty"`
	Blocks int64  `json:"blocks,omitempty"`
	First  []byte `json:"first,omitempty"`
	Outer  []byte `json:"outer,omitempty"`
	Part   int    `json:"part,omitempty"`
	Left   int64  `json:"left,omitempty"`
	Parts  []byte `json:"parts,omitempty"`
}

// LayDown returns how far r is, for TakeUp: some hundred bytes.
func (r *Rehash) LayDown() string {
	state := func(h hash.Hash) []byte {
		if h == nil {
			return nil
		}
		b, _ := h.(encoding.BinaryMarshaler).MarshalBinary() // SHA-1 and MD5 are, and do not fail
		return b
	}
	text, _ := json.Marshal(laid{
		Read: r.read, MD5: state(r.md5), CRC: r.crc, Block: state(r.block), Fill: r.fill, Blocks: r.blocks, First: r.first[:],
		Outer: state(r.outer), Part: r.part, Left: r.left, Parts: state(r.joined),
	})
	return string(text)
}

var errLaid = errors.New("this is not how far an object is hashed")

// TakeUp returns what LayDown laid down for the same want; from "" what NewRehash
// returns. An error says that text cannot be that.
func TakeUp(want Want, text string) (*Rehash, error) {
	r := NewRehash(want)
	if text == "" {
		return r, nil
	}
	var l laid
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return nil, errLaid
	}
	for _, of := range []struct {
		h     hash.Hash
		state []byte
	}{{r.md5, l.MD5}, {r.block, l.Block}, {r.outer, l.Outer}, {r.joined, l.Parts}} {
		if of.h == nil && of.state == nil {
			continue
		}
		u, ok := of.h.(encoding.BinaryUnmarshaler)
		if !ok || u.UnmarshalBinary(of.state) != nil {
			return nil, errLaid
		}
	}
	if l.Read < 0 || l.Read > want.Size || len(l.First) != len(r.first) || r.block != nil && !l.fits(r) {
		return nil, errLaid
	}
	r.read, r.crc, r.fill, r.blocks, r.part, r.left = l.Read, l.CRC, l.Fill, l.Blocks, l.Part, l.Left
	copy(r.first[:], l.First)
	return r, nil
}

// fits reports whether blocks and parts, of what computes a qetag, come to the bytes that
// were read.
func (l laid) fits(r *Rehash) bool {
	inPart, left := l.Read, int64(0)
	if r.joined != nil {
		if l.Part < 0 || l.Part >= len(r.want.Parts) {
			return false
		}
		for _, n := range r.want.Parts[:l.Part] {
			inPart -= n
		}
		left = max(0, r.want.Parts[l.Part]-inPart)
	}
	return inPart >= 0 && l.Blocks == inPart/BlockSize && l.Fill == inPart%BlockSize && l.Left == left
}
