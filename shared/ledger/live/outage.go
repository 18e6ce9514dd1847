package live

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
)

// Outage is a side of a run that did not answer when a task last asked it:
// `sent/outage-<side>`. The file is replaced in place, no record depends on it, and
// it passes as marks do.
type Outage struct {
	V     int       `json:"v"`
	Side  string    `json:"side"`  // source, target
	Since time.Time `json:"since"` // when it was first met, as far as the process knows that wrote this
	Asked time.Time `json:"asked"` // when it last did not answer
	Why   string    `json:"why"`   // what came in place of an answer

	Written time.Time `json:"-"` // when that was written, by the store's clock
}

// mostWords is how many bytes are kept of what came in place of an answer.
const mostWords = 500

func outageName(side string) string { return "sent/outage-" + side }

// WriteOutage replaces what is known of a side that does not answer.
func WriteOutage(ctx context.Context, dir files.Folder, o Outage) error {
	o.V, o.Why = files.Version, fault.Brief(o.Why, mostWords)
	return files.WriteRecord(ctx, dir, outageName(o.Side), o)
}

// ReadOutage returns what was last noted of sides that did not answer, zero where
// nothing was. It costs a request a side, made at the same time.
func ReadOutage(ctx context.Context, dir files.Folder, sides ...string) (last Outage, err error) {
	found := make([]Outage, len(sides))
	g, ctx := errgroup.WithContext(ctx)
	for i, side := range sides {
		g.Go(func() (err error) {
			if found[i], found[i].Written, err = files.ReadDatedRecord[Outage](ctx, dir, outageName(side)); files.Missing(err) {
				err = nil
			}
			return err
		})
	}
	err = g.Wait()
	for _, o := range found {
		if o.Asked.After(last.Asked) {
			last = o
		}
	}
	return last, err
}
