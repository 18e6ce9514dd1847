package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"kodoferry/shared/fault"
)

// coded is what a service answers: a code, and words with an id.
type coded struct{ id string }

func (c coded) Error() string { return "status 403 AccessDenied (request " + c.id + ")" }
func (c coded) Cause() string { return "status 403 AccessDenied" }

func TestACauseIsTheSameWhateverStandsInTheText(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	odd := func() string {
		var s strings.Builder
		for range 1 + r.IntN(12) {
			s.WriteString([]string{"; ", `"`, "'", "%d", "%!s", "7f3a", "键", "\n", " ", "a", "0", "\\", "…", ": "}[r.IntN(14)])
		}
		return s.String()
	}
	reset := func() error {
		return &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: r.IntN(60000)}, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	for want, make := range map[string]func() error{
		"oss.Put: denied: status 403 AccessDenied": func() error { return fault.New(fault.Denied, "oss.Put", odd(), coded{odd()}) },
		"the key … has … bytes; give it a shorter one": func() error {
			return fault.Errorf("the key %q has %d bytes; give it a shorter one", odd(), r.IntN(9999))
		},
		"copy: temporary: the bucket has it (kodo.Open: not_found: status 403 AccessDenied)": func() error {
			return fault.New(fault.Temporary, "copy", odd(), fault.Errorf("the bucket has it (%w)", fault.New(fault.NotFound, "kodo.Open", odd(), coded{odd()})))
		},
		"kodo.Open: temporary: connection reset by peer": func() error { return fault.New(fault.Temporary, "kodo.Open", odd(), reset()) },
		"s3.Open: temporary: connection reset by peer": func() error {
			return fault.New(fault.Temporary, "s3.Open", odd(), fmt.Errorf("reading %q: %w", odd(), reset()))
		},
		"the name of the host cannot be resolved": func() error { return &net.DNSError{Err: "no such host", Name: odd()} },
		"unexpected EOF": func() error { return fmt.Errorf("after %d bytes: %w", r.IntN(999), io.ErrUnexpectedEOF) },
		"context deadline exceeded, status 403 AccessDenied": func() error { return errors.Join(context.DeadlineExceeded, coded{odd()}) },
		"a library says … of …":                              func() error { return fmt.Errorf("a library says %q of %dx", odd(), r.IntN(99)) },
		"100 % of …":                                         func() error { return fault.Errorf("100 %% of %s", odd()) },
	} {
		for range 50 {
			if err := make(); fault.Cause(err) != want {
				t.Errorf("the cause of %q is %q, want %q", err, fault.Cause(err), want)
				break
			}
		}
	}
}

func TestACauseIsBounded(t *testing.T) {
	err := error(coded{"1"})
	for range 50 {
		err = fault.New(fault.Temporary, "a.Call", "key", err)
	}
	if got := fault.Cause(err); len(got) > 310 {
		t.Errorf("the cause has %d bytes, want 300 at most and a sign", len(got))
	}
	for s, want := range map[string]string{"AccessDenied": "AccessDenied", "InvalidCrc64": "InvalidCrc64", "SDK.Bad_Thing": "SDK.Bad_Thing", "req-12ab": "", "7f3a99b1": "", "a b": "", strings.Repeat("x", 51): ""} {
		if got := fault.Word(s); got != want {
			t.Errorf("Word(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestAnErrorWithACauseIsOneLikeAnyOther(t *testing.T) {
	err := fault.New(fault.Temporary, "copy", "k", fault.Errorf("it ended after %d bytes: %w", 7, io.ErrUnexpectedEOF))
	if got, want := err.Error(), `copy "k": temporary: it ended after 7 bytes: unexpected EOF`; got != want || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, an early end %v, want %q and true", got, errors.Is(err, io.ErrUnexpectedEOF), want)
	}
}
