package ledger

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Chain is what is known of the messages of one task that waits in a queue, or
// was sent again: `sent/chain-<task>`. A task that waits sends itself anew; all
// the messages that come of one another so are a chain. The file is replaced in
// place, no record depends on it, and it passes as marks do.
type Chain struct {
	V      int       `json:"v"`
	Resend int64     `json:"resend,omitempty"` // the newest chain of the task: what its messages carry
	Times  int       `json:"times,omitempty"`  // how often it was sent again since a message of it was last seen
	At     time.Time `json:"-"`                // when this was written, by the store's clock
}

func chainName(task string) string { return "sent/chain-" + task }

// Waits takes in that a message of the task's chain resend was received and that
// the task waits. newer reports that the task has been sent again since: the
// newer chain waits in its place. It costs two requests.
func (l *Ledger) Waits(ctx context.Context, run, task string, resend int64) (newer bool, err error) {
	r := l.Run(run)
	c, err := r.Chain(ctx, task)
	if err != nil && !Missing(err) || c.Resend > resend {
		return c.Resend > resend, err
	}
	return false, r.SetChain(ctx, task, Chain{Resend: resend})
}

// SetChain replaces what is known of a task's messages.
func (r *Run) SetChain(ctx context.Context, task string, c Chain) error {
	c.V = Version
	data, err := json.Marshal(c)
	if err != nil {
		return fault.New(fault.Invalid, "ledger.SetChain", task, err)
	}
	return r.write(ctx, chainName(task), data)
}

// Chain reads what is known of a task's messages. NotFound where the task
// neither waited nor was sent again, or did so before marks were dropped.
func (r *Run) Chain(ctx context.Context, task string) (Chain, error) {
	c, at, err := readDated[Chain](ctx, r, chainName(task))
	c.At = at
	return c, err
}

// SealedAt tells when the record was written that names a batch, or nearly so,
// by the store's clock: its message was sent then. It costs one request for the
// batches of a shard, and one for each that took the rest of another.
func (r *Run) SealedAt(ctx context.Context, batches []string) (map[string]time.Time, error) {
	records := map[string][]string{} // and the batches of each
	for _, b := range batches {
		name := segmentName(b)
		if shard, _, _ := strings.Cut(b, "-"); !strings.Contains(b, ".") {
			name = "closed/" + shard
			if parent, again := parentOf(shard); again {
				name = "verified/" + parent
			}
		}
		records[name] = append(records[name], b)
	}
	written := make(chan map[string]time.Time, 1)
	written <- map[string]time.Time{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(walkers)
	for name, of := range records {
		g.Go(func() error {
			o, err := try(gctx, func() (store.Object, error) { return r.ledger.bucket.Stat(gctx, r.Path(name)) })
			if Missing(err) {
				return nil
			}
			all := <-written
			for _, b := range of {
				all[b] = o.Modified
			}
			written <- all
			return err
		})
	}
	err := g.Wait()
	return <-written, err
}
