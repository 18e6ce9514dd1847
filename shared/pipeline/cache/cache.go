// Package cache keeps what is in use, and a bounded number of what was used last.
package cache

import (
	"maps"
	"slices"
	"sync"
)

// Cache keeps values by name: at most Most, and those that are Busy. It is safe for
// concurrent use. Its functions are required.
type Cache[V any] struct {
	Most    int
	Busy    func(V) bool  // a value that must not be forgotten
	Forget  func(V)       // lets go of a value that is not kept, or not any more
	Changed func(all []V) // called with what is kept whenever another is

	mu     sync.Mutex
	byName map[string]*entry[V]
	uses   int64 // counts the calls of Use and Keep
}

type entry[V any] struct {
	value V
	used  int64 // the count of uses at its last
}

// Get returns the value of that name, if it is kept.
func (c *Cache[V]) Get(name string) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byName[name]; e != nil {
		return e.value, true
	}
	return v, false
}

// Use is Get for what is put to use.
func (c *Cache[V]) Use(name string) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byName[name]
	if e == nil {
		return v, false
	}
	c.uses++
	e.used = c.uses
	return e.value, true
}

// All returns all values.
func (c *Cache[V]) All() []V {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all()
}

func (c *Cache[V]) all() (all []V) {
	for e := range maps.Values(c.byName) {
		all = append(all, e.value)
	}
	return all
}

// Keep keeps v by that name and returns it, or the one that was kept before. Beyond Most
// it forgets those that are not Busy and were used longest ago.
func (c *Cache[V]) Keep(name string, v V) V {
	kept, over := c.put(name, v)
	for _, v := range over {
		c.Forget(v)
	}
	return kept
}

func (c *Cache[V]) put(name string, v V) (kept V, over []V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.byName[name]; ok {
		return other.value, []V{v}
	}
	for len(c.byName) >= c.Most {
		oldest := c.oldest()
		if oldest == "" {
			break
		}
		over = append(over, c.byName[oldest].value)
		delete(c.byName, oldest)
	}
	if c.byName == nil {
		c.byName = map[string]*entry[V]{}
	}
	c.uses++
	c.byName[name] = &entry[V]{v, c.uses}
	c.Changed(c.all())
	return v, over
}

// oldest names the value that was used longest ago and is not Busy, "" if each is.
func (c *Cache[V]) oldest() (oldest string) {
	for _, name := range slices.Sorted(maps.Keys(c.byName)) {
		e := c.byName[name]
		if (oldest == "" || e.used < c.byName[oldest].used) && !c.Busy(e.value) {
			oldest = name
		}
	}
	return oldest
}
