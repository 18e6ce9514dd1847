package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// sealed is a target that fails on every write.
type sealed struct {
	pipeline.Target
	t *testing.T
}

func (s sealed) Put(_ context.Context, o store.Object, _ io.Reader, _ store.Put) (store.Stored, error) {
	s.t.Errorf("a plan put %q", o.Key)
	return store.Stored{}, errors.New("sealed")
}

func (s sealed) Delete(_ context.Context, key string) error {
	s.t.Errorf("a plan deleted %q", key)
	return errors.New("sealed")
}

// planOf plans with a target that takes no write and without a ledger.
func (w *world) planOf(t *testing.T, set ...func(*job.Job)) (plan.Plan, error) {
	t.Helper()
	j := w.job
	for _, f := range set {
		f(&j)
	}
	src, dst, err := w.config.Open(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Make(t.Context(), plan.Sides{Source: src, Target: sealed{dst, t}}, j)
}

func TestAPlanForeseesWhatARunThenDoes(t *testing.T) {
	const seed = 20261123
	w := newWorld(t)
	w.fill(3000, seed)
	put(t, w.src, "/leading", []byte("a key OSS refuses"))
	before, err := w.planOf(t)
	if err != nil {
		t.Fatal(err)
	}
	if n := before.Sum(plan.ToCopy, "", "").Objects; n != 3000 || before.Listed.Objects != 3001 {
		t.Errorf("%d to copy of %d, want 3000 of 3001 (seed %d)", n, before.Listed.Objects, seed)
	}
	i := slices.IndexFunc(before.Reasons, func(r plan.Reason) bool { return r.Will == plan.Fate(ledger.Failed) })
	if i < 0 || before.Reasons[i].Objects != 1 || !slices.Equal(before.Reasons[i].Examples, []string{"/leading"}) || !strings.Contains(before.Reasons[i].Why, "prefix") {
		t.Errorf("reasons %+v, want one that names /leading and its cure", before.Reasons)
	}
	rep := w.run()
	if rep.Objects.Copied != before.Sum(plan.ToCopy, "", "").Objects || rep.Objects.Failed != before.Sum(plan.Fate(ledger.Failed), "", "").Objects {
		t.Errorf("the run did %+v, the plan had said %+v", rep.Objects, before.Shares)
	}
	after, err := w.planOf(t)
	if n := after.Sum(plan.Fate(ledger.Unchanged), "", "").Objects; err != nil || n != 3000 || after.Sum(plan.ToCopy, "", "").Objects != 0 {
		t.Errorf("after the run %d are unchanged (%v), want 3000 and none to copy", n, err)
	}
}

func TestAPlanOfAMirrorCountsFerrysOwnCopiesAlone(t *testing.T) {
	w := newWorld(t)
	w.fill(30, 1)
	w.run()
	for i := range 20 {
		if err := w.src.Delete(t.Context(), fmt.Sprintf("k/%05d", i)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, w.dst, "theirs", []byte("the application wrote this"))
	mirror := mirrored
	for name, tc := range map[string]struct {
		set  []func(*job.Job)
		more func()
		want int64 // to delete
		note string
	}{
		"not asked to":      {want: 0},
		"asked to":          {set: []func(*job.Job){mirror}, want: 20},
		"more than allowed": {set: []func(*job.Job){mirror, func(j *job.Job) { j.MaxDeletes = 19 }}, want: 20, note: "maxDeletes"},
		"none is allowed":   {set: []func(*job.Job){mirror, func(j *job.Job) { j.MaxDeletes = job.NoDeletes }}, want: 20, note: "maxDeletes allows 0"},
		"too large a part":  {set: []func(*job.Job){mirror, func(j *job.Job) { j.MaxDeleteShare = 0.5 }}, want: 20, note: "20 objects would be deleted of the 31"},
		"as many as may be": {set: []func(*job.Job){mirror, func(j *job.Job) { j.MaxDeleteShare = 0.65 }}, want: 20},
		"a prefix that finds nothing": {
			set:  []func(*job.Job){mirror, func(j *job.Job) { j.Source.Prefix, j.Target.Prefix = "none/", "k/" }},
			want: 30, note: "the source is empty",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := w.planOf(t, tc.set...)
			if err != nil {
				t.Fatal(err)
			}
			if n := p.Sum(plan.ToDelete, "", "").Objects; n != tc.want {
				t.Errorf("%d to delete, want %d", n, tc.want)
			}
			if got := strings.Join(p.Notes, "\n"); (got == "") != (tc.note == "") || !strings.Contains(got, tc.note) {
				t.Errorf("notes %q, want one of %q", got, tc.note)
			}
		})
	}
}

// broken is a source whose listing fails after n objects.
type broken struct {
	store.Source
	n int
}

func (b broken) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		left := b.n
		for o, err := range b.Source.List(ctx, r) {
			if left--; left < 0 {
				yield(store.Object{}, errors.New("the listing broke"))
				return
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func TestAPlanThatBreaksOffSaysWhatItFound(t *testing.T) {
	w := newWorld(t)
	w.fill(2500, 1)
	w.source = func(s store.Source) store.Source { return broken{s, 2100} }
	p, err := w.planOf(t)
	if err == nil || !p.Partial || p.Listed.Objects != 2000 {
		t.Errorf("error %v, partial %v, %d listed; want an error and the 2,000 that were judged", err, p.Partial, p.Listed.Objects)
	}
}
