package ledger_test

import (
	"fmt"
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

func TestEarlierProversAreCountedAndBounded(t *testing.T) {
	var c ledger.Counts
	row := func(prover string, state ledger.State) *ledger.Row {
		return &ledger.Row{Src: store.Object{Size: 2}, State: state, Proof: ledger.ByQetag, Prover: prover}
	}
	c.Count(row("", ledger.Copied)) // by this run
	c.Count(row("j/0", ledger.Conflict))
	for i := range 2 * ledger.MaxProvers {
		c.Count(row(fmt.Sprintf("j/%02d", i), ledger.Unchanged))
	}
	c.Count(row("j/00", ledger.Unchanged))
	var sum ledger.Counts
	sum.Add(c)
	sum.Add(c)
	if got := sum.Provers; len(got) != ledger.MaxProvers+1 || got["j/00"] != (ledger.Tally{Objects: 4, Bytes: 8}) || got[""] != (ledger.Tally{Objects: 2 * ledger.MaxProvers, Bytes: 4 * ledger.MaxProvers}) {
		t.Errorf("%d runs, %+v, want %d named, and the others together", len(got), got, ledger.MaxProvers)
	}
}
