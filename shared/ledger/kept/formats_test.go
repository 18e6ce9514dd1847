package kept

import (
	"testing"

	"kodoferry/shared/ledger/formats"
)

func TestKeptJobsAreAsTheirFormatsSay(t *testing.T) {
	formats.Record[Job](t, "jobs/<name>.json")
	formats.Record[intent](t, "intents/<time>-<nonce>")
	formats.Record[Skip](t, "skipped/<job>/<time>")
	formats.Record[Checked](t, "checked/<address>.json")
}
