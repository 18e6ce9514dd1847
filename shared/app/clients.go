package app

import (
	"sync"

	"kodoferry/shared/job"
)

// client is a bucket's driver, which has connections of its own.
type client interface {
	comparable
	connected
}

// clients are those that the runs of a process use at present, one a bucket and
// way to reach it: runs of one job share it. The zero value has none. It is safe
// for concurrent use.
type clients[C client] struct {
	mu   sync.Mutex
	used map[way]*users[C]
}

// way is what clients differ by.
type way struct {
	to        job.Location
	leastRate int64 // job.Limits.LeastRate
}

type users[C client] struct {
	client C
	n      int
}

// open returns the client of the bucket at w, which it makes by open if there is
// none yet. Each is to be closed once.
func (c *clients[C]) open(w way, open func() (C, error)) (C, error) {
	w.to.Prefix = "" // keys have it, clients do not
	c.mu.Lock()
	defer c.mu.Unlock()
	if u, ok := c.used[w]; ok {
		u.n++
		return u.client, nil
	}
	made, err := open()
	if err != nil {
		return made, err
	}
	if c.used == nil {
		c.used = map[way]*users[C]{}
	}
	c.used[w] = &users[C]{made, 1}
	return made, nil
}

// close gives back a client that open returned. The last call for a client closes its
// idle connections; a request under way goes on.
func (c *clients[C]) close(one C) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w, u := range c.used {
		if u.client != one {
			continue
		}
		if u.n--; u.n == 0 {
			delete(c.used, w)
			one.CloseIdle()
		}
		return
	}
}

// closeIdle closes connections that no request uses.
func (c *clients[C]) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range c.used {
		u.client.CloseIdle()
	}
}
