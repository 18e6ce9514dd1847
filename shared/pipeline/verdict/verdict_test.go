package verdict_test

import (
	"context"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// held is a target that holds one object, or none.
type held struct{ object *store.Object }

func (h held) Stat(_ context.Context, key string) (store.Object, error) {
	if h.object == nil {
		return store.Object{}, fault.New(fault.NotFound, "Stat", key, nil)
	}
	return *h.object, nil
}

func (held) CheckKey(string) error { return nil }

func rules(t *testing.T, overwrite string, target *store.Object) *verdict.Rules {
	t.Helper()
	j := job.Job{Name: "photos", Overwrite: overwrite, Class: job.KeepClass}
	j.Ledger.Bucket = "elsewhere"
	match, err := j.Filter.Compile("")
	if err != nil {
		t.Fatal(err)
	}
	return &verdict.Rules{Job: j, Match: match, Target: held{target}, Now: func() time.Time { return noon }}
}

// TestWhatTheTargetHoldsDecides has a target's object, of the key and size of the
// source's, under each way to overwrite.
func TestWhatTheTargetHoldsDecides(t *testing.T) {
	src := store.Object{Key: "a", Size: 3, Hash: "F1", MD5: "m1", Modified: noon}
	ours := rules(t, job.OverwriteChanged, nil).Origin(src)
	was := *ours
	was.Hash = "F0"
	older, newer := noon.Add(-time.Hour), noon.Add(time.Hour)
	for name, tc := range map[string]struct {
		dst  *store.Object
		want map[string]ledger.State
	}{
		"nothing": {nil, map[string]ledger.State{job.OverwriteChanged: ledger.Pending, job.OverwriteNever: ledger.Pending, job.OverwriteNewer: ledger.Pending, job.OverwriteAlways: ledger.Pending}},
		"the same content by MD5": {&store.Object{MD5: "m1", Modified: older},
			map[string]ledger.State{job.OverwriteChanged: ledger.Unchanged, job.OverwriteNever: ledger.Unchanged, job.OverwriteNewer: ledger.Unchanged, job.OverwriteAlways: ledger.Pending}},
		"this job's copy of it": {&store.Object{MD5: "other", Modified: older, Origin: ours},
			map[string]ledger.State{job.OverwriteChanged: ledger.Unchanged, job.OverwriteNever: ledger.Unchanged, job.OverwriteNewer: ledger.Unchanged, job.OverwriteAlways: ledger.Pending}},
		"this job's copy of another version": {&store.Object{MD5: "other", Modified: newer, Origin: &was},
			map[string]ledger.State{job.OverwriteChanged: ledger.Pending, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Skipped, job.OverwriteAlways: ledger.Pending}},
		"an older object of someone else": {&store.Object{MD5: "other", Modified: older},
			map[string]ledger.State{job.OverwriteChanged: ledger.Pending, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Pending, job.OverwriteAlways: ledger.Pending}},
		"a newer object of someone else": {&store.Object{MD5: "other", Modified: newer},
			map[string]ledger.State{job.OverwriteChanged: ledger.Conflict, job.OverwriteNever: ledger.Skipped, job.OverwriteNewer: ledger.Skipped, job.OverwriteAlways: ledger.Pending}},
	} {
		if tc.dst != nil {
			tc.dst.Key, tc.dst.Size = src.Key, src.Size
		}
		for overwrite, want := range tc.want {
			row, err := rules(t, overwrite, tc.dst).Decide(t.Context(), src, tc.dst)
			if err != nil || row.State != want {
				t.Errorf("the target has %s, overwrite=%s: %s, %v, want %s", name, overwrite, row.State, err, want)
			}
		}
	}
}

func TestOnlyTheJobsOwnCopyMayBeRemoved(t *testing.T) {
	r := rules(t, job.OverwriteChanged, nil)
	mine := r.Origin(store.Object{Key: "a"})
	for name, tc := range map[string]struct {
		origin         *store.Origin
		wrote, foreign bool
	}{
		"the job's copy":                    {mine, true, false},
		"what the application wrote":        {nil, false, true},
		"a copy by another job":             {&store.Origin{Job: "other", Place: mine.Place}, false, true},
		"a copy of the copy, by its origin": {&store.Origin{Job: mine.Job, Place: "00"}, false, true},
		"a copy by an earlier version":      {&store.Origin{Hash: "F1"}, false, false},
	} {
		kept := store.Object{Key: "a", Origin: tc.origin}
		if r.Wrote(kept) != tc.wrote || r.Foreign(kept) != tc.foreign {
			t.Errorf("%s: Wrote %v, Foreign %v, want %v, %v", name, r.Wrote(kept), r.Foreign(kept), tc.wrote, tc.foreign)
		}
	}
}
