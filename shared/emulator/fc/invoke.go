package fc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"kodoferry/shared/fault"
)

// invocation is one event on its way through one instance.
type invocation struct {
	id      string
	event   []byte
	timeout time.Duration
	retry   int          // of asynchronous ones: how often it was tried before
	done    chan outcome // holds one
	through *forwarded   // on Custom, of an HTTP trigger; nil: it is an event

	// guarded by Cloud.mu
	timer    *time.Timer // until it is fetched, then until it has to be answered
	fetched  bool
	deadline time.Time
	answer   *outcome // given, but not yet passed on
}

type outcome struct {
	body    []byte
	failure *Failure
}

// call is what is asked of invoke.
type call struct {
	id      string // "" is a new one
	event   []byte
	retry   int
	through *forwarded
	timeout time.Duration // at most the function's own; 0 is that
	wait    bool          // for room, instead of being throttled
}

// newID returns a random id in the shape of a UUID, as both platforms name requests.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// Invoke calls a function and waits for its answer. An error is NotFound for
// an unknown function, Invalid for an event that is too large, Throttled where
// every instance is busy and no more are allowed, and has a *Failure as its
// cause where the function failed. If ctx ends first, the function runs on.
func (c *Cloud) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	return c.invoke(ctx, function, call{event: event})
}

func (c *Cloud) invoke(ctx context.Context, name string, k call) ([]byte, error) {
	c.mu.Lock()
	f, err := c.find("fc.Invoke", name)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if most := standards[f.Platform].maxSync; len(k.event) > most {
		return nil, tooLarge("fc.Invoke", name, len(k.event), most)
	}
	if k.id == "" {
		k.id = newID()
	}
	if k.timeout <= 0 || k.timeout > f.Timeout {
		k.timeout = f.Timeout
	}
	inv := &invocation{id: k.id, event: k.event, timeout: k.timeout, retry: k.retry, through: k.through, done: make(chan outcome, 1)}
	if err := c.place(ctx, f, inv, k.wait); err != nil {
		return nil, err
	}
	select {
	case o := <-inv.done:
		if o.failure != nil {
			return nil, o.failure.wrap()
		}
		return o.body, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func tooLarge(op, name string, size, most int) error {
	return fault.New(fault.Invalid, op, name, fmt.Errorf("an event of %d bytes: the platform takes up to %d this way, send less", size, most))
}

// Async accepts an event and returns the request's id at once. The function is
// called in the background, as soon as there is room, and again while it
// fails, as its Retries say; what still fails then is dropped and counted.
func (c *Cloud) Async(function string, event []byte) (id string, err error) {
	c.mu.Lock()
	f, err := c.find("fc.Async", function)
	c.mu.Unlock()
	if err != nil {
		return "", err
	}
	if most := standards[f.Platform].maxAsync; len(event) > most {
		return "", tooLarge("fc.Async", function, len(event), most)
	}
	id, event = newID(), slices.Clone(event)
	return id, c.background(func() { c.insist(f, id, event) })
}

// insist calls f until it succeeds, or was tried often enough.
func (c *Cloud) insist(f *function, id string, event []byte) {
	for try := 0; ; try++ {
		_, err := c.invoke(c.ctx, f.Name, call{id: id, event: event, retry: try, wait: true})
		if err == nil || c.ctx.Err() != nil {
			return
		}
		if _, failed := errors.AsType[*Failure](err); !failed || try >= f.Retries {
			f.count(func(s *Stats) { s.Dropped++ })
			return
		}
		if !pause(c.ctx, f.RetryWait<<min(try, 16)) {
			return
		}
		f.count(func(s *Stats) { s.Retries++ })
	}
}
