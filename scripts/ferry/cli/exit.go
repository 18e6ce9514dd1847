// Package cli is what the commands share: how a command line is refused, and what it opens.
//
//	exit.go     the exit codes, and which error ends with which
//	args.go     what the arguments may be
//	flags.go    flags of several commands; groups.go their help in paragraphs
//	runs.go     the ledger of the flags, and the run that an argument names
//	steer.go    RunFlags: a command about one run, or about the runs of one job
//	running.go  what a command runs within
package cli

import (
	"context"
	"errors"
	"io"
	"os"

	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/console/language"
	"kodoferry/shared/fault"
)

// The exit codes. They are promised in the root command's help and in README.md beside the commands.
const (
	ExitOK          = 0
	ExitOther       = 1   // anything that has no code of its own: a host that cannot be reached
	ExitUsage       = 2   // wrong usage or configuration
	ExitIncomplete  = 3   // finished, but something failed, conflicts or differs, or there was nothing to copy
	ExitInterrupted = 130 // Ctrl-C, SIGTERM, or a terminal that is gone; the same command goes on
)

// ErrIncomplete ends a command whose run ended with something left for a person, which is
// printed already.
var ErrIncomplete = errors.New("incomplete")

// ErrInterrupted ends a command at Ctrl-C.
var ErrInterrupted = errors.New("interrupted")

// usageError is wrong usage or configuration.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// Usage makes err one of wrong usage or configuration.
func Usage(err error) error { return usageError{err} }

// Misconfigured makes err one of configuration where that is what it is about: wrong
// words, wrong keys, wrong bucket.
func Misconfigured(err error) error {
	for _, e := range Apart(err) {
		switch fault.KindOf(e) {
		case fault.Invalid, fault.Denied, fault.NotFound:
			return Usage(err)
		}
	}
	return err
}

// ExitCode is the one place where an error becomes a code.
func ExitCode(ctx context.Context, err error) int {
	_, usage := errors.AsType[usageError](err)
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, ErrIncomplete):
		return ExitIncomplete
	case ctx.Err() != nil:
		return ExitInterrupted
	case usage:
		return ExitUsage
	}
	return ExitOther
}

// Complain prints err in the language of this process, a line for each of the errors it joins.
func Complain(w io.Writer, err error) {
	said, spoken := map[string]bool{}, language.Spoken(os.Getenv)
	for _, e := range Apart(err) {
		if text := fault.Sentence(e); !said[text] {
			said[text] = true
			_ = show.Print(w, "ferry: "+spoken.Tell(text)) // there is no other place to report it
		}
	}
}

// Apart takes joined errors apart, also those that one fault holds.
func Apart(err error) []error {
	if e, ok := err.(usageError); ok {
		return Apart(e.err)
	}
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fault.Apart(err)
	}
	var all []error
	for _, one := range many.Unwrap() { // each may be one of usage
		all = append(all, Apart(one)...)
	}
	return all
}
