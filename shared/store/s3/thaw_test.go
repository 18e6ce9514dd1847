package s3_test

import (
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	emulator "kodoferry/shared/emulator/kodo"
	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

var typesOf = map[store.Class]int{store.Archive: 2, store.DeepArchive: 3, store.ArchiveIR: 4}

func TestArchivedObjectsAreRestored(t *testing.T) {
	now := time.Now()
	s, b := serve(t, emulator.Config{Thaw: 5 * time.Hour, Now: func() time.Time { return now }})
	s.Desk().Inject(chaos.Rule{Op: "s3-restore", Kind: chaos.Throttle, Rate: 1, Limit: 1})
	storetest.Thawer(t, storetest.ThawFixture{
		Source: b,
		Archive: func(key string, c store.Class) {
			put(t, s, emulator.Object{Key: key, Body: []byte("x"), Type: typesOf[c]})
		},
		Pass: func(d time.Duration) { now = now.Add(d) },
	})
}

func TestWhatNeedsNoRestoringIsDenied(t *testing.T) {
	s, b := serve(t, emulator.Config{})
	put(t, s, emulator.Object{Key: "direct", Body: []byte("x"), Type: 4})
	if err := b.Thaw(t.Context(), "direct", 3); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "nothing of its class") {
		t.Errorf("Thaw of GLACIER_IR: %v, want it denied for its class", err)
	}
}
