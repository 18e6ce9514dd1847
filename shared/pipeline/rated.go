package pipeline

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// rated lets so much a second pass, in the order in which it is asked for.
type rated struct {
	now atomic.Pointer[bound] // nil: nothing bounds it
}

// bound is one rate; another one is another bound.
type bound struct {
	*rate.Limiter
	over chan struct{} // closed when another one counts
}

// set lets share a second pass, and at once a quarter of a second's worth, but
// at least least; a share of 0 lets everything pass. Who waits already waits
// by the new rate.
func (r *rated) set(share float64, least int) {
	was := r.now.Load()
	var now *bound
	switch {
	case was == nil && share == 0, was != nil && was.Limit() == rate.Limit(share):
		return
	case share > 0:
		burst := max(least, int(share/4))
		now = &bound{rate.NewLimiter(rate.Limit(share), burst), make(chan struct{})}
		now.AllowN(time.Now(), burst) // many processes begin at the same time: none begins with a burst
	}
	r.now.Store(now)
	if was != nil {
		close(was.over)
	}
}

// bounded reports whether anything bounds it.
func (r *rated) bounded() bool { return r.now.Load() != nil }

// wait takes n and waits until they may pass, or ctx ends.
func (r *rated) wait(ctx context.Context, n int) error {
	for b := r.now.Load(); b != nil; b = r.now.Load() {
		d := b.take(time.Now(), n)
		if d <= 0 {
			return nil
		}
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
			return nil
		case <-b.over:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return nil
}

// take takes n at that time and returns how long to wait for them.
func (b *bound) take(at time.Time, n int) (wait time.Duration) {
	for n > 0 {
		k := min(n, b.Burst())
		wait = b.ReserveN(at, k).DelayFrom(at)
		n -= k
	}
	return wait
}

// gulp is how much of a body is read at a time, in bytes: little enough that
// all streams get their turn within a second, and no more than a burst.
func (b *bound) gulp() int { return min(max(16<<10, int(b.Limit()/64)), 256<<10) }

// metered is a body that keeps to a rate.
type metered struct {
	io.ReadCloser
	ctx   context.Context // of the request that it belongs to, which it does not outlive
	bytes *rated
}

func (m metered) Read(p []byte) (int, error) {
	if b := m.bytes.now.Load(); b != nil {
		p = p[:min(len(p), b.gulp())]
	}
	n, err := m.ReadCloser.Read(p)
	if werr := m.bytes.wait(m.ctx, n); werr != nil {
		err = werr
	}
	return n, err
}
