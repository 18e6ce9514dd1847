package ledger

import (
	"context"

	"kodoferry/shared/fault"
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
