package live

import (
	"testing"
	"time"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/ledger/files/filestest"
	"kodoferry/shared/store"
)

// FuzzRecord reads any bytes as a record of each kind.
func FuzzRecord(f *testing.F) {
	filestest.Fuzz(f,
		filestest.Of[Holder]("place/1", Holder{V: files.Version}),
		filestest.Of[Outage]("outage/source", Outage{V: files.Version}),
		filestest.Of[Work]("live/work/1", Work{V: files.Version}),
		filestest.Of[Pace]("pace/1", Pace{V: files.Version}),
	)
}

// FuzzSign reads any name as a process's sign of life: one that is taken is written so.
func FuzzSign(f *testing.F) {
	for _, name := range []string{signName(Sign{Process: "abc", Since: time.Unix(1_700_000_000, 0)})[len(liveOther):], "", "-", "20260131T000000Z-"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		p, ok := signOf(name, store.Object{})
		if again := signName(p); ok && p.Since.Nanosecond() == 0 && again != liveOther+name {
			t.Errorf("%q is a sign, and written as %q", name, again)
		}
	})
}
