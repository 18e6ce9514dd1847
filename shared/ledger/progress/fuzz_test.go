package progress

import (
	"reflect"
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files/filestest"
)

// FuzzRecord reads any bytes as a record of each kind.
func FuzzRecord(f *testing.F) {
	filestest.Fuzz(f,
		filestest.Of[provedIn]("verified/1", ledger.Proved{V: ledger.Version, Shard: "1", Failures: []ledger.Failure{{Key: "a"}, {Key: "b"}}}),
	)
}

// FuzzFailures takes any failures after those there are: in order, none lost before
// the last that is taken, at most MaxFailures.
func FuzzFailures(f *testing.F) {
	for _, raw := range []string{`[{"key":"b"},{"key":"d"}]`, `[{"key":"a"},1]`, `{}`, `[`, `null`, ``} {
		f.Add([]byte(raw))
	}
	have := []ledger.Failure{{Key: "a"}, {Key: "c"}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := firstFailures(have, raw)
		if len(got) < len(have) || len(got) > ledger.MaxFailures {
			t.Errorf("%d failures of %q, want %d to %d", len(got), raw, len(have), ledger.MaxFailures)
		}
		for _, one := range have {
			found := false
			for _, g := range got {
				found = found || reflect.DeepEqual(g, one)
			}
			if !found {
				t.Errorf("%q: the failure of %q is lost", raw, one.Key)
			}
		}
	})
}
