package pipeline_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// copiedBy is what the copy of that job at that target key remembers.
func copiedBy(name, targetKey string) *store.Origin {
	h := sha256.Sum256([]byte(targetKey))
	return &store.Origin{Hash: "FhashOfOnce", Modified: epoch, Job: name, Place: hex.EncodeToString(h[:8])}
}

// authored are target keys, each with what its object remembers, and whether it is
// this job's copy.
var authored = map[string]struct {
	origin func(j job.Job, key string) *store.Origin
	ours   bool
}{
	"ours":             {func(j job.Job, key string) *store.Origin { return copiedBy(j.Name, key) }, true},
	"another-job":      {func(_ job.Job, key string) *store.Origin { return copiedBy("photos", key) }, false},
	"like-our-name":    {func(j job.Job, key string) *store.Origin { return copiedBy(j.Name+"-2", key) }, false},
	"copied-by-app":    {func(j job.Job, _ string) *store.Origin { return copiedBy(j.Name, "from/elsewhere") }, false},
	"earlier-version":  {func(job.Job, string) *store.Origin { return &store.Origin{Hash: "FhashOfOnce", Modified: epoch} }, false},
	"the-application":  {func(job.Job, string) *store.Origin { return nil }, false},
	"without-its-hash": {func(j job.Job, key string) *store.Origin { o := copiedBy(j.Name, key); o.Hash = ""; return o }, true},
}

// leave writes what the table has into the target, n bytes each.
func leave(t *testing.T, w *world, n int) (ours []string) {
	t.Helper()
	for name, a := range authored {
		key := "sub/" + name
		o := store.Object{Key: key, Size: int64(n), Origin: a.origin(w.job, key)}
		if _, err := w.dst.Put(t.Context(), o, bytes.NewReader(make([]byte, n)), store.Put{}); err != nil {
			t.Fatal(err)
		}
		if a.ours {
			ours = append(ours, key)
		}
	}
	slices.Sort(ours)
	return ours
}

func TestAMirrorRemovesOnlyWhatItsOwnJobCopied(t *testing.T) {
	for _, inFunctions := range []bool{false, true} {
		t.Run(fmt.Sprintf("by events: %v", inFunctions), func(t *testing.T) {
			set := []func(*job.Job){small, mirrored}
			if inFunctions {
				set = append(set, following)
			}
			w := newWorld(t, set...)
			put(t, w.src, "a", []byte("it stays"))
			w.job.Source.Prefix, w.job.Target.Prefix = "", "sub/"
			ours := leave(t, w, 10)
			before := w.dst.Keys()
			p, err := w.planOf(t)
			if notes := strings.Join(p.Notes, "\n"); err != nil || p.Sum(plan.ToDelete, "", "").Objects != int64(len(ours)) || !strings.HasPrefix(notes, "4 copies of what the source does not have stay") {
				t.Errorf("the plan deletes %d, and says %q (%v)", p.Sum(plan.ToDelete, "", "").Objects, notes, err)
			}
			if inFunctions {
				w.keep()
				for name := range authored {
					w.drive(t.Context(), 0, w.notified(name)...)
				}
			} else {
				rep := w.run()
				if m := rep.Mirror; m == nil || m.Deleted.Objects != int64(len(ours)) || m.Others.Objects != 4 || m.Others.Bytes != 40 || rep.Result != report.Verified {
					t.Errorf("%s, mirror %+v, want %d deleted, and 4 copies that are not known to be this job's told", rep.Result, m, len(ours))
				}
			}
			left := w.dst.Keys()
			gone := slices.DeleteFunc(before, func(k string) bool { return slices.Contains(left, k) })
			if !slices.Equal(gone, ours) {
				t.Errorf("%q are gone, want %q", gone, ours)
			}
		})
	}
}

// TestACopyRemembersItsJobAndPlace copies objects of every way and looks at what
// the copies remember.
func TestACopyRemembersItsJobAndPlace(t *testing.T) {
	w := newWorld(t, small, func(j *job.Job) { j.Limits.PartsAbove, j.Limits.PartSize = 4<<20, 4<<20 })
	w.job.Source.Prefix, w.job.Target.Prefix = "", "sub/"
	for key, n := range map[string]int{"small": 10, "empty": 0, "in parts": 9 << 20} {
		put(t, w.src, key, make([]byte, n))
	}
	if rep := w.run(); rep.Result != report.Verified {
		t.Fatal(rep.Result, rep.Failures)
	}
	for _, key := range w.src.Keys() {
		o, err := w.dst.Stat(t.Context(), "sub/"+key)
		want := copiedBy(w.job.Name, "sub/"+key)
		if err != nil || o.Origin == nil || o.Origin.Job != want.Job || o.Origin.Place != want.Place {
			t.Errorf("%s remembers %+v (%v), want %+v", key, o.Origin, err, want)
		}
	}
}

// TestWhatOthersWroteIsNotReplaced lets the source have other objects under the keys
// of the table, older than those of the target, and newer.
func TestWhatOthersWroteIsNotReplaced(t *testing.T) {
	for name, newer := range map[string]bool{"the source's are older": false, "the source's are newer": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small)
			w.job.Source.Prefix, w.job.Target.Prefix = "", "sub/"
			fill := func() {
				for name := range authored {
					put(t, w.src, name, []byte("another length"))
				}
			}
			if !newer {
				fill()
			}
			w.clock.Advance(time.Hour)
			leave(t, w, 10)
			w.clock.Advance(time.Hour)
			if newer {
				fill()
			}
			rep := w.run()
			for name, a := range authored {
				o, err := w.dst.Stat(t.Context(), "sub/"+name)
				if err != nil || (o.Size != 10) != a.ours {
					t.Errorf("%s has %d bytes (%v), want it replaced: %v", name, o.Size, err, a.ours)
				}
			}
			if o := rep.Objects; o.Conflict != 5 || o.Copied != 2 {
				t.Errorf("%+v, want 5 conflicts", o)
			}
		})
	}
}

func TestALargePartOfTheTargetIsNotDeletedUnlessTheJobSaysSo(t *testing.T) {
	for name, tc := range map[string]struct {
		n, gone int
		set     func(*job.Job)
		refused string
	}{
		"few":                             {20, 9, func(*job.Job) {}, ""},
		"more than a tenth":               {99, 10, func(*job.Job) {}, "10 objects would be deleted of the 99 that the target has"},
		"a tenth":                         {100, 10, func(*job.Job) {}, ""},
		"half of it where a half may":     {100, 50, func(j *job.Job) { j.MaxDeleteShare = 0.5 }, ""},
		"half of it where less may":       {100, 50, func(j *job.Job) { j.MaxDeleteShare = 0.4999 }, "over 49.99 %"},
		"few where none may":              {100, 1, func(j *job.Job) { j.MaxDeleteShare = job.NoShare }, "over 0 %"},
		"few where maxDeletes says none":  {100, 1, func(j *job.Job) { j.MaxDeletes = job.NoDeletes }, "maxDeletes allows 0"},
		"what the filter leaves out":      {100, 10, func(j *job.Job) { j.Filter.Exclude = []string{"k/0009?"} }, "of the 90 that"},
		"of another prefix of the target": {50, 10, func(j *job.Job) { j.Target.Prefix, j.Source.Prefix = "k/", "k/" }, "of the 50 that"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small, func(j *job.Job) { j.Delete = true }, tc.set)
			put(t, w.dst, "theirs", []byte("the application's, which counts where it may be deleted"))
			if w.job.Target.Prefix == "" {
				if err := w.dst.Delete(t.Context(), "theirs"); err != nil {
					t.Fatal(err)
				}
			}
			w.fill(tc.n, 1)
			w.run()
			w.clock.Advance(24 * time.Hour)
			remove(t, w, w.src.Keys()[:tc.gone]...)
			p, err := w.planOf(t, func(j *job.Job) { *j = w.job })
			if err != nil {
				t.Fatal(err)
			}
			rep := w.runAgain()
			for told, text := range map[string]string{"the run": rep.Mirror.Refused, "the plan": strings.Join(p.Notes, "\n")} {
				if (text == "") != (tc.refused == "") || !strings.Contains(text, tc.refused) {
					t.Errorf("%s: refused for %q, want for %q", told, text, tc.refused)
				}
			}
			if want := ledger.Tally(rep.Mirror.Candidates).Objects; want != int64(tc.gone) {
				t.Errorf("%d candidates, want %d", want, tc.gone)
			}
		})
	}
}
