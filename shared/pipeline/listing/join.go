// Package listing walks buckets in key order: two side by side, from any key on, in
// parts. It reads sources and knows neither runs nor records.
//
//	join.go      Join: what both sides list under one key; Cursor: one listing
//	rename.go    a target under the keys of the source
//	named.go     a source whose listing is a list of keys
//	anchored.go  a source that can only be listed from a key that exists
//	memory.go    Memory: how many are walked side by side, by what they hold
//	ahead.go     the beginning of a listing, before it is known whether it is wanted
//	cut.go       Cut: stretches of what a walk left
//	split.go     Split: ranges of what is left of a listing; plan.go has where it looks for
//	             their borders, ruler.go reads keys as numbers for it, by the characters of
//	             scale.go
//	border.go    the keys at which a listing may be cut
//	beside.go    what a bucket has near a prefix that has nothing
package listing

import (
	"context"
	"iter"
	"sync"
	"unicode/utf8"

	"kodoferry/shared/store"
)

// Pair is what both sides list under one key: at least one of them. What Join yields holds
// until it yields the next one.
type Pair struct {
	Src, Dst *store.Object
}

// Kept returns the pair as one that holds for good.
func (p Pair) Kept() Pair {
	kept := func(o *store.Object) *store.Object {
		if o == nil {
			return nil
		}
		k := *o
		return &k
	}
	return Pair{kept(p.Src), kept(p.Dst)}
}

// Key is the key, by the name that the source has for it.
func (p Pair) Key() string {
	if p.Src != nil {
		return p.Src.Key
	}
	return p.Dst.Key
}

// Lister lists a range of a bucket from a key on; from the beginning of the range if
// after is "".
type Lister func(after string) iter.Seq2[store.Object, error]

// From returns the Lister of a range of b.
func From(ctx context.Context, b store.Source, in store.Range) Lister {
	return func(after string) iter.Seq2[store.Object, error] {
		in.After = max(in.After, after)
		return b.List(ctx, in)
	}
}

// Join walks two listings in key order. It yields every source object, and the
// objects that only the target has if extras are wanted. The first error of either
// listing ends it.
func Join(src, dst Lister, extras bool) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		opened := make(chan *Cursor, 1)
		go func() { opened <- Open(dst) }()
		target := sync.OnceValue(func() *Cursor { return <-opened })
		defer func() { target().Stop() }()
		var s store.Object            // which all pairs have
		for o, err := range src("") { // a Cursor would take as long as all else that is done here
			if err != nil {
				yield(Pair{}, err)
				return
			}
			s = o
			if !joined(&s, target(), extras, yield) {
				return
			}
		}
		d := target()
		if extras && !d.passOver(func(string) bool { return true }, yield) {
			return
		}
		if d.Err != nil {
			yield(Pair{}, d.Err)
		}
	}
}

// joined yields an object of the source with that of the target, behind those that only the
// target has before it if extras are wanted, and reports whether to go on.
func joined(s *store.Object, d *Cursor, extras bool, yield func(Pair, error) bool) bool {
	if !extras {
		d.Seek(s.Key)
	} else if !d.passOver(func(key string) bool { return key < s.Key }, yield) {
		return false
	}
	switch {
	case d.Err != nil:
		yield(Pair{}, d.Err)
		return false
	case !d.OK || d.Object.Key != s.Key:
		return yield(Pair{Src: s}, nil)
	case !yield(Pair{Src: s, Dst: &d.Object}, nil):
		return false
	}
	d.Next()
	return true
}

// passOver yields the target's objects as long as their keys lie before what is looked for,
// and reports whether to go on.
func (c *Cursor) passOver(before func(key string) bool, yield func(Pair, error) bool) bool {
	for c.OK && before(c.Object.Key) {
		if !yield(Pair{Dst: &c.Object}, nil) {
			return false
		}
		c.Next()
	}
	return true
}

// Cursor is a listing and its current object. It is not safe for concurrent use.
type Cursor struct {
	Object store.Object
	OK     bool  // there is an object: false at the end, and after an error
	Err    error // what ended the listing, nil at its end

	list Lister
	pull func() (store.Object, error, bool)
	end  func() // of the iteration under way
}

// Open returns a Cursor at the first object of a listing. The caller stops it.
func Open(l Lister) *Cursor {
	c := &Cursor{list: l}
	c.start("")
	return c
}

// OpenBoth opens two listings at the same time.
func OpenBoth(src, dst Lister) (s, d *Cursor) {
	opened := make(chan *Cursor)
	go func() { opened <- Open(dst) }()
	s = Open(src)
	return s, <-opened
}

func (c *Cursor) start(after string) {
	c.pull, c.end = iter.Pull2(c.list(after))
	c.Next()
}

// Stop ends the listing.
func (c *Cursor) Stop() { c.end() }

// Next goes on to the next object.
func (c *Cursor) Next() {
	c.Object, c.Err, c.OK = c.pull()
	c.OK = c.OK && c.Err == nil
}

// skipAfter is how many objects Seek passes over one by one: two pages.
const skipAfter = 2 * store.KeysPerPage

// Seek moves to the first object at or behind key. Behind skipAfter objects that are
// passed over the listing begins anew at key.
func (c *Cursor) Seek(key string) {
	for n := 0; c.OK && c.Object.Key < key; n++ {
		if n == skipAfter {
			if near := before(key); near > c.Object.Key {
				c.end()
				c.start(near)
				continue
			}
		}
		c.Next()
	}
}

// before returns a key below key with as little as possible in between.
func before(key string) string {
	r, n := utf8.DecodeLastRuneInString(key)
	head := key[:len(key)-n]
	switch {
	case r == utf8.RuneError || r == 0:
		return head
	case r == 0xE000: // what lies below are no characters
		r = 0xD800
	}
	return head + string(r-1) + string(utf8.MaxRune)
}
