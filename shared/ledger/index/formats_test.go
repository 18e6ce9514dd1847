package index

import (
	"testing"

	"kodoferry/shared/ledger/formats"
)

func TestRecordsAreAsTheirFormatsSay(t *testing.T) {
	formats.Record[PairRun](t, "pairs/<pair>/<time>-<job>.json")
	formats.Record[recalled](t, "open.json")
}
