package sent

import (
	"testing"

	"kodoferry/shared/ledger/formats"
)

func TestRecordsAreAsTheirFormatsSay(t *testing.T) {
	formats.Record[Chain](t, "sent/chain-<task>")
}
