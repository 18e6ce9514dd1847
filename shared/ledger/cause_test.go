package ledger_test

import (
	"errors"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
)

// TestAReasonIsTheSentenceWhereThatSaysAll: the operation stands in front of what a service says
// alone.
func TestAReasonIsTheSentenceWhereThatSaysAll(t *testing.T) {
	sentence := fault.Errorf("the access key may not write it; grant it oss:PutObject on the bucket's objects (%w)", errors.New("status 403"))
	for name, tc := range map[string]struct {
		err           error
		reason, cause string
	}{
		"invalid":                  {fault.New(fault.Invalid, "oss.Put", "k", errors.New("too long")), "too long", "too long"},
		"denied, and why":          {fault.New(fault.Denied, "oss.Put", "k", sentence), sentence.Error(), "the access key may not write it; grant it oss:PutObject on the bucket's objects (status …)"},
		"denied, and not said why": {fault.New(fault.Denied, "oss.Put", "k", errors.New("no")), `oss.Put "k": denied: no`, "oss.Put: denied: no"},
		"temporary":                {fault.New(fault.Temporary, "oss.Put", "k", fault.Errorf("it ended early")), `oss.Put "k": temporary: it ended early`, "oss.Put: temporary: it ended early"},
		"an answer within":         {fault.New(fault.Invalid, "copy", "k", fault.Errorf("the host lacks it (%w)", fault.New(fault.NotFound, "kodo.Open", "k", errors.New("no")))), "the host lacks it (no)", "the host lacks it (kodo.Open: not_found: no)"},
	} {
		if reason, cause := ledger.Reason(tc.err), ledger.CauseOf(tc.err); reason != tc.reason || string(cause) != tc.cause {
			t.Errorf("%s: %q because of %q, want %q because of %q", name, reason, cause, tc.reason, tc.cause)
		}
	}
}
