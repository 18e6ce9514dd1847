package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// oddText is a short text of what upsets whoever takes sentences apart.
func oddText(r *rand.Rand) string {
	var s strings.Builder
	for range 1 + r.IntN(8) {
		s.WriteString([]string{"; ", `"`, "'", "%d", "7f3a", "键", " ", "a", "0", "\\", ": ", "(", ")"}[r.IntN(13)])
	}
	return s.String()
}

// wordy is a source that fails some objects, each in words of its own.
type wordy struct {
	store.Source
	r *rand.Rand
}

func (s wordy) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	id := fmt.Sprintf("%08x %s", s.r.Uint32(), oddText(s.r))
	switch {
	case strings.HasPrefix(o.Key, "denied"):
		return store.Object{}, nil, fault.New(fault.Denied, "kodo.Open", o.Key, answered{403, id})
	case strings.HasPrefix(o.Key, "failed"):
		return store.Object{}, nil, fault.New(fault.Temporary, "kodo.Open", o.Key, answered{500, id})
	case strings.HasPrefix(o.Key, "invalid"):
		return store.Object{}, nil, fault.New(fault.Invalid, "kodo.Open", o.Key, fault.Errorf("the header %q of %q is none; have it set anew", id, o.Key))
	case strings.HasPrefix(o.Key, "cut"):
		return store.Object{}, nil, fault.New(fault.Temporary, "kodo.Open", o.Key, fmt.Errorf("request %s: %w", id, io.ErrUnexpectedEOF))
	}
	return s.Source.Open(ctx, o, off, n)
}

// answered is an answer as a driver tells of it.
type answered struct {
	status int
	id     string
}

func (a answered) Error() string {
	return fmt.Sprintf("status %d: it says (request %s)", a.status, a.id)
}
func (a answered) Cause() string { return fmt.Sprintf("status %d", a.status) }

// TestFailuresOfOneCauseAreOneGroup fails objects of odd keys for several causes,
// whose words differ from object to object.
func TestFailuresOfOneCauseAreOneGroup(t *testing.T) {
	const seed, each = 5, 12
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	w := newWorld(t, func(j *job.Job) { j.Limits.Attempts, j.Limits.Parallel = 1, 1 })
	kinds := map[string][2]string{ // how the cause and the cure begin
		"denied":  {"kodo.Open: denied: status 403", "Run the same"},
		"failed":  {"kodo.Open: temporary: status 500", "Run the same"},
		"invalid": {"The header … of … is none", "Have it set anew"},
		"cut":     {"kodo.Open: temporary: unexpected EOF", "Run the same"},
		"hash":    {"The listed hash is wrong: two reads agree on the qetag …, the listing says …", "hashMismatch=copy accepts"},
		".ferry":  {"Its target key … is under the ledger's prefix …", "Put the ledger elsewhere"},
	}
	for kind := range kinds {
		for i := range each {
			key := fmt.Sprintf("%s/%d%s", kind, i, oddText(r))
			put(t, w.src, key, []byte(key))
			if kind == "hash" {
				lie := digest.QetagOf([]byte(oddText(r) + "a lie"))
				w.src.Alter(key, func(o *store.Object) { o.Hash, o.MD5 = lie, "" })
			}
		}
	}
	w.source = func(s store.Source) store.Source { return wordy{s, r} }
	w.fresh()
	rep := w.run()
	groups := report.Causes(rep.Failures)
	if len(groups) != len(kinds) {
		t.Errorf("%d groups, want %d", len(groups), len(kinds))
	}
	for _, g := range groups {
		kind, _, _ := strings.Cut(g.Keys[0].Key, "/")
		want := kinds[kind]
		if g.Count() != each || g.Cause != want[0] || !strings.HasPrefix(g.Cure, want[1]) {
			t.Errorf("%d of %q, cure %q, want %d of %q, cure %q…", g.Count(), g.Cause, g.Cure, each, want[0], want[1])
		}
	}
}

// TestWhatWasNotMovedIsCountedByCause has an object for each cause that a run meets.
func TestWhatWasNotMovedIsCountedByCause(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*job.Job)
		want map[ledger.Cause]int64
	}{
		"overwrite: never": {func(j *job.Job) { j.Overwrite = job.OverwriteNever }, map[ledger.Cause]int64{ledger.LeftNever: 1}},
		"overwrite: newer": {func(j *job.Job) { j.Overwrite = job.OverwriteNewer }, map[ledger.Cause]int64{ledger.LeftNewer: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.set)
			for _, key := range []string{"archived/1", "archived/2", "disabled", "fine", "gone", "late", "other"} {
				put(t, w.src, key, []byte(key))
			}
			for key, change := range map[string]func(*store.Object){
				"archived/1": func(o *store.Object) { o.Frozen, o.Class = true, store.Archive },
				"archived/2": func(o *store.Object) { o.Frozen, o.Class = true, store.DeepArchive },
				"disabled":   func(o *store.Object) { o.Disabled = true },
			} {
				w.src.Alter(key, change)
			}
			w.clock.Advance(time.Minute)
			put(t, w.dst, "other", []byte("theirs"))
			w.clock.Advance(time.Hour)
			w.before = func(tk task.Task) {
				switch tk.Kind {
				case task.Copy:
					_ = w.src.Delete(t.Context(), "gone")
				case task.Verify:
					_ = w.src.Delete(t.Context(), "late")
				}
			}
			rep := w.run()
			want := map[ledger.Cause]int64{ledger.Archived: 2, ledger.Disabled: 1, ledger.Vanished: 1, ledger.VanishedLate: 1}
			maps.Copy(want, tc.want)
			for _, c := range ledger.Causes {
				if got := rep.Causes[c].Objects; got != want[c] {
					t.Errorf("%s: %d, want %d", c, got, want[c])
				}
			}
			if rep.NotMoved != 6 || rep.Result != report.Verified {
				t.Errorf("%s, %d not moved, want it verified and 6", rep.Result, rep.NotMoved)
			}
			sum := int64(0)
			for _, n := range rep.Unmoved() {
				if sum += n.Objects; n.Cure == "" {
					t.Errorf("%s has no cure", n.Cause)
				}
			}
			if sum != 6 {
				t.Errorf("the causes have %d objects together, want 6", sum)
			}
		})
	}
}
