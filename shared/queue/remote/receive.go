package remote

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

// maxReceive is how many messages may be asked for at once.
const maxReceive = 16

// Receive waits at the service, in requests of as long as it waits at most. When ctx ends it
// returns at once. The request it leaves behind goes on to its own end, since a
// connection cut off could take messages with it: what comes is made visible
// again. Close waits for such requests.
func (l *Link) Receive(ctx context.Context, most int, wait time.Duration) ([]queue.Message, error) {
	op := l.op("Receive")
	if most < 1 || most > maxReceive {
		return nil, fault.New(fault.Invalid, op, l.Name, fmt.Errorf("%d messages at once: ask for 1 to %d", most, maxReceive))
	}
	for wait = max(wait, 0); ; {
		if ctx.Err() != nil {
			return nil, l.ended(ctx, op)
		}
		begun := l.Poll.Now()
		seconds, short := pollFor(ctx, min(wait, l.Poll.Longest))
		got, more, err := l.poll(ctx, op, most, seconds)
		switch {
		case err != nil || len(got) > 0:
			return got, err
		case more: // there was something, so there may be more
			wait = max(wait-l.Poll.Now().Sub(begun), 0)
		case short:
			<-ctx.Done()
			return nil, l.ended(ctx, op)
		case wait <= l.Poll.Longest:
			return nil, nil
		default:
			wait -= l.Poll.Longest
		}
	}
}

// ended is the error of a request that ctx's end kept from its answer.
func (l *Link) ended(ctx context.Context, op string) error {
	return fault.New(fault.Temporary, op, l.Name, context.Cause(ctx))
}

// pollFor is how many seconds the service is to wait: those of wait, rounded up, or, in
// short, the whole ones that ctx has left, so that no request is left behind.
func pollFor(ctx context.Context, wait time.Duration) (seconds int64, short bool) {
	end, ok := ctx.Deadline()
	if left := time.Until(end); ok && left < wait {
		return int64(max(left, 0) / time.Second), true
	}
	return Seconds(wait), false
}

// poll asks once, and leaves the answer to itself when ctx ends before.
func (l *Link) poll(ctx context.Context, op string, most int, seconds int64) ([]queue.Message, bool, error) {
	type answer struct {
		messages []queue.Message
		more     bool
		err      error
	}
	answers := make(chan answer) // without a buffer: what is sent has arrived
	own, done := l.polls.begin(ctx)
	go func() {
		defer done()
		var a answer
		a.messages, a.more, a.err = l.Poll.Ask(own, most, seconds)
		select {
		case answers <- a:
		case <-ctx.Done():
			l.giveBack(own, a.messages)
		}
	}()
	select {
	case a := <-answers:
		return a.messages, a.more, a.err
	case <-ctx.Done():
		return nil, false, l.ended(ctx, op)
	}
}

// giveBack makes messages visible that nobody waits for any more. One that
// cannot be given back comes again when its visibility ends.
func (l *Link) giveBack(ctx context.Context, messages []queue.Message) {
	for _, m := range messages {
		if _, err := l.Poll.Extend(ctx, m, 0); err != nil && ctx.Err() != nil {
			return
		}
	}
}
