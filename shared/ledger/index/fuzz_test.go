package index

import (
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files/filestest"
)

// FuzzRecord reads any bytes as a record of each kind.
func FuzzRecord(f *testing.F) {
	filestest.Fuzz(f,
		filestest.Of[recalled]("open.json", recalled{V: ledger.Version}),
		filestest.Of[PairRun]("pairs/p/1-j.json", PairRun{V: ledger.Version, Last: ledger.Last{Run: "j/1"}}),
	)
}
