// Package fault says what kinds of trouble there are. A Kind is the coarsest
// term that still decides an action: try again, wait, start the object again,
// write it off, or fail the whole task. Every driver turns its service's
// answers into these kinds; nothing above a driver looks at a status or a text.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Kind says what went wrong.
type Kind string

const (
	Unknown   Kind = "unknown"   // not classified: treated as temporary
	Temporary Kind = "temporary" // timeout, reset, 5xx: the same call may succeed later
	Throttled Kind = "throttled" // told to slow down: the same call succeeds after a wait
	NotFound  Kind = "not_found" // the key, upload, bucket or queue does not exist
	Denied    Kind = "denied"    // credentials or policy: no retry will help
	Invalid   Kind = "invalid"   // the request itself is wrong: no retry will help
	Changed   Kind = "changed"   // the object is not the one that was asked for, or is there where none was expected
	Corrupt   Kind = "corrupt"   // bytes arrived but their digest is wrong
	Later     Kind = "later"     // nothing can be decided or noted now: leave the task's message to its queue, which delivers it again
	Newer     Kind = "newer"     // written by a newer version of Ferry: leave it to a process that can read it
)

// Error ties a Kind to the operation and the thing it was about.
type Error struct {
	Kind Kind
	Op   string        // "kodo.Open", "mns.Send": package and method
	Key  string        // object key, queue or segment name; may be empty
	Wait time.Duration // how long the service asked to wait; only with Throttled, 0 where it named no time
	Err  error         // the cause, never nil
}

// New returns an Error of the given kind. A nil cause is replaced by the kind's name.
func New(kind Kind, op, key string, cause error) *Error {
	if cause == nil {
		cause = errors.New(string(kind))
	}
	return &Error{Kind: kind, Op: op, Key: key, Err: cause}
}

// Throttle returns a Throttled error that says how long to wait (0: not said).
func Throttle(op, key string, wait time.Duration, cause error) *Error {
	e := New(Throttled, op, key, cause)
	e.Wait = wait
	return e
}

// Error reads `op "key": kind: cause`.
func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s: %s: %v", e.Op, e.Kind, e.Err)
	}
	return fmt.Sprintf("%s %q: %s: %v", e.Op, e.Key, e.Kind, e.Err)
}

// Sentence returns the text of err for people: of each Error in it only the cause,
// which names the thing and the cure. Operation, key and kind are for logs.
func Sentence(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err.Error()
	}
	return strings.Replace(err.Error(), e.Error(), Sentence(e.Err), 1)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost Error in err's chain. Errors of the
// network and of contexts are Temporary, everything else is Unknown. KindOf(nil) is "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EPIPE),
		errors.Is(err, net.ErrClosed):
		return Temporary
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return Temporary
	}
	return Unknown
}

// Retryable reports whether trying again, unchanged, could succeed.
func Retryable(err error) bool {
	switch KindOf(err) {
	case NotFound, Denied, Invalid:
		return false
	}
	return true
}

// WaitOf returns how long the service asked to wait before the next try, 0 where it did not say.
func WaitOf(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Wait
	}
	return 0
}

// FromStatus returns the kind that an HTTP status means where nothing more is
// known. Drivers start with it and correct what their service means differently.
func FromStatus(status int) Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return Denied
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return Changed
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return Temporary
	case http.StatusTooManyRequests, http.StatusServiceUnavailable: // both say to come back later
		return Throttled
	}
	switch {
	case status >= 500:
		return Temporary
	case status >= 400:
		return Invalid
	}
	return Unknown
}
