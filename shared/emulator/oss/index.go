package oss

import (
	"slices"
	"strings"
)

// blockSize is how many objects a block holds at most. A block is moved
// within the cache, and ten million objects make 20,000 to 40,000 blocks.
const blockSize = 512

// index keeps the current object of every key in byte order, in a row of
// sorted blocks. Appending in order fills blocks to the brim; a full one that
// is hit in its middle is split in halves.
type index struct {
	blocks [][]*object // none is empty
	size   int
}

// seek returns where key is, or would be. The block may be one past the last.
func (x *index) seek(key string) (block, at int, found bool) {
	block, _ = slices.BinarySearchFunc(x.blocks, key, func(b []*object, key string) int {
		return strings.Compare(b[len(b)-1].key, key)
	})
	if block == len(x.blocks) {
		return block, 0, false
	}
	at, found = slices.BinarySearchFunc(x.blocks[block], key, func(o *object, key string) int {
		return strings.Compare(o.key, key)
	})
	return block, at, found
}

// get returns the object of key, nil if there is none.
func (x *index) get(key string) *object {
	if b, i, ok := x.seek(key); ok {
		return x.blocks[b][i]
	}
	return nil
}

// set makes o the object of its key.
func (x *index) set(o *object) {
	b, i, found := x.seek(o.key)
	switch {
	case found:
		x.blocks[b][i] = o
		return
	case b == len(x.blocks) && (b == 0 || len(x.blocks[b-1]) == blockSize):
		x.blocks = append(x.blocks, append(make([]*object, 0, 8), o))
	case b == len(x.blocks): // behind all: at the end of the last block
		x.blocks[b-1] = append(x.blocks[b-1], o)
	case len(x.blocks[b]) < blockSize:
		x.blocks[b] = slices.Insert(x.blocks[b], i, o)
	default:
		half := blockSize / 2
		right := append(make([]*object, 0, blockSize), x.blocks[b][half:]...)
		clear(x.blocks[b][half:])
		x.blocks[b] = x.blocks[b][:half]
		x.blocks = slices.Insert(x.blocks, b+1, right)
		if i > half {
			b, i = b+1, i-half
		}
		x.blocks[b] = slices.Insert(x.blocks[b], i, o)
	}
	x.size++
}

// remove takes key out.
func (x *index) remove(key string) {
	b, i, found := x.seek(key)
	if !found {
		return
	}
	x.size--
	if x.blocks[b] = slices.Delete(x.blocks[b], i, i+1); len(x.blocks[b]) == 0 {
		x.blocks = slices.Delete(x.blocks, b, b+1)
	}
}

// cursor walks an index that does not change meanwhile.
type cursor struct {
	x         *index
	block, at int
}

// from returns a cursor at the first key that is key or behind it.
func (x *index) from(key string) cursor {
	b, i, _ := x.seek(key)
	return cursor{x, b, i}
}

// object returns where the cursor is, nil behind the last.
func (c *cursor) object() *object {
	if c.block >= len(c.x.blocks) {
		return nil
	}
	return c.x.blocks[c.block][c.at]
}

// next moves on by one.
func (c *cursor) next() {
	if c.at++; c.at == len(c.x.blocks[c.block]) {
		c.block, c.at = c.block+1, 0
	}
}

// past returns the first string behind all that begin with prefix; ok is
// false where there is none.
func past(prefix string) (after string, ok bool) {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1}), true
		}
	}
	return "", false
}
