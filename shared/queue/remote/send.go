package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kodoferry/shared/fault"
)

// Batches is how messages of a service's type are sent.
type Batches[M any] struct {
	Most, Bytes int                                 // of one batch
	Size        func(M) int                         // of a message in a batch
	Once        func(context.Context, []M) Tried[M] // sends a batch once
}

// Tried is what became of a batch of messages that was sent once.
type Tried[M any] struct {
	left    []M     // those that may be taken if they are sent again
	why     []error // why each of left was refused; nil where the request failed as a whole
	refused []error // why those that are in no case taken were refused
	err     error   // why some are left, as the last of them says; nil where none is
}

// Failed is what became of a batch the request for which failed as a whole.
func Failed[M any](batch []M, err error) Tried[M] { return Tried[M]{left: batch, err: err} }

// Refuse adds a message, which begins with body: one that may be taken if it is sent again, or
// one that is not to be sent again, by what err is.
func (t *Tried[M]) Refuse(m M, body string, err error) {
	err = about(body, err)
	if fault.Retryable(err) {
		t.left, t.why, t.err = append(t.left, m), append(t.why, err), err
	} else {
		t.refused = append(t.refused, err)
	}
}

// Send sends all messages, batch by batch. Those of a batch that were not taken are sent again,
// up to 6 times in all; what the service will never take keeps the rest of its batch from
// nothing. The error says how many messages were not sent: no batch follows one that failed.
func Send[M any](ctx context.Context, l *Link, b Batches[M], messages []M) error {
	all := len(messages)
	for len(messages) > 0 {
		n := b.fitting(messages)
		if left, err := b.send(ctx, l, messages[:n]); err != nil {
			return &fault.Error{
				Kind: fault.KindOf(err), Op: l.op("Send"), Key: l.Name, Wait: fault.WaitOf(err),
				Err: fmt.Errorf("%d of %d messages not sent: %w", left+len(messages)-n, all, cause(err)),
			}
		}
		messages = messages[n:]
	}
	return nil
}

// fitting counts the messages at the beginning that fit one batch, at least one.
func (b Batches[M]) fitting(messages []M) int {
	size := 0
	for i, m := range messages {
		size += b.Size(m)
		if i == b.Most || i > 0 && size > b.Bytes {
			return i
		}
	}
	return len(messages)
}

// send sends one batch, and those of it that were not taken again. When it sends again what
// the queue refused, it warns of it: which messages, and why. It returns how many were not sent,
// and why the first of them was not.
func (b Batches[M]) send(ctx context.Context, l *Link, batch []M) (unsent int, err error) {
	var t Tried[M]
	var hopeless []error
	err = l.retry(ctx, l.op("Send"), sendTries, func() error {
		if len(t.why) > 0 {
			l.Log.WarnContext(ctx, "messages that the queue refused are sent again", "queue", l.Name, "messages", len(t.why), "err", inOneLine(t.why))
		}
		t = b.once(ctx, batch)
		batch, hopeless = t.left, append(hopeless, t.refused...)
		return t.err
	})
	if len(hopeless) > 0 {
		err = hopeless[0]
	}
	return len(batch) + len(hopeless), err
}

// once sends a batch once, within AnswerTime.
func (b Batches[M]) once(ctx context.Context, batch []M) Tried[M] {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	return b.Once(ctx, batch)
}

func inOneLine(errs []error) string {
	text := make([]string, len(errs))
	for i, err := range errs {
		text[i] = cause(err).Error()
	}
	return strings.Join(text, "; ")
}

// headLen is how many bytes of a message tell which one it is: of a task its kind, run,
// shard and batch.
const headLen = 200

// about is err, which a queue refused a message with, with the beginning of that message.
func about(body string, err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	if len(body) > headLen {
		body = strings.ToValidUTF8(body[:headLen], "") + "…"
	}
	about := *e
	about.Err = fmt.Errorf("message %s: %w", body, e.Err)
	return &about
}
