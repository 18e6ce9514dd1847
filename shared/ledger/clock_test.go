package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/store/mem"
)

// TestHowOldThingsAreIsToldByTheStoresClock has a process whose clock is ten minutes
// ahead of the store's, or behind it, begin, pause and seal: a sweep holds what it
// reads against the store's.
func TestHowOldThingsAreIsToldByTheStoresClock(t *testing.T) {
	stores := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, ahead := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		b := mem.New(mem.OSS)
		b.Now = func() time.Time { return stores }
		l := ledger.Open(b, "")
		r := l.Run("j/20260101T000000Z")
		if _, err := r.CreateStarted(t.Context(), ledger.Started{Job: json.RawMessage("{}"), At: stores.Add(ahead), Deployed: true}); err != nil {
			t.Fatal(err)
		}
		for name, walk := range map[string]func() (progress.Run, error){
			"Walk":   func() (progress.Run, error) { return progress.Walk(t.Context(), r) },
			"Glance": func() (progress.Run, error) { return progress.Glance(t.Context(), l.Run(r.Name)) },
		} {
			if p, err := walk(); err != nil || !p.Newest.Equal(stores) || !p.Started.At.Equal(stores.Add(ahead)) {
				t.Errorf("%v ahead: %s says that the newest record is of %v (%v), the store %v", ahead, name, p.Newest, err, stores)
			}
		}
		if err := r.Steering().WriteStanding(t.Context(), ledger.Paused, stores.Add(ahead)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.CreateSeal(t.Context(), "j", stores.Add(ahead)); err != nil {
			t.Fatal(err)
		}
		for _, s := range []ledger.Standing{ledger.Paused, ledger.Sealed} {
			if at, err := r.Steering().StandingWritten(t.Context(), s); err != nil || !at.Equal(stores) {
				t.Errorf("%v ahead: it is %s since %v (%v), by the store since %v", ahead, s, at, err, stores)
			}
		}
		if now, err := l.Now(t.Context()); err != nil || !now.Equal(stores) {
			t.Errorf("the ledger's clock shows %v (%v), the store's %v", now, err, stores)
		}
	}
}
