package report

import (
	"testing"

	"kodoferry/shared/ledger/formats"
)

func TestReportAndManifestAreAsTheirFormatsSay(t *testing.T) {
	formats.Record[Report](t, "report.json")
	formats.Record[Manifest](t, "manifest.json")
}
