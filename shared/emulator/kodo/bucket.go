package kodo

import (
	"net"
	"sync"
	"time"
)

// bucket holds objects: those of rows, over those of base where it is set.
type bucket struct {
	name    string
	s3Name  string // at the S3 interface; the server's mu guards it
	domain  string // host:port of its downloads
	ln      net.Listener
	created time.Time

	mu      sync.RWMutex
	private bool
	base    *derived
	rows    rows
	rules   []eventRule // replaced as a whole
}

// get returns the object under key, nil if there is none. Records never
// change once they are stored.
func (b *bucket) get(key string) *record {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.find(key)
}

// find is get with b.mu held.
func (b *bucket) find(key string) *record {
	if rec, ok := b.rows.get(key); ok {
		return rec
	}
	if b.base != nil {
		if i, ok := b.base.index(key); ok {
			return b.base.record(i)
		}
	}
	return nil
}

// set stores rec under key; nil deletes. b.mu is held.
func (b *bucket) set(key string, rec *record) {
	if rec == nil {
		if b.base == nil {
			b.rows.remove(key)
			return
		}
		if _, ok := b.base.index(key); !ok {
			b.rows.remove(key)
			return
		}
	}
	b.rows.set(key, rec)
}

// change replaces the object under key by what f makes of it; f gets nil where
// there is none, and returns nil to delete. Where f refuses, nothing changes.
func (b *bucket) change(key string, f func(*record) (*record, *refusal)) *refusal {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec, no := f(b.find(key))
	if no == nil {
		b.set(key, rec)
	}
	return no
}

func (b *bucket) isPrivate() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.private
}

func (b *bucket) setPrivate(private bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.private = private
}

// cursor walks a bucket's objects in key order. b.mu is held while it is used.
type cursor struct {
	b        *bucket
	chunk, i int   // the next row
	next     int64 // the next derived object
	key      []byte
}

// from returns a cursor before the first key that is key or follows it.
func (b *bucket) from(key string) *cursor {
	c := &cursor{b: b}
	c.seek(key)
	return c
}

func (c *cursor) seek(key string) {
	c.chunk, c.i = c.b.rows.seek(key)
	if c.b.base != nil {
		c.next = c.b.base.seek(key)
	}
}

// step returns the next object: its key and its record, or its index in base
// where rec is nil.
func (c *cursor) step() (key string, rec *record, index int64, ok bool) {
	for {
		r := c.b.rows.at(c.chunk, c.i)
		derivedLeft := c.b.base != nil && c.next < c.b.base.Count
		if derivedLeft {
			c.key = c.b.base.appendKey(c.key[:0], c.next)
		}
		switch {
		case r == nil && !derivedLeft:
			return "", nil, 0, false
		case r == nil || derivedLeft && string(c.key) < r.key:
			c.next++
			return string(c.key), nil, c.next - 1, true
		case derivedLeft && string(c.key) == r.key:
			c.next++
		}
		if c.i++; c.i == len(c.b.rows.chunks[c.chunk]) {
			c.chunk, c.i = c.chunk+1, 0
		}
		if r.rec != nil {
			return r.key, r.rec, 0, true
		}
	}
}
