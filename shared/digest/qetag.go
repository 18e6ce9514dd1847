// Package digest holds the hashes that prove a copy: Kodo's qetag in both
// versions, OSS's CRC64, and a Reader that lets a body's last byte out only
// when they agree.
package digest

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"hash"
)

// BlockSize is the block that qetag hashes by (Kodo, "qetag"): 4 MiB.
const BlockSize = 4 << 20

const (
	markOne   = 0x16 // one block
	markMany  = 0x96 // several blocks
	markParts = 0x9e // parts of other sizes (version 2)
)

// Qetag computes Kodo's hash of what is written to it. Make one with NewQetag.
type Qetag struct {
	v2     bool
	parts  []int64    // version 2: the parts after the one being written
	left   int64      // version 2: bytes still to come of the part being written
	block  hash.Hash  // the block being written
	fill   int64      // bytes in it
	sums   [][20]byte // finished blocks
	begin  int        // version 2: where in sums the part being written begins
	joined []byte     // version 2: the hashes of the finished parts
	last   [20]byte   // memory for Sum
}

// NewQetag returns a Qetag. parts are the sizes in bytes of the parts the
// object was uploaded in; where they are all 4 MiB but for a last one that is
// no larger, or there are none, the hash is version 1.
func NewQetag(parts []int64) *Qetag {
	q := &Qetag{block: sha1.New()}
	q.Reset(parts)
	return q
}

// Reset begins a new content.
func (q *Qetag) Reset(parts []int64) {
	q.block.Reset()
	*q = Qetag{v2: isV2(parts), block: q.block, sums: q.sums[:0], joined: q.joined[:0]}
	if q.v2 {
		q.left, q.parts = parts[0], parts[1:]
	}
}

func isV2(parts []int64) bool {
	for i, n := range parts {
		if i < len(parts)-1 && n != BlockSize || n > BlockSize {
			return true
		}
	}
	return false
}

// Write hashes p. It never fails. Of version 2, bytes beyond the last part
// count as part of it.
func (q *Qetag) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if q.v2 && q.left == 0 && len(q.parts) > 0 {
			q.endPart()
			continue
		}
		take := min(int64(len(p)), BlockSize-q.fill)
		if q.v2 && q.left > 0 {
			take = min(take, q.left)
			q.left -= take
		}
		_, _ = q.block.Write(p[:take])
		q.fill += take
		p = p[take:]
		if q.fill == BlockSize {
			q.endBlock()
		}
	}
	return n, nil
}

func (q *Qetag) endBlock() {
	var sum [20]byte
	q.block.Sum(sum[:0])
	q.sums = append(q.sums, sum)
	q.block.Reset()
	q.fill = 0
}

func (q *Qetag) endPart() {
	if q.fill > 0 {
		q.endBlock()
	}
	_, h := hashBlocks(q.sums[q.begin:])
	q.joined = append(q.joined, h[:]...)
	q.begin = len(q.sums)
	q.left, q.parts = q.parts[0], q.parts[1:]
}

// Blocks returns the SHA-1 of every block: 4 MiB each, of version 2 cut anew
// with each part. Stretches of an object that are hashed apart, on these
// steps, are joined by JoinBlocks.
func (q *Qetag) Blocks() [][20]byte {
	sums := append([][20]byte(nil), q.sums...)
	if q.fill > 0 {
		var sum [20]byte
		q.block.Sum(sum[:0])
		sums = append(sums, sum)
	}
	return sums
}

// Sum returns the hash of what was written so far, as Kodo writes it.
func (q *Qetag) Sum() string {
	if !q.v2 && len(q.sums) == 0 { // the one block, which most objects have, or none
		q.block.Sum(q.last[:0])
		return encode(markOne, q.last)
	}
	sums := q.Blocks()
	if !q.v2 {
		return encode(hashBlocks(sums))
	}
	_, h := hashBlocks(sums[q.begin:])
	return encode(markParts, sha1.Sum(append(append([]byte(nil), q.joined...), h[:]...)))
}

// hashBlocks is version 1 of a list of block hashes.
func hashBlocks(sums [][20]byte) (mark byte, h [20]byte) {
	switch len(sums) {
	case 0:
		return markOne, sha1.Sum(nil)
	case 1:
		return markOne, sums[0]
	}
	all := sha1.New()
	for i := range sums {
		_, _ = all.Write(sums[i][:])
	}
	all.Sum(h[:0])
	return markMany, h
}

func encode(mark byte, h [20]byte) string {
	var raw [1 + len(h)]byte
	var text [28]byte
	raw[0] = mark
	copy(raw[1:], h[:])
	base64.URLEncoding.Encode(text[:], raw[:])
	return string(text[:])
}

// JoinBlocks returns the qetag of an object of size bytes from the SHA-1 of
// each of its blocks, in order: blocks of 4 MiB, cut anew with each of parts
// where the hash is version 2. It fails if their number does not fit.
func JoinBlocks(blocks [][20]byte, size int64, parts []int64) (string, error) {
	bad := fmt.Errorf("%d blocks do not make an object of %d bytes in %d parts", len(blocks), size, len(parts))
	if !isV2(parts) {
		if count(size) != len(blocks) {
			return "", bad
		}
		return encode(hashBlocks(blocks)), nil
	}
	var joined []byte
	for _, n := range parts {
		k := count(n)
		if k > len(blocks) {
			return "", bad
		}
		_, h := hashBlocks(blocks[:k])
		joined = append(joined, h[:]...)
		blocks, size = blocks[k:], size-n
	}
	if len(blocks) > 0 || size != 0 {
		return "", bad
	}
	return encode(markParts, sha1.Sum(joined)), nil
}

// count is how many blocks n bytes fill.
func count(n int64) int { return int((n + BlockSize - 1) / BlockSize) }

// QetagOf returns the version 1 hash of b.
func QetagOf(b []byte) string {
	q := NewQetag(nil)
	_, _ = q.Write(b)
	return q.Sum()
}

// IsQetag reports whether s is a hash that Qetag can compute.
func IsQetag(s string) bool {
	var raw [21]byte
	if len(s) != 28 {
		return false
	}
	n, err := base64.URLEncoding.Decode(raw[:], []byte(s))
	return err == nil && n == len(raw) && (raw[0] == markOne || raw[0] == markMany || raw[0] == markParts)
}

// TakesParts reports whether the qetag s is of version 2, which can be computed
// only with the sizes of the parts that the object was uploaded in.
func TakesParts(s string) bool {
	raw, err := base64.URLEncoding.DecodeString(s)
	return err == nil && len(raw) > 0 && raw[0] == markParts
}
