package audit

import (
	"testing"

	"kodoferry/shared/ledger/formats"
)

func TestChangesAreAsTheirFormatsSay(t *testing.T) {
	formats.Record[Asked](t, "audit/<time>-<nonce>/asked.json")
	formats.Record[Ended](t, "audit/<time>-<nonce>/ended.json")
}
