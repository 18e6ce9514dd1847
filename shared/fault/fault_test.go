package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"kodoferry/shared/fault"
)

func TestAnErrorsKindDecidesWhetherToTryAgain(t *testing.T) {
	boom := errors.New("boom")
	for name, tc := range map[string]struct {
		err       error
		want      fault.Kind
		retryable bool
	}{
		"nothing":                             {nil, "", true},
		"an error nobody classified":          {boom, fault.Unknown, true},
		"denied":                              {fault.New(fault.Denied, "oss.Put", "a", boom), fault.Denied, false},
		"not found, below a sentence":         {fmt.Errorf("copy: %w", fault.New(fault.NotFound, "kodo.Open", "a", boom)), fault.NotFound, false},
		"the outermost kind counts":           {fault.New(fault.Corrupt, "copy", "a", fault.New(fault.NotFound, "kodo.Open", "a", boom)), fault.Corrupt, true},
		"written by a newer version":          {fault.New(fault.Newer, "task.Decode", "", boom), fault.Newer, true},
		"a deadline":                          {context.DeadlineExceeded, fault.Temporary, true},
		"a cancel, below a sentence":          {fmt.Errorf("list: %w", context.Canceled), fault.Temporary, true},
		"a body that ended early":             {io.ErrUnexpectedEOF, fault.Temporary, true},
		"a connection that was reset":         {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, fault.Temporary, true},
		"a host name that does not exist":     {&net.DNSError{Err: "no such host", IsNotFound: true}, fault.Temporary, true},
		"an error among several":              {errors.Join(boom, fault.New(fault.Invalid, "job.New", "", boom)), fault.Invalid, false},
		"throttled, with a time to wait":      {fault.Throttle("oss.Put", "a", time.Second, boom), fault.Throttled, true},
		"an error without a cause of its own": {fault.New(fault.Changed, "oss.Put", "a", nil), fault.Changed, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.KindOf(tc.err); got != tc.want {
				t.Errorf("KindOf = %q, want %q", got, tc.want)
			}
			if got := fault.Retryable(tc.err); got != tc.retryable {
				t.Errorf("Retryable = %v, want %v", got, tc.retryable)
			}
		})
	}
}

func TestAThrottleSaysHowLongToWait(t *testing.T) {
	err := fmt.Errorf("copy: %w", fault.Throttle("oss.Put", "a", 3*time.Second, errors.New("503")))
	if got := fault.WaitOf(err); got != 3*time.Second {
		t.Errorf("WaitOf = %v, want 3s", got)
	}
	if got := fault.WaitOf(errors.New("boom")); got != 0 {
		t.Errorf("WaitOf(another) = %v, want 0", got)
	}
}

func TestAStatusMeansAKind(t *testing.T) {
	for status, want := range map[int]fault.Kind{
		200: fault.Unknown, 400: fault.Invalid, 401: fault.Denied, 403: fault.Denied, 404: fault.NotFound, 409: fault.Changed,
		410: fault.NotFound, 412: fault.Changed, 408: fault.Temporary, http.StatusTooManyRequests: fault.Throttled,
		416: fault.Invalid, 500: fault.Temporary, 503: fault.Throttled, 599: fault.Temporary,
	} {
		if got := fault.FromStatus(status); got != want {
			t.Errorf("FromStatus(%d) = %q, want %q", status, got, want)
		}
	}
}

func TestAnErrorNamesOperationKeyAndCause(t *testing.T) {
	err := fault.New(fault.Denied, "oss.Put", "a\n", errors.New("403"))
	if got, want := err.Error(), `oss.Put "a\n": denied: 403`; got != want {
		t.Errorf("Error = %s, want %s", got, want)
	}
	if got, want := fault.New(fault.Denied, "oss.Check", "", errors.New("403")).Error(), "oss.Check: denied: 403"; got != want {
		t.Errorf("Error = %s, want %s", got, want)
	}
}

func TestASentenceIsTheCausesAlone(t *testing.T) {
	inner := fault.New(fault.Denied, "oss.Put", "a/b", errors.New("grant oss:PutObject"))
	for want, err := range map[string]error{
		"no fault": errors.New("no fault"),
		"the target: grant oss:PutObject (try 2)": fmt.Errorf("the target: %w (try 2)", inner),
		"copying: grant oss:PutObject":            fault.New(fault.Temporary, "pipeline.Copy", "", fmt.Errorf("copying: %w", inner)),
	} {
		if got := fault.Sentence(err); got != want {
			t.Errorf("the sentence of %q is %q, want %q", err, got, want)
		}
	}
}
