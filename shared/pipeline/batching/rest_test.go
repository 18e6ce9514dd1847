package batching_test

import (
	"strings"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/store"
)

func TestEachRowOfABatchEndedOrIsInOneOther(t *testing.T) {
	row := func(key string, size int64, state ledger.State, then ledger.Then) ledger.Row {
		return ledger.Row{Src: store.Object{Key: key, Size: size}, State: state, Then: then}
	}
	rows := []ledger.Row{
		row("a", 1, ledger.Copied, ""),
		row("b", 2, ledger.Pending, ""),
		row("c", 300, ledger.Pending, ""),
		row("d", 4, ledger.Failed, ledger.Remove),
		row("e", 5, ledger.Copied, ledger.Look),
		row("f", 600, ledger.Pending, ""),
	}
	var j job.Job
	j.Limits.PartsAbove = 100
	ended, rest := batching.Divide(j, "0-x00001.2abcdefgh", rows)
	if len(ended) != 1 || ended[0].Key() != "a" {
		t.Errorf("ended are %v, want a alone", ended)
	}
	var got []string
	for _, r := range rest {
		line := ""
		for _, row := range r.Rows {
			line += row.Key()
		}
		if r.Ref.Parts {
			line += " in parts"
		}
		if r.Ref.Remove {
			line += " removed"
		}
		if !strings.HasPrefix(r.Ref.ID, "0-x00001.3") || r.Ref.First != r.Rows[0].Key() || r.Ref.Last != r.Rows[len(r.Rows)-1].Key() || r.Ref.Pending != len(r.Rows) || r.Ref.Bytes != batching.Sizes(r.Rows) {
			t.Errorf("%s is named %+v", line, r.Ref)
		}
		got = append(got, line)
	}
	if got, want := strings.Join(got, ", "), "c in parts, f in parts, d removed, be"; got != want {
		t.Errorf("the rest is %q, want %q", got, want)
	}
}
