package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/fault"
)

// Refusal is an error that a service answers with.
type Refusal struct {
	Status    int // 0 of one message of a batch
	Code      string
	Message   string
	RequestID string
	Skewed    bool // the answer's time is far from this machine's clock, where the service tells it
}

func (r *Refusal) Error() string {
	text := fault.Said(r.Code) + ": " + fault.Said(r.Message)
	if r.Status != 0 {
		text = fmt.Sprintf("status %d %s", r.Status, text)
	}
	if r.RequestID != "" {
		text += " (request " + fault.Said(r.RequestID) + ")"
	}
	return text
}

// Unreadable is an answer that is not the service's.
func (l *Link) Unreadable(status int) *Refusal {
	return &Refusal{Status: status, Code: "unreadable", Message: "the answer is not " + strings.ToUpper(l.Service) + "'s: a proxy's, perhaps, or endpoint= names another service"}
}

// throttleWait is how long a throttled request waits: no service names a time, and their
// limits are of requests a second.
const throttleWait = time.Second

// Refused returns a refusal as a fault of the kind that its code has. A code that has none ("")
// is judged by its status.
func (l *Link) Refused(op string, r *Refusal, kind fault.Kind) error {
	if kind == "" {
		kind = fault.FromStatus(r.Status)
	}
	switch kind {
	case fault.Throttled:
		return fault.Throttle(op, l.Name, throttleWait, r)
	case fault.Changed: // no request of ours is about what something was before
		kind = fault.Unknown
	}
	return fault.New(kind, op, l.Name, r)
}

// Temporary is an error that may pass.
func (l *Link) Temporary(op string, err error) error {
	return fault.New(fault.Temporary, op, l.Name, err)
}

// Check says in a sentence what err, of a request for the queue's attributes, is about, and what
// to do about it. Cures are those of refusals, "" where there is none; unreachable is that of a
// host that does not answer.
func (l *Link) Check(ctx context.Context, err error, unreachable string, cure func(*Refusal) string) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	says := ""
	if r, ok := errors.AsType[*Refusal](err); ok {
		says = cure(r)
	} else if fault.KindOf(err) == fault.Temporary {
		says = strings.TrimPrefix(strings.TrimPrefix(l.Base, "http://"), "https://") + " cannot be reached: " + unreachable
	}
	if says == "" {
		return err
	}
	return fault.New(fault.KindOf(err), l.op("Check"), l.Name, fmt.Errorf("%s (%w)", says, cause(err)))
}
