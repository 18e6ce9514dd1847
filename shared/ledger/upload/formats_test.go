package upload

import (
	"testing"

	"kodoferry/shared/ledger/formats"
)

func TestRecordsAreAsTheirFormatsSay(t *testing.T) {
	formats.Record[Upload](t, "uploads/<batch>")
	formats.Record[Parts](t, "parts/<batch>/<from>-<to>")
	formats.Record[aborted](t, "aborted.json")
}
