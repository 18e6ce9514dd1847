package storetest

import (
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// ThawFixture is a bucket whose archived objects take 5 hours to be restored.
type ThawFixture struct {
	Source interface {
		store.Source
		store.Thawer
	}
	Archive func(key string, c store.Class) // stores an object of one byte
	Pass    func(time.Duration)             // moves the service's clock on
}

// Thawer tests a store.Thawer.
func Thawer(t *testing.T, f ThawFixture) {
	const days = 3
	deep, archived, direct := "a/b c+%.jpg", "archived", "direct"
	f.Archive(deep, store.DeepArchive)
	f.Archive(archived, store.Archive)
	f.Archive(direct, store.ArchiveIR)
	frozen := func(when string, want map[string]bool) {
		t.Helper()
		for key, is := range want {
			if o := stat(t, f.Source, key); o.Frozen != is {
				t.Errorf("%s: Stat(%q).Frozen is %v, want %v", when, key, o.Frozen, is)
			}
		}
		for o, err := range f.Source.List(t.Context(), store.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			if is, ok := want[o.Key]; ok && o.Frozen != is {
				t.Errorf("%s: %q is listed with Frozen %v, want %v", when, o.Key, o.Frozen, is)
			}
		}
	}
	frozen("before", map[string]bool{deep: true, archived: true, direct: false})
	for range 2 {
		if err := f.Source.Thaw(t.Context(), deep, days); err != nil {
			t.Fatal(err)
		}
	}
	frozen("while it is being restored", map[string]bool{deep: true, archived: true})
	_, _, err := f.Source.Open(t.Context(), stat(t, f.Source, deep), 0, -1)
	wantKind(t, "Open of what is being restored", err, fault.Denied)
	f.Pass(6 * time.Hour)
	frozen("once it is restored", map[string]bool{deep: false, archived: true})
	if err := f.Source.Thaw(t.Context(), deep, days); err != nil {
		t.Errorf("Thaw of what is restored: %v, want no error", err)
	}
	f.Pass((days + 1) * 24 * time.Hour)
	frozen("after its days", map[string]bool{deep: true})
	wantKind(t, "Thaw of a missing key", f.Source.Thaw(t.Context(), "nobody", days), fault.NotFound)
	if err := f.Source.Thaw(t.Context(), direct, days); err == nil {
		t.Error("Thaw of what can be read as it is: no error, want it refused")
	}
}
