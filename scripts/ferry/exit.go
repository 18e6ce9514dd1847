package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"kodoferry/shared/fault"
)

// The exit codes. They are promised in the root command's help and in the README.
const (
	exitOK          = 0
	exitOther       = 1   // anything that has no code of its own: a host that cannot be reached
	exitUsage       = 2   // wrong usage or configuration
	exitIncomplete  = 3   // finished, but something failed, conflicts or differs, or there was nothing to copy
	exitInterrupted = 130 // Ctrl-C or SIGTERM; the same command goes on
)

// errIncomplete ends a command whose run ended with something left for a person, which is
// printed already.
var errIncomplete = errors.New("incomplete")

// errInterrupted ends a command at Ctrl-C.
var errInterrupted = errors.New("interrupted")

// usageError is wrong usage or configuration.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// misconfigured makes err one of configuration where that is what it is about: wrong
// words, wrong keys, wrong bucket.
func misconfigured(err error) error {
	for _, e := range apart(err) {
		switch fault.KindOf(e) {
		case fault.Invalid, fault.Denied, fault.NotFound:
			return usageError{err}
		}
	}
	return err
}

// exitCode is the one place where an error becomes a code.
func exitCode(ctx context.Context, err error) int {
	_, usage := errors.AsType[usageError](err)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errIncomplete):
		return exitIncomplete
	case ctx.Err() != nil:
		return exitInterrupted
	case usage:
		return exitUsage
	}
	return exitOther
}

// complain prints err, a line for each of the errors it joins.
func complain(w io.Writer, err error) {
	said := map[string]bool{}
	for _, e := range apart(err) {
		if text := fault.Sentence(e); !said[text] {
			said[text] = true
			_, _ = fmt.Fprintln(w, "ferry:", text) // there is no other place to report it
		}
	}
}

// apart takes joined errors apart, also those that one fault holds.
func apart(err error) []error {
	switch e := err.(type) {
	case nil:
		return nil
	case usageError:
		return apart(e.err)
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range e.Unwrap() {
			all = append(all, apart(one)...)
		}
		return all
	case *fault.Error:
		if many, ok := e.Err.(interface{ Unwrap() []error }); ok {
			var all []error
			for _, one := range many.Unwrap() {
				all = append(all, fault.New(e.Kind, e.Op, e.Key, one))
			}
			return all
		}
	}
	return []error{err}
}
