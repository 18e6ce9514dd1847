package kodo

import (
	"context"
	"fmt"
	"io"
	"time"

	"kodoferry/shared/fault"
)

// stall is how long a download may yield nothing before it is given up.
const stall = time.Minute

var errStalled = fmt.Errorf("nothing came for %s", stall)

// body is a download that fails rather than ends early, also by silence.
type body struct {
	ctx    context.Context // of the request, which it does not outlive
	cancel context.CancelCauseFunc
	resp   io.ReadCloser
	key    string
	left   int64 // bytes still to come; -1 if the answer did not say
	stall  time.Duration
	timer  *time.Timer // runs while a Read waits
}

// Read implements io.Reader. Its errors are Temporary; Corrupt where more came
// than was announced.
func (b *body) Read(p []byte) (int, error) {
	const op = "kodo.Read"
	if b.ctx.Err() != nil { // what is buffered already is not handed out any more
		return 0, network(b.ctx, op, b.key, b.ctx.Err())
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(b.stall, func() { b.cancel(errStalled) })
	} else {
		b.timer.Reset(b.stall)
	}
	n, err := b.resp.Read(p)
	b.timer.Stop()
	if b.left >= 0 {
		if b.left -= int64(n); b.left < 0 {
			b.left = 0
			return 0, fault.New(fault.Corrupt, op, b.key, fmt.Errorf("more bytes came than were announced"))
		}
	}
	switch {
	case err == nil, err == io.EOF && b.left <= 0:
		return n, err
	case err == io.EOF:
		err = fmt.Errorf("the answer ended %d bytes early: %w", b.left, io.ErrUnexpectedEOF)
	}
	return n, network(b.ctx, op, b.key, err)
}

// Close ends the request. A body that was not read to its end costs the connection.
func (b *body) Close() error {
	err := b.resp.Close()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.cancel(nil)
	return err
}
