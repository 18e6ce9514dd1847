package pipeline

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
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

// meteredAbove is the size, in bytes, of bodies that are metered even where no
// limit is set: one may be set while they stream. Smaller ones are over soon.
const meteredAbove = 4 << 20

// call is one request.
func (l *limits) call(ctx context.Context, op, key string) error {
	if err := l.requests.wait(ctx, 1); err != nil {
		return fault.New(fault.Temporary, op, key, err)
	}
	return nil
}

// list counts a request for each page that a listing may take.
func (l *limits) list(ctx context.Context, from store.Source, r store.Range) iter.Seq2[store.Object, error] {
	if !l.requests.bounded() {
		return from.List(ctx, r)
	}
	return func(yield func(store.Object, error) bool) {
		if err := l.call(ctx, "list", r.Prefix); err != nil {
			yield(store.Object{}, err)
			return
		}
		n := 0
		for o, err := range from.List(ctx, r) {
			if n++; err == nil && n%keysPerPage == 0 {
				err = l.call(ctx, "list", o.Key)
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// keysPerPage is how many keys a page of either service holds.
const keysPerPage = 1000

func (l *limits) open(ctx context.Context, from store.Source, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if err := l.call(ctx, "open", o.Key); err != nil {
		return store.Object{}, nil, err
	}
	return from.Open(ctx, o, off, n)
}

func (l *limits) stat(ctx context.Context, from store.Source, key string) (store.Object, error) {
	if err := l.call(ctx, "stat", key); err != nil {
		return store.Object{}, err
	}
	return from.Stat(ctx, key)
}

// limitedSource is a source that a run's limits bound.
type limitedSource struct {
	Source
	limits *limits
}

func (s limitedSource) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return s.limits.list(ctx, s.Source, r)
}

func (s limitedSource) Stat(ctx context.Context, key string) (store.Object, error) {
	return s.limits.stat(ctx, s.Source, key)
}

func (s limitedSource) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	found, body, err := s.limits.open(ctx, s.Source, o, off, n)
	if err != nil || !s.limits.bytes.bounded() && max(n, o.Size) < meteredAbove {
		return found, body, err
	}
	return found, metered{body, ctx, &s.limits.bytes}, nil
}

// limitedTarget is a target that a run's limits bound.
type limitedTarget struct {
	Target
	limits *limits
}

func (t limitedTarget) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return t.limits.list(ctx, t.Target, r)
}

func (t limitedTarget) Stat(ctx context.Context, key string) (store.Object, error) {
	return t.limits.stat(ctx, t.Target, key)
}

func (t limitedTarget) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	return t.limits.open(ctx, t.Target, o, off, n)
}

func (t limitedTarget) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if err := t.limits.call(ctx, "put", o.Key); err != nil {
		return store.Stored{}, err
	}
	return t.Target.Put(ctx, o, body, how)
}

func (t limitedTarget) Delete(ctx context.Context, key string) error {
	if err := t.limits.call(ctx, "delete", key); err != nil {
		return err
	}
	return t.Target.Delete(ctx, key)
}

func (t limitedTarget) Begin(ctx context.Context, o store.Object) (string, []string, error) {
	if err := t.limits.call(ctx, "begin", o.Key); err != nil {
		return "", nil, err
	}
	return t.Target.Begin(ctx, o)
}

func (t limitedTarget) PutPart(ctx context.Context, key, upload string, n int, body io.Reader, size int64) (store.Part, error) {
	if err := t.limits.call(ctx, "part", key); err != nil {
		return store.Part{}, err
	}
	return t.Target.PutPart(ctx, key, upload, n, body, size)
}

func (t limitedTarget) Parts(ctx context.Context, key, upload string) ([]store.Part, error) {
	if err := t.limits.call(ctx, "parts", key); err != nil {
		return nil, err
	}
	return t.Target.Parts(ctx, key, upload)
}

func (t limitedTarget) Finish(ctx context.Context, key, upload string, parts []store.Part, how store.Put) (store.Stored, error) {
	if err := t.limits.call(ctx, "finish", key); err != nil {
		return store.Stored{}, err
	}
	return t.Target.Finish(ctx, key, upload, parts, how)
}

func (t limitedTarget) Abort(ctx context.Context, key, upload string) error {
	if err := t.limits.call(ctx, "abort", key); err != nil {
		return err
	}
	return t.Target.Abort(ctx, key, upload)
}

// turns lets a bounded number of streams be open at the same time, a number
// that may change.
type turns struct {
	mu    sync.Mutex
	most  int // 0: any number
	taken int
	shut  bool          // none is begun any more
	moved chan struct{} // closed, and replaced, when one may try again
}

func (t *turns) set(most int, shut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.most != most || t.shut != shut {
		t.most, t.shut = most, shut
		t.wake()
	}
}

func (t *turns) wake() {
	if t.moved != nil {
		close(t.moved)
		t.moved = nil
	}
}

// take waits for a turn. It reports false where there is none before ctx ends
// or the time comes to write the outcome: what is left is handed over.
func (t *turns) take(ctx context.Context) bool {
	ctx, cancel := reserve(ctx)
	defer cancel()
	for {
		t.mu.Lock()
		if t.shut {
			t.mu.Unlock()
			return false
		}
		if t.most == 0 || t.taken < t.most {
			t.taken++
			t.mu.Unlock()
			return true
		}
		if t.moved == nil {
			t.moved = make(chan struct{})
		}
		moved := t.moved
		t.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		}
	}
}

func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	t.wake()
}

// errNoTurn says that the limits of the run left no stream to this task.
var errNoTurn = errors.New("the run's limits leave no stream")
