package pipeline

import (
	"iter"
	"unicode/utf8"

	"kodoferry/shared/store"
)

// pair is what both sides list under one key: at least one of them.
type pair struct {
	src, dst *store.Object
}

func (p pair) key() string {
	if p.src != nil {
		return p.src.Key
	}
	return p.dst.Key
}

// lister lists a bucket from a key on: from the beginning of its range if it is "".
type lister func(after string) iter.Seq2[store.Object, error]

// join walks two listings in key order. It yields every source object, and the
// objects that only the target has if extras are wanted.
func join(src, dst lister, extras bool) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		s, d := open(src), open(dst)
		defer s.stop()
		defer d.stop()
		for {
			if s.ok && !extras {
				d.seek(s.object.Key)
			}
			switch {
			case s.err != nil:
				yield(pair{}, s.err)
				return
			case d.err != nil:
				yield(pair{}, d.err)
				return
			case !s.ok && (!extras || !d.ok):
				return
			}
			var p pair
			inSource := s.ok && (!d.ok || s.object.Key <= d.object.Key)
			inTarget := d.ok && (!s.ok || d.object.Key <= s.object.Key)
			if inSource {
				found := s.object
				p.src = &found
			}
			if inTarget {
				found := d.object
				p.dst = &found
			}
			if !yield(p, nil) {
				return
			}
			if inSource {
				s.next()
			}
			if inTarget {
				d.next()
			}
		}
	}
}

// cursor stands on one object of a listing. ok is false at its end.
type cursor struct {
	list   lister
	pull   func() (store.Object, error, bool)
	end    func() // of the iteration under way
	object store.Object
	err    error
	ok     bool
}

func open(l lister) *cursor {
	c := &cursor{list: l}
	c.start("")
	return c
}

func (c *cursor) start(after string) {
	c.pull, c.end = iter.Pull2(c.list(after))
	c.next()
}

// stop lets go of the listing.
func (c *cursor) stop() { c.end() }

func (c *cursor) next() {
	c.object, c.err, c.ok = c.pull()
	c.ok = c.ok && c.err == nil
}

// farAway is how many objects are passed over one by one, two pages of them,
// before the listing is begun anew where they end.
const farAway = 2000

// seek moves to the first object at or behind key. A long stretch is jumped over.
func (c *cursor) seek(key string) {
	for n := 0; c.ok && c.object.Key < key; n++ {
		if n == farAway {
			if near := before(key); near > c.object.Key {
				c.end()
				c.start(near)
				continue
			}
		}
		c.next()
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
