package live

import (
	"testing"

	"kodoferry/shared/ledger/formats"
)

func TestSignsAreAsTheirFormatsSay(t *testing.T) {
	formats.Record[record](t, "live/<what>/<since>-<process>")
	formats.Record[Work](t, "live/work/<since>-<process>")
	formats.Record[Holder](t, "live/holder/<n>")
	formats.Record[Outage](t, "sent/outage-<side>")
	formats.Record[Pace](t, "pace/<minute>")
}
