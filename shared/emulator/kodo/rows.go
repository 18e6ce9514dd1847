package kodo

import (
	"slices"
	"sort"
	"strings"
)

// chunkSize is how many rows a chunk holds before it is split.
const chunkSize = 512

// row is one key. rec is nil where a derived key was deleted.
type row struct {
	key string
	rec *record
}

// rows keeps rows in byte order of their keys, in chunks, so that setting one
// moves at most a chunk and seeking is a binary search.
type rows struct{ chunks [][]row }

// seek returns the place of the first row whose key is key or follows it.
func (t *rows) seek(key string) (chunk, i int) {
	chunk = sort.Search(len(t.chunks), func(c int) bool { return t.chunks[c][0].key > key }) - 1
	if chunk < 0 {
		return 0, 0
	}
	i, _ = slices.BinarySearchFunc(t.chunks[chunk], key, func(r row, key string) int { return strings.Compare(r.key, key) })
	if i == len(t.chunks[chunk]) {
		return chunk + 1, 0
	}
	return chunk, i
}

// at returns the row at a place, nil beyond the last.
func (t *rows) at(chunk, i int) *row {
	if chunk >= len(t.chunks) {
		return nil
	}
	return &t.chunks[chunk][i]
}

func (t *rows) get(key string) (rec *record, ok bool) {
	if r := t.at(t.seek(key)); r != nil && r.key == key {
		return r.rec, true
	}
	return nil, false
}

func (t *rows) set(key string, rec *record) {
	c, i := t.seek(key)
	if r := t.at(c, i); r != nil && r.key == key {
		r.rec = rec
		return
	}
	switch {
	case len(t.chunks) == 0:
		t.chunks = [][]row{{{key, rec}}}
		return
	case i == 0 && c > 0: // append to the chunk before, so that ascending keys fill chunks
		c--
		i = len(t.chunks[c])
	}
	t.chunks[c] = slices.Insert(t.chunks[c], i, row{key, rec})
	if n := len(t.chunks[c]); n > chunkSize {
		cut := n / 2
		if i == n-1 {
			cut = n - 1 // ascending keys leave full chunks behind
		}
		right := append(make([]row, 0, chunkSize+1), t.chunks[c][cut:]...)
		t.chunks[c] = slices.Delete(t.chunks[c], cut, n)
		t.chunks = slices.Insert(t.chunks, c+1, right)
	}
}

func (t *rows) remove(key string) {
	c, i := t.seek(key)
	if r := t.at(c, i); r == nil || r.key != key {
		return
	}
	t.chunks[c] = slices.Delete(t.chunks[c], i, i+1)
	if len(t.chunks[c]) == 0 {
		t.chunks = slices.Delete(t.chunks, c, c+1)
	}
}
