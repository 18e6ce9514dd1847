package oss

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// errDetached is what the transport reads of a body after its request has ended.
var errDetached = errors.New("the request has ended")

// buffers lends memory for small bodies, in three sizes so that 64 transfers
// of thumbnails do not hold 64 MiB.
type buffers struct {
	small, middle, large sync.Pool

	mu   sync.Mutex
	slab []byte // what is left of memory that bodies of their own are cut from
}

func (p *buffers) pool(size int64) (*sync.Pool, int) {
	switch {
	case size <= 64<<10:
		return &p.small, 64 << 10
	case size <= 256<<10:
		return &p.middle, 256 << 10
	}
	return &p.large, smallBody
}

// ownBody is up to how many bytes a body has memory of its own. net/http sends
// what it knows to be in memory together with the header, in one packet and
// system call; but it may go on reading after the request has ended, so that
// such memory cannot be lent again.
const ownBody = 32 << 10

func (p *buffers) get(size int64) []byte {
	if size <= ownBody {
		return p.own(int(size))
	}
	pool, capacity := p.pool(size)
	if b, ok := pool.Get().(*[]byte); ok {
		return (*b)[:size]
	}
	return make([]byte, size, capacity)
}

// slabSize is how much memory is taken at a time for bodies of their own: one
// by one, 8 KiB each take a span of the heap and are cleared by themselves,
// which takes longer than to read them.
const slabSize = 256 << 10

// own returns memory that is never lent again. It goes back to the collector
// with the rest of its slab.
func (p *buffers) own(size int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size > len(p.slab) {
		p.slab = make([]byte, slabSize)
	}
	b := p.slab[:size:size]
	p.slab = p.slab[size:]
	return b
}

func (p *buffers) put(b []byte) {
	pool, _ := p.pool(int64(cap(b)))
	pool.Put(&b)
}

// slurp reads exactly size bytes of body, or returns body's error. If ctx ends
// first, a body that can be closed is closed, which ends its Read; of any other
// one Read may still be under way when slurp returns.
func (b *Bucket) slurp(ctx context.Context, body io.Reader, size int64) ([]byte, error) {
	if whole, ok := body.(*bytes.Buffer); ok && int64(whole.Len()) == size && size <= ownBody {
		return whole.Bytes(), nil // it is all there, and nobody else's
	}
	buf := b.buffers.get(size)
	if ctx.Done() == nil {
		return buf, fill(body, buf)
	}
	if c, ok := body.(io.Closer); ok { // no goroutine: its stack and its turn take as long as the hashes
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		err := fill(body, buf)
		stop()
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return buf, err
	}
	read := make(chan error, 1)
	go func() { read <- fill(body, buf) }()
	select {
	case err := <-read:
		return buf, err
	case <-ctx.Done():
		return nil, context.Cause(ctx) // buf is still written to: it is left to the collector
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
		return fmt.Errorf("the body ended %d bytes early: %w", missing, io.ErrUnexpectedEOF)
	}
	return err
}

// whole hands the transport a buffer, and takes it back for good.
type whole struct {
	mu   sync.Mutex
	data []byte
	gone bool
}

func (w *whole) Read(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.gone:
		return 0, errDetached
	case len(w.data) == 0:
		return 0, io.EOF
	}
	n := copy(p, w.data)
	w.data = w.data[n:]
	return n, nil
}

// detach ends reading. The transport may still try after its request was cancelled.
func (w *whole) detach() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.data, w.gone = nil, true
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
