package closing

import (
	"testing"

	"kodoferry/shared/ledger"
)

// The report of a cancelled run counts the keys of a list that the source does not have as
// that of any other run does.
func TestACancelledRunCountsTheKeysThatTheSourceHasNot(t *testing.T) {
	var p ledger.Proved
	for _, row := range []ledger.Row{
		{State: ledger.Gone, Cause: ledger.NotThere}, {State: ledger.Gone, Cause: ledger.Vanished}, {State: ledger.Pending}, {State: ledger.Gone, Cause: ledger.NotThere},
	} {
		tallyRow(&p, row)
	}
	if p.Counts.Absent != 2 || p.Counts.States[ledger.Gone].Objects != 3 {
		t.Errorf("%d absent of %d gone, want 2 of 3", p.Counts.Absent, p.Counts.States[ledger.Gone].Objects)
	}
}
