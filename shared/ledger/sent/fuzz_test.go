package sent

import (
	"testing"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files/filestest"
)

// FuzzRecord reads any bytes as a record of each kind.
func FuzzRecord(f *testing.F) {
	filestest.Fuzz(f,
		filestest.Of[Chain]("chain/1", Chain{V: ledger.Version}),
	)
}
