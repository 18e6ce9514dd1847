package sent

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
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
func (m Marks) Waits(ctx context.Context, run, task string, resend int64) (newer bool, err error) {
	r := m.of.Run(run)
	c, err := ReadChain(ctx, r, task)
	if err != nil && !ledger.Missing(err) || c.Resend > resend {
		return c.Resend > resend, err
	}
	return false, WriteChain(ctx, r, task, Chain{Resend: resend})
}

// WriteChain replaces what is known of a task's messages.
func WriteChain(ctx context.Context, r *ledger.Run, task string, c Chain) error {
	c.V = ledger.Version
	return files.WriteRecord(ctx, r.Folder(), chainName(task), c)
}

// ReadChain reads what is known of a task's messages. NotFound where the task
// neither waited nor was sent again, or did so before marks were dropped.
func ReadChain(ctx context.Context, r *ledger.Run, task string) (Chain, error) {
	c, at, err := files.ReadDatedRecord[Chain](ctx, r.Folder(), chainName(task))
	c.At = at
	return c, err
}

// askers is how many records are asked for side by side.
const askers = 32

// SealedAt tells when the record was written that names a batch, or nearly so,
// by the store's clock: its message was sent then. It costs one request for the
// batches of a shard, and one for each that took the rest of another.
func SealedAt(ctx context.Context, r *ledger.Run, batches []string) (map[string]time.Time, error) {
	records := map[string][]string{} // and the batches of each
	for _, b := range batches {
		name := ledger.SegmentName(b)
		if shard, _, _ := strings.Cut(b, "-"); !strings.Contains(b, ".") {
			name = "closed/" + shard
			if parent, again := ledger.ParentOf(shard); again {
				name = "verified/" + parent
			}
		}
		records[name] = append(records[name], b)
	}
	written := make(chan map[string]time.Time, 1)
	written <- map[string]time.Time{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(askers)
	for name, of := range records {
		g.Go(func() error {
			o, err := r.Folder().Stat(gctx, name)
			if ledger.Missing(err) {
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
