package verdict

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
)

// Asker asks the target about single keys on the way of a walk over both listings. It
// tells trouble with one key from trouble with the whole target: one object that is not
// described must not keep the others from being listed and proved. It is safe for
// concurrent use.
type Asker struct {
	Rules   *Rules
	Probe   func(ctx context.Context, key string) error // asks whether the target answers, other than about key
	Retried bool                                        // the walk was tried before, and failed by what may pass by itself
	Log     *slog.Logger

	mu      sync.Mutex    // over both
	probing chan struct{} // holds what probes, one at a time; nil before the first
	answers time.Time     // until when the target counts as one that answers
}

// answersFor is how long a target that was found to answer is not probed again.
const answersFor = 30 * time.Second

// Alone reports whether err, of a question about key, is trouble with that key alone:
// the target answers others. An error that may pass by itself counts only where the
// walk is Retried, and a throttle never does.
func (a *Asker) Alone(ctx context.Context, key string, err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid:
		return true
	case fault.Denied:
	case fault.Temporary, fault.Unknown:
		if !a.Retried {
			return false
		}
	default:
		return false
	}
	if ctx.Err() != nil {
		return false
	}
	return a.answer(ctx, key)
}

// answer reports whether the target answers. One caller probes it, the others wait
// for what that finds, or until their ctx ends.
func (a *Asker) answer(ctx context.Context, key string) bool {
	a.mu.Lock()
	if a.probing == nil {
		a.probing = make(chan struct{}, 1)
	}
	probing := a.probing
	a.mu.Unlock()
	select {
	case probing <- struct{}{}:
		defer func() { <-probing }()
	case <-ctx.Done():
		return false
	}
	now := time.Now()
	a.mu.Lock()
	known := !now.After(a.answers)
	a.mu.Unlock()
	if known {
		return true
	}
	if a.Probe(ctx, key) != nil || ctx.Err() != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers = now.Add(answersFor)
	return true
}

// Ask decides a row that Compare could not. Where the target does not describe the one
// object the row stays pending, as one whose target object is not known: the object is
// not replaced without a look at it, so its copy finds what is the matter; one that is
// unchanged stays so, and another writer's. The error is trouble with the target.
func (a *Asker) Ask(ctx context.Context, row *ledger.Row, last *memory.Row) error {
	err := a.Rules.Ask(ctx, row, last)
	if err == nil || !a.Alone(ctx, row.Key(), err) {
		return err
	}
	if row.State == ledger.Unchanged { // its bytes are known
		return nil
	}
	row.Dst = &ledger.Dst{Size: row.Dst.Size, Modified: row.Dst.Modified}
	a.Log.WarnContext(ctx, "target object not described, left to its copy", "key", row.Key(), "fault", fault.KindOf(err), "err", err)
	return nil
}
