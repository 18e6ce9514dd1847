package report_test

import (
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

func TestFailuresWithoutACauseAreGroupedByTheirWords(t *testing.T) {
	failures := []ledger.Failure{ // the last as newer versions write it
		{Key: "a", State: ledger.Failed, Reason: `kodo.Open "a": temporary: 503, request 00ab12cd`},
		{Key: "b", State: ledger.Failed, Reason: `kodo.Open "b": temporary: 503, request 00ab12ce`},
		{Key: "c", State: ledger.Failed, Reason: `kodo.Open "c; d": temporary: 503`, Cause: "kodo.Open: temporary: status 503"},
	}
	groups := report.Causes(failures)
	if len(groups) != 2 || groups[0].Count() != 2 || groups[1].Cause != `kodo.Open "c; d": temporary: 503` {
		t.Errorf("%+v, want the first two together and the third by itself, its key whole", groups)
	}
}
