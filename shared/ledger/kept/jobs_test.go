package kept_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/store/mem"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestAJobIsKeptUnderItsNameWithItsKeys(t *testing.T) {
	b := mem.New(mem.OSS)
	l := ledger.Open(b, ".ferry/")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, keys := range [][]string{{"a", "b"}, {"b", "c", "d"}} { // the second in place of the first
		must(kept.WriteJob(t.Context(), l.Folder(), kept.Job{Name: "photos", Job: json.RawMessage(`{"v":1}`), At: noon}, keys))
		k, err := kept.ReadJob(t.Context(), l.Folder(), "photos")
		must(err)
		if got, err := kept.ReadJobKeys(t.Context(), l.Folder(), k); err != nil || !slices.Equal(got, keys) || string(k.Job) != `{"v":1}` {
			t.Errorf("kept are %s with the keys %q, %v, want %q", k.Job, got, err, keys)
		}
	}
	must(kept.WriteJob(t.Context(), l.Folder(), kept.Job{Name: "avatars", Job: json.RawMessage(`{}`)}, nil))
	if _, err := l.CreateSeal(t.Context(), "photos", noon); err != nil {
		t.Fatal(err)
	}
	if names, err := kept.ListJobs(t.Context(), l.Folder()); err != nil || !slices.Equal(names, []string{"avatars", "photos"}) {
		t.Errorf("the jobs are %q, %v, want both, and no seal for one", names, err)
	}
	for range 2 { // removing is idempotent
		must(kept.RemoveJob(t.Context(), l.Folder(), "photos"))
	}
	if _, err := kept.ReadJob(t.Context(), l.Folder(), "photos"); !ledger.Missing(err) {
		t.Errorf("a job that was removed: %v, want not_found", err)
	}
	if got := b.Keys(); !slices.Equal(got, []string{".ferry/jobs/avatars.json", ".ferry/jobs/photos.sealed"}) {
		t.Errorf("left are %q, want the other job and the seal", got)
	}
}

func TestOneTickIsSkippedOnceAndOneStallNotedOnce(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), ".ferry/")
	for i := range 3 {
		for _, why := range []string{"the first", "delivered again"} {
			if err := kept.CreateSkip(t.Context(), l.Folder(), kept.Skip{Job: "j", At: noon.Add(time.Duration(i) * time.Hour), Why: why}); err != nil {
				t.Fatal(err)
			}
		}
	}
	skips, err := kept.ReadSkips(t.Context(), l.Folder(), "j", noon)
	if err != nil || len(skips) != 2 || skips[0].Why != "the first" || !skips[1].At.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("skipped after the first are %+v, %v, want two, each as first told", skips, err)
	}
	run := l.Run("j/1")
	var firsts []bool
	for _, since := range []time.Duration{0, 0, time.Hour} {
		first, err := progress.CreateStalled(t.Context(), run, noon.Add(since), noon.Add(since+20*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		firsts = append(firsts, first)
	}
	if fmt.Sprint(firsts) != "[true false true]" {
		t.Errorf("noted first: %v, want once for each stall", firsts)
	}
}
