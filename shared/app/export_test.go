package app

import (
	"context"
	"log/slog"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
	"kodoferry/shared/queue"
	"kodoferry/shared/store/kodo"
)

// Notifier is the function that receives notifications, without its HTTP.
type Notifier struct{ notifier *notifier }

// NewNotifier returns one more process that receives notifications for d, by
// the clock now.
func NewNotifier(d *Deployment, now func() time.Time) Notifier {
	f := &function{log: slog.New(slog.DiscardHandler), deploy: func() (*Deployment, error) { return d, nil }}
	return Notifier{&notifier{function: f, tasks: control.Notifier{Now: now}}}
}

// Notified receives a notification of some keys of a bucket and returns the
// answer's status, 503 with an error.
func (n Notifier) Notified(ctx context.Context, bucket string, keys ...string) (status int, err error) {
	var notices []kodo.Notice
	for _, k := range keys {
		notices = append(notices, kodo.Notice{Bucket: bucket, Key: k})
	}
	h, err := n.notifier.take(ctx, notices)
	if err != nil {
		return 503, err
	}
	return response(h).Status, nil
}

// Reopen has d know its runs from another ledger.
func (d *Deployment) Reopen(l *ledger.Ledger) { d.ledger = l }

// Settle does a message as an agent or a function does one that came from that queue.
func (d *Deployment) Settle(ctx context.Context, from string, m queue.Message, do func(context.Context, queue.Message) error) error {
	return d.inbox.Settle(ctx, from, m, do)
}
