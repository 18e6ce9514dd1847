package pipeline_test

import (
	"context"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func TestARunThatFindsNothingToCopyIsNotVerified(t *testing.T) {
	some := []string{"avatars/1", "photos/2018/x", "photos/2020/y"}
	many := []string{"a/1", "b/1", "b/2", "c", "c0/1", "d/1", "e/1", "f/1"}
	below := func(prefix string) func(*job.Job) {
		return func(j *job.Job) { j.Source.Prefix, j.Target.Prefix = prefix, prefix }
	}
	only := func(suffix string) func(*job.Job) {
		return func(j *job.Job) { j.Filter.Suffix = []string{suffix} }
	}
	allowed := func(j *job.Job) { j.AllowEmpty = true }
	for name, tc := range map[string]struct {
		keys []string
		set  []func(*job.Job)
		want string // "": verified
	}{
		"an empty bucket":                  {nil, nil, "nothing was listed: the bucket photos is empty; if"},
		"an empty bucket that may be":      {nil, []func(*job.Job){allowed}, ""},
		"a prefix of an empty bucket":      {nil, []func(*job.Job){below("2019/")}, "nothing was listed below 2019/; if"},
		"a prefix with other names beside": {some, []func(*job.Job){below("2019")}, "nothing was listed below 2019; there are avatars/, photos/; if"},
		"one that may be empty":            {some, []func(*job.Job){below("2019"), allowed}, ""},
		"one level below what is there":    {some, []func(*job.Job){below("photos/2019/")}, "nothing was listed below photos/2019/; there are photos/2018/, photos/2020/; if"},
		"many levels below nothing":        {some, []func(*job.Job){below("w/x/y/z/")}, "nothing was listed below w/x/y/z/; there are avatars/, photos/; if"},
		"more names than are told":         {many, []func(*job.Job){below("2019/")}, "there are a/, b/, c, c0/, d/, …; if"},
		"names that do not print":          {[]string{"a\x01/1", "b c/1"}, []func(*job.Job){below("x, y")}, `below "x, y"; there are "a\x01/", "b c/"; if`},
		"a slash too many":                 {[]string{"/2019/1"}, []func(*job.Job){below("2019/")}, "there are /; if"},
		"a filter that chooses nothing":    {some, []func(*job.Job){only(".gif")}, "the job's filter chose none of the 3 objects that were listed; see"},
		"a filter below a prefix":          {some, []func(*job.Job){only(".gif"), below("avatars/")}, "none of the one object that were listed below avatars/; see"},
		"a filter that may choose nothing": {some, []func(*job.Job){only(".gif"), allowed}, ""},
		"an empty source that is mirrored": {nil, []func(*job.Job){mirrored}, "nothing was listed: the bucket photos is empty; if"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.set...)
			for _, key := range tc.keys {
				put(t, w.src, key, []byte(key))
			}
			var lists atomic.Int64
			w.source = func(s store.Source) store.Source { return counted{s, &lists} }
			w.fresh()
			var hints string
			if p, err := w.planOf(t); err != nil {
				t.Fatal(err)
			} else {
				hints = strings.Join(p.Notes, "\n")
			}
			lists.Store(0)
			rep := w.run()
			if (tc.want == "") != (hints == "") || !strings.Contains(hints, tc.want) {
				t.Errorf("the plan notes %q, want %q", hints, tc.want)
			}
			if tc.want == "" {
				if rep.Result != report.Verified || rep.Reason != "" {
					t.Errorf("%s, %q, want it verified", rep.Result, rep.Reason)
				}
				return
			}
			if rep.Result != report.Incomplete || !strings.Contains(rep.Reason, tc.want) || !strings.Contains(rep.Reason, "--allow-empty") {
				t.Errorf("%s, %q, want it incomplete, for %q and how to allow it", rep.Result, rep.Reason, tc.want)
			}
			if n := lists.Load(); n > 12 {
				t.Errorf("the source was listed %d times, want 12 at most", n)
			}
		})
	}
}

func TestASecondRunThatFindsTheSourceEmptyIsNotVerified(t *testing.T) {
	w := synced(t, 20, func(j *job.Job) { j.Delete = false })
	remove(t, w, w.src.Keys()...)
	if rep := w.runAgain(); rep.Result != report.Incomplete || !strings.Contains(rep.Reason, "is empty") {
		t.Errorf("%s, %q, want it incomplete, for the source is empty", rep.Result, rep.Reason)
	}
}

// hiding is a source whose listing does not show some keys.
type hiding struct {
	store.Source
	hides func(key string) bool
}

func (h hiding) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range h.Source.List(ctx, r) {
			if err == nil && h.hides(o.Key) {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// TestARunWithEvidenceAgainstItsListingIsNotVerified lets listings of the source
// leave out what it has, in one of the stages of a first or a later run.
func TestARunWithEvidenceAgainstItsListingIsNotVerified(t *testing.T) {
	behind := func(key string) bool { return key > "k/00030" }
	one := func(key string) bool { return key == "k/00030" }
	none := func(string) bool { return false }
	for name, tc := range map[string]struct {
		first    bool // in the first run, which copies; else in a later one, which mirrors
		list     func(string) bool
		verify   func(string) bool
		deletes  func(w *world) // before anything is deleted
		unlisted int64
	}{
		"the first listing ends early, the second does not":  {first: true, list: behind, verify: none, unlisted: 69},
		"the second ends early":                              {first: true, list: none, verify: behind, unlisted: 69},
		"the second leaves one out":                          {first: true, list: none, verify: one, unlisted: 1},
		"both end early, and the mirror finds what is there": {list: behind, verify: behind, unlisted: 69},
		"both leave one out, and the mirror finds it":        {list: one, verify: one, unlisted: 1},
		"what is to be deleted comes back meanwhile": {list: none, verify: none, deletes: func(w *world) {
			put(w.t, w.src, "k/00030", []byte("again"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, small, mirrored)
			w.fill(100, 3)
			if !tc.first {
				w.clock.Advance(time.Hour)
				w.run()
			}
			w.clock.Advance(24 * time.Hour)
			if tc.deletes != nil {
				remove(t, w, "k/00030")
			}
			hides := none
			w.source = func(s store.Source) store.Source {
				return hiding{s, func(key string) bool { return hides(key) }}
			}
			w.before = func(tk task.Task) {
				switch tk.Kind {
				case task.List:
					hides = tc.list
				case task.Verify:
					hides = tc.verify
				case task.Delete:
					if tc.deletes != nil {
						w.clock.Advance(time.Minute)
						tc.deletes(w)
						tc.deletes = nil
					}
				}
			}
			w.fresh()
			w.drive(t.Context(), 0, w.startAs(laterRun)...)
			rep, err := report.Read(t.Context(), w.config.Ledger.Run(laterRun))
			if err != nil {
				t.Fatal(err)
			}
			if tc.unlisted == 0 {
				if rep.Result != report.Verified || rep.Unlisted != 0 || rep.Mirror.Kept.Objects != 1 {
					t.Errorf("%s, %q, %+v, want it verified with one kept", rep.Result, rep.Reason, rep.Mirror)
				}
				return
			}
			if rep.Result != report.Incomplete || rep.Unlisted != tc.unlisted || !strings.Contains(rep.Reason, "at the source all the time") {
				t.Errorf("%s, %d, %q, want it incomplete for %d objects that were not listed", rep.Result, rep.Unlisted, rep.Reason, tc.unlisted)
			}
			if n := len(w.dst.Keys()); n != 100 {
				t.Errorf("the target has %d objects, want all 100", n)
			}
		})
	}
}

func TestALoneKeyThatTheFirstListingMissedIsNoEvidence(t *testing.T) {
	w := newWorld(t, small)
	w.fill(100, 3)
	w.clock.Advance(time.Hour)
	hides := true // as one that is moved to another name with its time kept
	w.source = func(s store.Source) store.Source {
		return hiding{s, func(key string) bool { return hides && key == "k/00030" }}
	}
	w.before = func(tk task.Task) { hides = tk.Kind == task.List }
	w.fresh()
	if rep := w.run(); rep.Result != report.Verified || rep.Objects.Copied != 100 {
		t.Errorf("%s, %q, %+v, want all 100 copied and verified", rep.Result, rep.Reason, rep.Objects)
	}
}

func TestAListingThatEndedEarlyIsTold(t *testing.T) {
	w := newWorld(t)
	w.fill(5, 1)
	for _, key := range []string{"x", "y"} {
		o := store.Object{Key: key, Warnings: []string{`the service ended its listing before this key, behind "k/00004": asked again, it listed this one and what follows`}}
		if _, err := w.src.Put(t.Context(), o, nil, store.Put{}); err != nil {
			t.Fatal(err)
		}
	}
	rep := w.run()
	if want := "the source ended its listing early 2 times; what was behind was listed"; rep.EndedEarly() != want || rep.Result != report.Verified {
		t.Errorf("%s, %q, want it verified, and %q", rep.Result, rep.EndedEarly(), want)
	}
	if rep.Objects.Listed != 7 || w.rows()["x"].State != ledger.Copied {
		t.Errorf("%+v, want 7 listed", rep.Objects)
	}
}
