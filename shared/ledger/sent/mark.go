// Package sent is what a ledger remembers of messages, so that none is done twice for
// nothing or lost: which tasks were done and what follows from them sent, and of one
// that waits which chain of its messages is the newest. Start with Marks; chain.go
// has what is known of one task.
//
// No outcome depends on it: what is lost of it costs a repetition.
package sent

import (
	"context"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
)

// Marks are those of a ledger, of all its runs.
type Marks struct {
	of *ledger.Ledger
}

// Of returns the marks of a ledger.
func Of(l *ledger.Ledger) Marks { return Marks{l} }

// Marked reports whether the task whose body has that name was done and what
// follows from it sent.
func (m Marks) Marked(ctx context.Context, run, name string) (bool, error) {
	_, err := m.of.Run(run).Folder().StatOnce(ctx, "sent/"+name)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Claim marks that name, once: it reports whether it was not marked before.
func (m Marks) Claim(ctx context.Context, run, name string) (bool, error) {
	_, won, err := m.of.Run(run).Folder().Create(ctx, "sent/"+name, []byte(ledger.Nonce()))
	return won, err
}

// Mark records that the task was done and what follows from it sent. A mark that is
// lost costs a repetition, nothing else.
func (m Marks) Mark(ctx context.Context, run, name string) error {
	return m.of.Run(run).Folder().Write(ctx, "sent/"+name, nil)
}
