package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"kodoferry/shared/fault"
)

// Stall is how long a download may yield nothing before it is given up.
const Stall = time.Minute

// ErrStalled is why a download was given up that yielded nothing.
var ErrStalled = errors.New("nothing came for so long that it was given up")

// Body is a download that fails rather than ends early, also by silence, and
// that does not outlive its context. Make one with NewBody.
type Body struct {
	op, key string
	ctx     context.Context // of the request
	cancel  context.CancelCauseFunc
	resp    io.ReadCloser
	left    int64 // bytes still to come; -1 if the answer did not say
	stall   time.Duration
	timer   *time.Timer // runs while a Read waits
}

// NewBody returns the body of an answer to a request that ctx ends and cancel
// cancels. It has left bytes, -1 where its framing alone tells. A read that
// yields nothing for stall ends it. op and key are those of its errors.
func NewBody(ctx context.Context, cancel context.CancelCauseFunc, resp io.ReadCloser, op, key string, left int64, stall time.Duration) *Body {
	return &Body{op: op, key: key, ctx: ctx, cancel: cancel, resp: resp, left: left, stall: stall}
}

// Read implements io.Reader. Its errors are Temporary; Corrupt where more came
// than was announced.
func (b *Body) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil { // what is buffered already is not handed out any more
		return 0, b.trouble(b.ctx.Err())
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(b.stall, func() { b.cancel(ErrStalled) })
	} else {
		b.timer.Reset(b.stall)
	}
	n, err := b.resp.Read(p)
	b.timer.Stop()
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
		err = fmt.Errorf("the answer ended %d bytes early: %w", b.left, io.ErrUnexpectedEOF)
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

// Close ends the request. A body that was not read to its end costs the connection.
func (b *Body) Close() error {
	err := b.resp.Close()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.cancel(nil)
	return err
}
