package ledger

import (
	"context"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Marked reports whether the task whose body has that name was done and what
// follows from it sent.
func (l *Ledger) Marked(ctx context.Context, run, name string) (bool, error) {
	_, err := l.bucket.Stat(ctx, l.Run(run).Path("sent/"+name))
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Claim marks that name for one alone: it reports whether nobody had.
func (l *Ledger) Claim(ctx context.Context, run, name string) (bool, error) {
	_, won, err := l.Run(run).create(ctx, "sent/"+name, []byte(Nonce()))
	return won, err
}

// Mark says so. A mark that is lost costs a repetition, nothing else.
func (l *Ledger) Mark(ctx context.Context, run, name string) error {
	return l.Run(run).write(ctx, "sent/"+name, nil)
}

// brief reports whether a name is one of those that only help while messages
// are under way. A bucket's lifecycle rule drops them later than any can be.
func brief(name string) bool {
	return strings.HasPrefix(name, "sent/") || strings.HasPrefix(name, "live/")
}

// put writes data under the run's name, once.
func (r *Run) put(ctx context.Context, name string, data []byte, how store.Put) error {
	how.Brief = brief(name)
	return r.ledger.put(ctx, r.base+name, data, how)
}

// put writes data under key, once. Keys that may write but not mark what is
// brief write it as any other: then it stays until it is cleaned away.
func (l *Ledger) put(ctx context.Context, key string, data []byte, how store.Put) error {
	marked := how.Brief && !l.plain.Load()
	how.Brief = marked
	err := l.putAs(ctx, key, data, how)
	if !marked || fault.KindOf(err) != fault.Denied {
		return err
	}
	how.Brief = false
	if err = l.putAs(ctx, key, data, how); err == nil {
		l.plain.Store(true)
	}
	return err
}
