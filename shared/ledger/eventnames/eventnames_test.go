package eventnames_test

import (
	"testing"
	"time"

	"kodoferry/shared/ledger/eventnames"
)

func TestAnEventsBatchIsNamedByItsKeyAndAShortName(t *testing.T) {
	_, batch := eventnames.Batch("a/b", time.Date(2026, 3, 1, 14, 20, 30, 0, time.UTC))
	for _, b := range []string{batch, batch + ".1abcdefgh", "0-34cjsope00000", "0~1-34cjsope00000.2abcdefgh", "e1-34cjsope00000"} {
		short := eventnames.Short(b)
		if got := eventnames.Long(short, "a/b"); got != b {
			t.Errorf("%s is %s in short, which is %s of its key", b, short, got)
		}
		if len(b) > 30 && len(short) > 20 {
			t.Errorf("%s is %s in short", b, short)
		}
	}
	if got := eventnames.Long(eventnames.Short(batch), "another"); got == batch {
		t.Errorf("%s is the batch of another key, too", got)
	}
	for _, odd := range []string{"", "e", "e150405", "e15040x", "0", "-"} { // what metadata say may be anything
		_ = eventnames.Short(odd)
		_ = eventnames.Long(odd, "k")
	}
}
