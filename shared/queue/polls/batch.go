package polls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/cenkalti/backoff/v5"

	"kodoferry/shared/fault"
)

// Tried is what became of a batch of messages that was sent once.
type Tried[M any] struct {
	Left    []M     // those that may be taken if they are sent again
	Why     []error // why each of Left was refused; nil where the request failed as a whole
	Refused []error // why those that are in no case taken were refused
	Err     error   // why some are left, as the last of them says; nil where none is
}

// Leave adds a message that may be taken if it is sent again, or one that is not to be sent
// again, by what e is.
func (t *Tried[M]) Leave(m M, e error) {
	if fault.Retryable(e) {
		t.Left, t.Why, t.Err = append(t.Left, m), append(t.Why, e), e
	} else {
		t.Refused = append(t.Refused, e)
	}
}

// Batch sends messages to the queue of that name, and those that were not taken again, up to
// SendTries times in all. When it sends again what the queue refused, it warns of it: which
// messages, and why. It returns how many were not sent, and why the first of them was not.
func Batch[M any](ctx context.Context, log *slog.Logger, pause backoff.BackOff, op, name string, batch []M, once func([]M) Tried[M]) (unsent int, err error) {
	var t Tried[M]
	var hopeless []error
	err = Retry(ctx, pause, op, name, SendTries, func() error {
		if len(t.Why) > 0 {
			log.WarnContext(ctx, "messages that the queue refused are sent again", "queue", name, "messages", len(t.Why), "err", inOneLine(t.Why))
		}
		t = once(batch)
		batch, hopeless = t.Left, append(hopeless, t.Refused...)
		return t.Err
	})
	if len(hopeless) > 0 {
		err = hopeless[0]
	}
	return len(batch) + len(hopeless), err
}

func inOneLine(errs []error) string {
	text := make([]string, len(errs))
	for i, err := range errs {
		text[i] = Cause(err).Error()
	}
	return strings.Join(text, "; ")
}

// headLen is how many bytes of a message tell which one it is: of a task its kind, run,
// shard and batch.
const headLen = 200

// About is err, which a queue refused a message with, with the beginning of that message.
func About(body string, err error) error {
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
