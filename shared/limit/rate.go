package limit

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// adjustable is a token bucket whose rate may change while calls wait for it. The
// zero value bounds nothing. It is safe for concurrent use.
type adjustable struct {
	now    atomic.Pointer[bucket] // nil: nothing is bounded
	waited atomic.Int64           // nanoseconds that calls were to wait, all together, since Share.Binds read it
}

// bucket is a token bucket of one rate. Another rate makes another bucket.
type bucket struct {
	limiter  *rate.Limiter
	replaced chan struct{} // closed when another bucket, or none, counts
}

// bucketFor returns an empty bucket of so many tokens a second that holds those
// of a quarter of a second, but at least least. It is empty because many
// processes begin at the same time: none begins with a burst.
func bucketFor(perSecond float64, least int) *bucket {
	burst := max(least, int(perSecond/4))
	b := &bucket{rate.NewLimiter(rate.Limit(perSecond), burst), make(chan struct{})}
	b.limiter.AllowN(time.Now(), burst)
	return b
}

// set bounds what passes to so many a second; 0 bounds nothing. The bucket holds
// at least least tokens. Calls that wait already wait by the new rate.
func (a *adjustable) set(perSecond float64, least int) {
	was := a.now.Load()
	var now *bucket
	switch {
	case was == nil && perSecond == 0, was != nil && was.limiter.Limit() == rate.Limit(perSecond):
		return
	case perSecond > 0:
		now = bucketFor(perSecond, least)
	}
	a.now.Store(now)
	if was != nil {
		close(was.replaced)
	}
}

// bounded reports whether a rate is set.
func (a *adjustable) bounded() bool { return a.now.Load() != nil }

// wait takes n tokens and waits until there are as many. It fails only if ctx
// ends first, with its error.
func (a *adjustable) wait(ctx context.Context, n int) error {
	for b := a.now.Load(); b != nil; b = a.now.Load() {
		d := b.reserve(time.Now(), n)
		if d <= 0 {
			return nil
		}
		a.waited.Add(int64(d))
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
			return nil
		case <-b.replaced:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return nil
}

// reserve takes n tokens at that time, be they more than the bucket holds, and
// returns how long to wait until they are there.
func (b *bucket) reserve(at time.Time, n int) (wait time.Duration) {
	for n > 0 {
		k := min(n, b.limiter.Burst())
		wait = b.limiter.ReserveN(at, k).DelayFrom(at)
		n -= k
	}
	return wait
}

// readSize is how many bytes of a body are read at a time: few enough that all
// streams read within a second, and no more than the bucket holds.
func (b *bucket) readSize() int { return min(max(16<<10, int(b.limiter.Limit()/64)), 256<<10) }

// metered is a body whose bytes are taken from a token bucket.
type metered struct {
	io.ReadCloser
	ctx   context.Context // of the request that the body belongs to, which it does not outlive
	bytes *adjustable
}

// Read fails with the error of the request's context where that ends while it waits.
func (m metered) Read(p []byte) (int, error) {
	if b := m.bytes.now.Load(); b != nil {
		p = p[:min(len(p), b.readSize())]
	}
	n, err := m.ReadCloser.Read(p)
	if werr := m.bytes.wait(m.ctx, n); werr != nil {
		err = werr
	}
	return n, err
}
