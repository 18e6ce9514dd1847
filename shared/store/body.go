package store

import (
	"context"
	"errors"
	"io"

	"kodoferry/shared/fault"
)

// Body is a download that fails rather than ends early, and that does not
// outlive its context. Make one with NewBody.
type Body struct {
	op, key string
	ctx     context.Context // of the request
	resp    io.ReadCloser
	left    int64 // bytes still to come; -1 if the answer did not say
}

// NewBody returns the body of an answer to a request that ctx ends. It has left
// bytes, -1 where its framing alone tells. op and key are those of its errors.
func NewBody(ctx context.Context, resp io.ReadCloser, op, key string, left int64) *Body {
	return &Body{op: op, key: key, ctx: ctx, resp: resp, left: left}
}

// Read implements io.Reader. Its errors are Temporary; Corrupt where more came
// than was announced.
func (b *Body) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil { // what is buffered already is not handed out any more
		return 0, b.trouble(b.ctx.Err())
	}
	n, err := b.resp.Read(p)
	if b.left >= 0 {
		if b.left -= int64(n); b.left < 0 {
			b.left = 0
			return 0, fault.New(fault.Corrupt, b.op, b.key, errors.New("more bytes came than were announced"))
		}
	}
	switch {
	case err == nil, err == io.EOF && b.left <= 0:
		return n, err
	case err == io.EOF:
		err = fault.Errorf("the answer ended %d bytes early: %w", b.left, io.ErrUnexpectedEOF)
	}
	return n, b.trouble(err)
}

// trouble is what ended the body; where ctx did, its cause says why.
func (b *Body) trouble(err error) error {
	if b.ctx.Err() != nil {
		err = context.Cause(b.ctx)
	}
	return fault.New(fault.Temporary, b.op, b.key, err)
}

// Close ends the request, and a Read that waits. A body that was not read to
// its end costs the connection.
func (b *Body) Close() error { return b.resp.Close() }
