package kodo_test

import (
	"testing"
	"time"

	emulator "kodoferry/shared/emulator/kodo"
	"kodoferry/shared/store"
	"kodoferry/shared/store/kodo"
	"kodoferry/shared/store/storetest"
)

func TestArchivedObjectsAreRestored(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	s, err := emulator.Start(emulator.Config{AccessKey: "ak", SecretKey: "sk", Thaw: 5 * time.Hour, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.CreateBucket("photos"); err != nil {
		t.Fatal(err)
	}
	b, err := kodo.Open(kodo.Config{Bucket: "photos", Region: "z0", Endpoint: s.Endpoint(), Insecure: true, AccessKey: "ak", SecretKey: "sk", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.CloseIdle)
	types := map[store.Class]int{store.Archive: 2, store.DeepArchive: 3, store.ArchiveIR: 4}
	storetest.Thawer(t, storetest.ThawFixture{
		Source: b,
		Archive: func(key string, c store.Class) {
			if _, err := s.Put("photos", emulator.Object{Key: key, Body: []byte("x"), Type: types[c]}); err != nil {
				t.Fatal(err)
			}
		},
		Pass: func(d time.Duration) { now = now.Add(d) },
	})
}
