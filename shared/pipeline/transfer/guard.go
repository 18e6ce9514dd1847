package transfer

import (
	"context"
	"errors"
	"sync"

	"kodoferry/shared/digest"
)

// guarded is the body of a PUT. Read calls check before it returns the last byte;
// the error of check takes the byte's place, so the PUT never ends.
//
// A transport may still read a body after the request has returned: stop waits for
// that Read and has later ones fail, so that what was read can be looked at.
type guarded struct {
	ctx   context.Context // the source was opened under it: every Read ends with it
	mu    sync.Mutex
	read  *digest.Reader
	left  int64        // bytes still to come
	check func() error // nil: none
	done  bool
}

var errStopped = errors.New("the request is over")

func (g *guarded) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.done {
		return 0, errStopped
	}
	n, err := g.read.Read(p)
	g.left -= int64(n)
	if n > 0 && g.left == 0 && g.check != nil {
		if refusal := g.check(); refusal != nil {
			g.done = true
			return 0, refusal
		}
	}
	return n, err
}

// Context implements store.Bounded.
func (g *guarded) Context() context.Context { return g.ctx }

// stop has every later Read fail.
func (g *guarded) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done = true
}
