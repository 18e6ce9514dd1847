package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
	"weak"
)

// dialer makes connections. Where the process has no descriptor left for one, it closes
// the idle connections of all transports, each of which holds one, and waits until a
// request has ended: the host of the connection is not to blame, and a caller would take
// it for one that does not answer.
type dialer struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

const (
	// scarceFor is how long a dialer waits for a descriptor, looking again after
	// scarceFirst, and then after twice as long each time, scarceMost at most.
	scarceFor   = time.Minute
	scarceFirst = 5 * time.Millisecond
	scarceMost  = 100 * time.Millisecond
)

// DialContext makes a connection to addr.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	began, wait := time.Now(), scarceFirst
	for {
		c, err := d.dial(ctx, network, addr)
		if !errors.Is(err, syscall.EMFILE) || time.Since(began) > scarceFor {
			return c, err
		}
		made.closeIdle()
		select {
		case <-time.After(wait):
			wait = min(2*wait, scarceMost)
		case <-ctx.Done():
			return nil, err
		}
	}
}

// made are the transports of this process that are in use.
var made transports

type transports struct {
	mu      sync.Mutex
	plain   []weak.Pointer[http.Transport]
	directs []weak.Pointer[Direct]
}

// closeIdle closes the idle connections of all.
func (t *transports) closeIdle() {
	t.mu.Lock()
	plain, directs := alive(&t.plain), alive(&t.directs)
	t.mu.Unlock()
	for _, p := range plain {
		p.CloseIdleConnections()
	}
	for _, d := range directs {
		d.CloseIdleConnections()
	}
}

func (t *transports) add(p *http.Transport) {
	t.mu.Lock()
	defer t.mu.Unlock()
	alive(&t.plain)
	t.plain = append(t.plain, weak.Make(p))
}

func (t *transports) addDirect(d *Direct) {
	t.mu.Lock()
	defer t.mu.Unlock()
	alive(&t.directs)
	t.directs = append(t.directs, weak.Make(d))
}

// alive returns those of all that are still in use, and forgets the others.
func alive[T any](all *[]weak.Pointer[T]) (used []*T) {
	n := 0
	for _, w := range *all {
		if p := w.Value(); p != nil {
			used = append(used, p)
			(*all)[n] = w
			n++
		}
	}
	*all = (*all)[:n]
	return used
}
