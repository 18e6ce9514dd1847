package audit_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/audit"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// TestTheNewestChangesAreReadFirst with what came of them; one that goes on has no end, an
// old one and a damaged one are left out.
func TestTheNewestChangesAreReadFirst(t *testing.T) {
	bucket := mem.New(mem.OSS)
	f := ledger.Open(bucket, ".ferry/").Folder()
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var names []string
	for i := range 5 {
		name, err := audit.Begin(t.Context(), f, audit.Asked{At: at.Add(time.Duration(i) * time.Hour), Who: "Ann", What: "pause", On: fmt.Sprint("photos/", i)})
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := audit.End(t.Context(), f, names[3], audit.Ended{At: at.Add(4 * time.Hour), Says: "paused"}); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), store.Object{Key: ".ferry/audit/20260301T023000Z-x/asked.json", Size: 1}, bytes.NewReader([]byte("{")), store.Put{}); err != nil {
		t.Fatal(err)
	}
	all, err := audit.Newest(t.Context(), f, at.Add(time.Hour), 10)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range all {
		says := "it goes on"
		if e.Ended != nil {
			says = e.Ended.Says
		}
		told = append(told, e.On+" "+says)
	}
	if want := "[photos/4 it goes on photos/3 paused photos/2 it goes on photos/1 it goes on]"; fmt.Sprint(told) != want {
		t.Errorf("the newest are %v, want %s", told, want)
	}
	if all, err = audit.Newest(t.Context(), f, at, 2); err != nil || len(all) != 2 || all[0].On != "photos/4" {
		t.Errorf("of two the newest are %+v, %v", all, err)
	}
}
