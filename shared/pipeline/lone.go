package pipeline

import (
	"context"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/task"
)

// lone tells trouble with one key from trouble with the whole target, for the
// questions about single keys that a walk over both listings asks on its way: one
// object that is not described must not keep the others of its stretch from being
// listed and proved.
type lone struct {
	run  *run
	task task.Task

	mu     sync.Mutex
	answer time.Time // until when the target counts as one that answers
}

// answersFor is how long a target that was found to answer is not asked again.
const answersFor = 30 * time.Second

// is reports whether err, of a question about key, is trouble with that key alone:
// the target answers others. What may pass by itself counts only once the task was
// tried again for it, and a throttle never does.
func (l *lone) is(ctx context.Context, key string, err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid:
		return true
	case fault.Denied:
	case fault.Temporary, fault.Unknown:
		if l.task.Attempt == 0 {
			return false
		}
	default:
		return false
	}
	if ctx.Err() != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.After(l.answer) {
		if l.run.probe(ctx, target, false, key) != nil || ctx.Err() != nil {
			return false
		}
		l.answer = now.Add(answersFor)
	}
	return true
}

// askTarget decides a row that the listings could not. Where the target does not
// describe the one object the row stays pending, as something is there that is not
// judged: it is not replaced unlooked at, so its copy tells what is the matter.
func (l *lone) askTarget(ctx context.Context, row *ledger.Row) error {
	err := l.run.rules.Ask(ctx, row)
	if err == nil || !l.is(ctx, row.Key(), err) {
		return err
	}
	row.Dst = &ledger.Dst{Size: row.Dst.Size, Modified: row.Dst.Modified}
	l.run.log.WarnContext(ctx, "target object not described, left to its copy", "key", row.Key(), "fault", fault.KindOf(err), "err", err)
	return nil
}
