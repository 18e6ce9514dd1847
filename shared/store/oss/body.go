package oss

import (
	"context"
	"errors"
	"io"
	"sync"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/transport"
)

// errDetached is what the transport reads of a body after its request has ended.
var errDetached = errors.New("the request has ended")

// lent is memory for a small body, lent to the transport: which sends what it knows
// to be in memory together with the header, in one packet and system call. net/http may
// go on reading after the request has ended.
type lent struct {
	data []byte
	from *sync.Pool // nil: none takes it back
	body transport.Memory
}

// back takes the memory back, and that of the headers that went with it. What
// net/http may still read goes to the collector.
func (l *lent) back(h *headers) {
	if l.from != nil && l.body.Free() {
		l.from.Put(l)
		h.back()
	}
}

// lender lends memory by size, so that 1,000 transfers of thumbnails do not hold
// 1,000 MiB. Sizes are powers of two from leastLent to smallBody.
type lender [8]sync.Pool

const leastLent = smallBody >> (len(lender{}) - 1) // bytes

// get lends memory for size bytes. Nothing of an empty body is used again: a
// request without one may be written once more, where the first write met a
// closed connection.
func (p *lender) get(size int64) *lent {
	if size == 0 {
		return &lent{}
	}
	i := 0
	for size > leastLent<<i {
		i++
	}
	l, ok := p[i].Get().(*lent)
	if !ok {
		l = &lent{data: make([]byte, leastLent<<i), from: &p[i]}
	}
	l.data = l.data[:size]
	return l
}

// slurp reads exactly size bytes of body, or returns body's error. If ctx ends
// first, one Read of a body that is not bounded by it may still be under way.
func (b *Bucket) slurp(ctx context.Context, body io.Reader, size int64) (*lent, error) {
	l := b.lender.get(size)
	bounded, ok := body.(store.Bounded)
	if ctx.Done() == nil || ok && bounded.Context() == ctx { // a goroutine takes as long as the hashes
		err := fill(body, l.data)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return l, err
	}
	read := make(chan error, 1)
	go func() { read <- fill(body, l.data) }()
	select {
	case err := <-read:
		return l, err
	case <-ctx.Done():
		return nil, context.Cause(ctx) // it is still written to: it is left to the collector
	}
}

// fill is io.ReadFull, but an error that comes with the last byte counts, and
// of an empty body the end is asked for.
func fill(body io.Reader, buf []byte) error {
	if len(buf) == 0 {
		return probe(body)
	}
	for n := 0; n < len(buf); {
		m, err := body.Read(buf[n:])
		n += m
		if err == io.EOF && n == len(buf) {
			return nil
		}
		if err != nil {
			return early(err, int64(len(buf)-n))
		}
	}
	return nil
}

// probe asks a body of which nothing is wanted whether it has failed.
func probe(body io.Reader) error {
	if body == nil {
		return nil
	}
	var one [1]byte
	for range 100 {
		n, err := body.Read(one[:])
		if err == io.EOF || n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func early(err error, missing int64) error {
	if err == io.EOF {
		return fault.Errorf("the body ended %d bytes early: %w", missing, io.ErrUnexpectedEOF)
	}
	return err
}

// stream hands the transport a body of known size and remembers how it failed.
// A goroutine reads body ahead by up to two chunks: source and target then
// work at the same time, and a body that blocks does not hold up a request
// that was cancelled (net/http waits for a Read to return).
//
// An error that comes with bytes withholds the bytes: with the last of them the
// other side would have all it waits for, and store an object that is not right.
type stream struct {
	ctx    context.Context // of the one request it is the body of
	chunks chan chunk
	free   chan []byte
	done   chan struct{}
	rest   []byte // of the chunk being handed out
	buf    []byte // the chunk's memory

	mu   sync.Mutex
	left int64 // bytes not yet handed out
	err  error
}

type chunk struct {
	buf  []byte
	n    int
	fail error
}

const chunkSize = 64 << 10 // bytes

func newStream(ctx context.Context, body io.Reader, size int64) *stream {
	s := &stream{ctx: ctx, left: size, chunks: make(chan chunk, 1), free: make(chan []byte, 2), done: make(chan struct{})}
	s.free <- make([]byte, chunkSize)
	s.free <- make([]byte, chunkSize)
	go s.pump(body, size)
	return s
}

// pump reads body until size bytes were read, it fails, or detach is called.
func (s *stream) pump(body io.Reader, size int64) {
	for size > 0 {
		c := chunk{}
		select {
		case c.buf = <-s.free:
		case <-s.done:
			return
		}
		n, err := body.Read(c.buf[:min(size, chunkSize)])
		c.n, size = n, size-int64(n)
		if err != nil && (err != io.EOF || size > 0) {
			c.n, c.fail = 0, early(err, size)
		}
		select {
		case s.chunks <- c:
		case <-s.done:
			return
		}
		if c.fail != nil {
			return
		}
	}
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		if s.buf != nil {
			s.free <- s.buf // never blocks: there is room for both
			s.buf = nil
		}
		select {
		case c := <-s.chunks:
			if c.fail != nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.err = c.fail
				return 0, c.fail
			}
			s.buf, s.rest = c.buf, c.buf[:c.n]
		case <-s.done:
			return 0, errDetached
		case <-s.ctx.Done():
			return 0, context.Cause(s.ctx)
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left -= int64(n)
	return n, nil
}

// detach ends reading, and returns body's error and how many bytes were not
// handed out. One Read of body may be under way still, where the request failed.
func (s *stream) detach() (left int64, err error) {
	close(s.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left, s.err
}
