package upload

import (
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files/filestest"
	"kodoferry/shared/store"
)

// FuzzRecord reads any bytes as a record of each kind.
func FuzzRecord(f *testing.F) {
	filestest.Fuzz(f,
		filestest.Of[Upload]("uploads/0-1", Upload{V: ledger.Version, Batch: "0-1", ID: "U", PartSize: 4 << 20, PerTask: 1, Row: ledger.Row{Src: store.Object{Key: "k", Size: 9}}}),
		filestest.Of[Parts]("parts/0-1/1-2", Parts{V: ledger.Version, From: 1, To: 2}),
		filestest.Of[aborted]("aborted.json", aborted{V: ledger.Version}),
	)
}
