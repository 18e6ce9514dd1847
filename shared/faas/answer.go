package faas

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// failure is one message that failed.
type failure struct {
	id    string
	index int
	err   error
}

type failures []failure

// maxReason bounds the bytes of one message's reason in an answer: a batch may hold thousands.
const maxReason = 500

func (f failure) String() string {
	reason := f.err.Error()
	if len(reason) > maxReason {
		cut := maxReason
		for !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut] + "…"
	}
	return "message " + f.name() + ": " + reason
}

// name is the message's id, or its place in the event if that gives none.
func (f failure) name() string {
	if f.id == "" {
		return fmt.Sprintf("#%d", f.index+1)
	}
	return f.id
}

// partial is what Lambda expects of a function that reports batch item
// failures. A record without an id is named "", for which Lambda takes the
// whole batch for failed.
func (f failures) partial() ([]byte, error) {
	type item struct {
		ID string `json:"itemIdentifier"`
	}
	answer := struct {
		Failures []item `json:"batchItemFailures"`
	}{make([]item, len(f))}
	for i, one := range f {
		answer.Failures[i].ID = one.id
	}
	return json.Marshal(answer)
}

// done answers an invocation in which n things were done.
func done(n int) []byte {
	return fmt.Appendf(nil, `{"done":%d}`, n)
}

// The names of these types are what the platforms show as the kind of error.

// notReady is an invocation of a function that is not configured.
type notReady struct{ err error }

func (e *notReady) Error() string { return "the function is not configured: " + e.err.Error() }
func (e *notReady) Unwrap() error { return e.err }

// messagesFailed is an invocation with messages that failed, where the
// platform takes one answer for all.
type messagesFailed struct {
	failures
	of int
}

func (e *messagesFailed) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d messages failed", len(e.failures), e.of)
	if e.of > len(e.failures) {
		b.WriteString(" (the others will be delivered again with them)")
	}
	sep := ": "
	for _, f := range e.failures {
		b.WriteString(sep)
		b.WriteString(f.String())
		sep = "; "
	}
	return b.String()
}

func (e *messagesFailed) Unwrap() []error {
	errs := make([]error, len(e.failures))
	for i, f := range e.failures {
		errs[i] = f.err
	}
	return errs
}

// unreadable is an event, or a piece of one, that is none of those this package knows.
type unreadable struct{ saw, cure string }

func (e *unreadable) Error() string { return "the event is " + e.saw + ": " + e.cure }
