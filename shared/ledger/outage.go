package ledger

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
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

func outageName(side string) string { return "sent/outage-" + side }

// NoteOutage replaces what is known of a side that does not answer.
func (r *Run) NoteOutage(ctx context.Context, o Outage) error {
	o.V, o.Why = Version, fault.Brief(o.Why, mostWords)
	data, err := json.Marshal(o)
	if err != nil {
		return fault.New(fault.Invalid, "ledger.NoteOutage", r.Name, err)
	}
	return r.write(ctx, outageName(o.Side), data)
}

// LastOutage returns what was last noted of sides that did not answer, zero where
// nothing was. It costs a request a side, made at the same time.
func (r *Run) LastOutage(ctx context.Context, sides ...string) (last Outage, err error) {
	found := make([]Outage, len(sides))
	g, ctx := errgroup.WithContext(ctx)
	for i, side := range sides {
		g.Go(func() (err error) {
			if found[i], found[i].Written, err = readDated[Outage](ctx, r, outageName(side)); Missing(err) {
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
