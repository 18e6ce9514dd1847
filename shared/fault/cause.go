package fault

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"
)

// maxCause is how many bytes of a cause are kept.
const maxCause = 300

// Cause is what err has in common with all others that arise for the same reason:
// its operation and kind, as Error tells them, and its sentence as it stands in the
// code, with "…" where that has a value: a key, a hash, an id, a number. An error
// may name its cause itself by a method Cause() string. Whatever a service or a
// library says in words of its own is masked.
func Cause(err error) string {
	return Brief(causeOf(err), maxCause)
}

// Brief is the first most bytes of text, in whole characters, with "…" behind them
// where there are more.
func Brief(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func causeOf(err error) string {
	switch e := err.(type) {
	case nil:
		return ""
	case interface{ Cause() string }:
		return e.Cause()
	case *Error:
		return e.Op + ": " + string(e.Kind) + ": " + causeOf(e.Err)
	case syscall.Errno:
		return e.Error()
	case *net.DNSError:
		return "the name of the host cannot be resolved"
	case interface{ Unwrap() []error }:
		var all []string
		for _, one := range e.Unwrap() {
			all = append(all, causeOf(one))
		}
		return strings.Join(all, ", ")
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return causeOf(inner)
		}
	}
	return masked.ReplaceAllString(err.Error(), "…")
}

// masked finds what may differ from one object to the next in words that are not ours:
// what is quoted, and all that holds a digit.
var masked = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\S*\pN\S*`)

// Errorf is fmt.Errorf for an error that knows its cause: the format is the
// sentence, its values are left out, and of an error among them its cause is told.
// What follows "; " in the format is the cure.
func Errorf(format string, args ...any) error {
	return &caused{fmt.Errorf(format, args...), sentence(format, args)}
}

// Worded reports whether err is a sentence of ours, made by Errorf.
func Worded(err error) bool {
	_, ok := err.(*caused)
	return ok
}

// caused is an error with the sentence that it was made of.
type caused struct {
	error
	cause string
}

func (c *caused) Cause() string { return c.cause }

func (c *caused) Unwrap() error { return c.error }

// verb is a verb of a format, without an explicit index, which no sentence of ours has.
var verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]*)?[%a-zA-Z]`)

func sentence(format string, args []any) string {
	n := -1
	return verb.ReplaceAllStringFunc(format, func(v string) string {
		if v == "%%" {
			return "%"
		}
		if n++; n < len(args) {
			if err, ok := args[n].(error); ok {
				return causeOf(err)
			}
		}
		return "…"
	})
}

// Word is s if that can be a service's code, letters and a few digits, else "": a
// code that tells one request from another is none.
func Word(s string) string {
	digits := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' || r == '_':
		default:
			return ""
		}
	}
	if len(s) > 50 || digits > 3 {
		return ""
	}
	return s
}
