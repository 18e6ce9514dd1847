package pipeline_test

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/reproof"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// rotten is a target that reads other bytes of some objects than were stored.
type rotten struct {
	pipeline.Target
	keys map[string]bool
}

func (r rotten) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	found, body, err := r.Target.Open(ctx, o, off, n)
	if err == nil && r.keys[o.Key] {
		body = rottenBody{body}
	}
	return found, body, err
}

type rottenBody struct{ io.ReadCloser }

func (f rottenBody) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if n > 0 {
		p[0] ^= 1
	}
	return n, err
}

// verify verifies the world's run and returns what it came to. n makes its name.
func (w *world) verify(n int, v ledger.Verification) reproof.Report {
	w.t.Helper()
	v.Run, v.Seed = runName, "seed"
	if v.Sample == 0 {
		v.Sample = reproof.Whole.Share
	}
	name := ledger.VerificationName(runName, epoch.Add(time.Duration(n)*time.Hour))
	tasks, err := w.pipe.StartVerification(w.t.Context(), name, v)
	if err != nil {
		w.t.Fatal(err)
	}
	w.drive(w.t.Context(), 0, tasks...)
	rep, err := reproof.ReadReport(w.t.Context(), w.config.Ledger.Run(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return rep
}

// keysOf are the keys that a report names.
func keysOf(rep reproof.Report) (keys []string) {
	for _, f := range rep.Failures {
		keys = append(keys, f.Key)
	}
	return keys
}

// found are the numbers of objects of each finding but those that hold.
func found(rep reproof.Report) map[ledger.Finding]int64 {
	n := map[ledger.Finding]int64{}
	for f, t := range rep.Findings {
		if f != ledger.Holds {
			n[f] = t.Objects
		}
	}
	return n
}

// TestAFinishedRunIsVerifiedByRowsHeadsAndBytes has a run that is over, and then what each
// mode finds of what happened since.
func TestAFinishedRunIsVerifiedByRowsHeadsAndBytes(t *testing.T) {
	rot := map[string]bool{}
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys = 50 })
	w.target = func(dst pipeline.Target) pipeline.Target { return rotten{dst, rot} }
	w.fresh()
	w.fill(120, 1)
	w.run()
	for i, mode := range reproof.Modes {
		rep := w.verify(i, ledger.Verification{Mode: string(mode)})
		if !rep.Verified || rep.Rows.Objects != 120 || rep.Sampled.Objects != 120 || rep.Findings[ledger.Holds].Objects != 120 {
			t.Errorf("%s of a bucket as it was: %+v", mode, rep)
		}
	}
	rot["k/00003"] = true // behind everybody's back
	put(t, w.dst, "k/00040", []byte("another's"))
	if err := w.dst.Delete(t.Context(), "k/00070"); err != nil {
		t.Fatal(err)
	}
	put(t, w.src, "k/00080", []byte("a new version"))
	if err := w.src.Delete(t.Context(), "k/00100"); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[reproof.Mode]struct {
		found map[ledger.Finding]int64
		keys  []string
	}{
		reproof.Rows: {map[ledger.Finding]int64{ledger.Differs: 1, ledger.Lost: 1, ledger.SourceChanged: 1, ledger.Vanish: 1}, []string{"k/00040", "k/00070", "k/00080"}},
		reproof.Head: {map[ledger.Finding]int64{ledger.Differs: 1, ledger.Lost: 1}, []string{"k/00040", "k/00070"}},
		reproof.Read: {map[ledger.Finding]int64{ledger.Differs: 2, ledger.Lost: 1, ledger.SourceChanged: 1, ledger.Vanish: 1}, []string{"k/00003", "k/00040", "k/00070", "k/00080"}},
	} {
		rep := w.verify(10+slices.Index(reproof.Modes[:], mode), ledger.Verification{Mode: string(mode)})
		if rep.Verified || !maps.Equal(found(rep), want.found) || !slices.Equal(keysOf(rep), want.keys) {
			t.Errorf("%s found %v of %q, want %v of %q", mode, found(rep), keysOf(rep), want.found, want.keys)
		}
		if rep.Sampled.Objects != 120 {
			t.Errorf("%s looked at %d objects, want all", mode, rep.Sampled.Objects)
		}
	}
	rep := w.verify(500, ledger.Verification{Mode: "read", Prefix: "k/0001"})
	if !rep.Verified || rep.Rows.Objects != 10 {
		t.Errorf("ten keys of a prefix: %+v", rep)
	}
	first, second := w.verify(600, ledger.Verification{Mode: "head", Sample: 300_000}), w.verify(601, ledger.Verification{Mode: "head", Sample: 300_000})
	if n := first.Sampled.Objects; n != second.Sampled.Objects || n < 15 || n > 60 || first.Rows.Objects != 120 || !slices.Equal(keysOf(first), keysOf(second)) {
		t.Errorf("three in ten, by the same seed: %+v and %+v", first.Reproof, second.Reproof)
	}
}

// TestAVerificationIsDerivedFromTheLedgerAndSurvivesLostMessages loses every message once.
func TestAVerificationIsDerivedFromTheLedgerAndSurvivesLostMessages(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys = 20 })
	w.config.Shared = true
	w.pipe = pipeline.New(w.config)
	w.fill(100, 2)
	w.run()
	name := ledger.VerificationName(runName, epoch)
	if _, err := w.pipe.StartVerification(t.Context(), name, ledger.Verification{Run: runName, Mode: "read", Sample: reproof.Whole.Share}); err != nil {
		t.Fatal(err)
	}
	lost, _, err := w.pipe.Lost(t.Context(), name)
	if err != nil || len(lost) == 0 || slices.ContainsFunc(lost, func(l task.Task) bool { return l.Kind != task.Reprove }) {
		t.Fatalf("lost = %v, %v, want the stretches of its shards", lost, err)
	}
	open, err := index.Open(t.Context(), w.config.Ledger, time.Time{})
	if err != nil || !slices.Contains(open, name) {
		t.Errorf("the runs that are not over are %q, %v, want the verification among them", open, err)
	}
	for range 3 {
		w.drive(t.Context(), 2, lost...)
		if lost, _, err = w.pipe.Lost(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	w.drive(t.Context(), 0, lost...)
	if lost, _, err = w.pipe.Lost(t.Context(), name); err != nil || len(lost) != 1 || lost[0].Kind != task.Report {
		t.Fatalf("lost = %v, %v, want its report alone", lost, err)
	}
	w.drive(t.Context(), 0, lost...)
	rep, err := reproof.ReadReport(t.Context(), w.config.Ledger.Run(name))
	if err != nil || !rep.Verified || rep.Sampled.Objects != 100 {
		t.Errorf("%+v, %v", rep, err)
	}
	if open, err := index.Open(t.Context(), w.config.Ledger, time.Time{}); err != nil || slices.Contains(open, name) {
		t.Errorf("the runs that are not over are %q, %v", open, err)
	}
	names, err := index.Verifications(t.Context(), w.config.Ledger.Run(runName))
	if err != nil || !slices.Equal(names, []string{name}) {
		t.Errorf("its verifications are %q, %v", names, err)
	}
	if runs, err := index.Runs(t.Context(), w.config.Ledger, w.job.Name); err != nil || slices.ContainsFunc(runs, func(r string) bool { return strings.Contains(r, "verif") }) {
		t.Errorf("the job's runs are %q, %v", runs, err)
	}
}

func TestAGivenUpStretchIsUnknown(t *testing.T) {
	w := newWorld(t)
	w.fill(10, 3)
	w.run()
	w.give = func(t task.Task) error {
		if t.Kind == task.Reprove {
			return context.DeadlineExceeded
		}
		return nil
	}
	rep := w.verify(1, ledger.Verification{Mode: "rows"})
	if rep.Verified || len(rep.Unknown) != 1 || rep.Rows.Objects != 0 {
		t.Errorf("%+v", rep)
	}
}

// TestRowsThatCannotBeReadAreAStretchThatWasNotLookedAt damages the rows of one shard and
// removes those of another: no later try reads them, so that the verification ends.
func TestRowsThatCannotBeReadAreAStretchThatWasNotLookedAt(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys = 20 })
	w.fill(60, 4)
	w.run()
	of := w.config.Ledger.Run(runName)
	m := manifestOf(t, of)
	if len(m.Files) < 3 {
		t.Fatalf("%d files, want 3 or more", len(m.Files))
	}
	at := func(f ledger.File) string { return w.job.Ledger.Prefix + "runs/" + runName + "/" + f.Name }
	put(t, w.led, at(m.Files[0]), []byte("not what the run wrote"))
	if err := w.led.Delete(t.Context(), at(m.Files[1])); err != nil {
		t.Fatal(err)
	}
	for i, mode := range reproof.Modes {
		name := ledger.VerificationName(runName, epoch.Add(time.Duration(i)*time.Hour))
		tasks, err := w.pipe.StartVerification(t.Context(), name, ledger.Verification{Run: runName, Mode: string(mode), Sample: reproof.Whole.Share})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range tasks {
			if one.Kind != task.Reprove {
				continue
			}
			if _, err := w.pipe.Do(t.Context(), one); err != nil {
				t.Errorf("%s: %s: %v, want a record that says so", mode, one.Shard, err)
			}
		}
		w.drive(t.Context(), 0, tasks...)
		rep, err := reproof.ReadReport(t.Context(), w.config.Ledger.Run(name))
		if err != nil || rep.Verified || len(rep.Unknown) != 2 || rep.Reason != "a stretch of keys was not looked at" || rep.Findings[ledger.Holds].Objects == 0 {
			t.Errorf("%s: %+v, %v", mode, rep, err)
		}
	}
}

// TestAStretchThatTheRunDidNotVerifyIsUnknownOfItsPrefixAlone gives up one of three shards.
func TestAStretchThatTheRunDidNotVerifyIsUnknownOfItsPrefixAlone(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys = 20 })
	w.fill(60, 5)
	given := ""
	w.give = func(t task.Task) error {
		if t.Kind == task.Verify && (given == "" || given == t.Shard) {
			given = t.Shard
			return context.DeadlineExceeded
		}
		return nil
	}
	w.run()
	rep := w.verify(1, ledger.Verification{Mode: "rows"})
	if rep.Verified || len(rep.Unknown) != 1 {
		t.Fatalf("%+v, want a stretch that is unknown", rep)
	}
	in, other := "k/0000", "k/0005"
	if rep.Unknown[0].Range.After != "" {
		in, other = other, in
	}
	if rep := w.verify(2, ledger.Verification{Mode: "rows", Prefix: other}); !rep.Verified || len(rep.Unknown) != 0 || rep.Rows.Objects != 10 {
		t.Errorf("%+v, want the ten keys of another stretch verified", rep)
	}
	if rep := w.verify(3, ledger.Verification{Mode: "rows", Prefix: in}); rep.Verified || len(rep.Unknown) != 1 {
		t.Errorf("%+v, want the stretch unknown", rep)
	}
}

// TestAVerificationThatAnotherHasTheNameOfIsTriedAgain begins three within a second.
func TestAVerificationThatAnotherHasTheNameOfIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(3, 0)
	w.run()
	name := ledger.VerificationName(runName, epoch)
	read := ledger.Verification{Run: runName, Mode: "read", Sample: reproof.Whole.Share}
	for range 2 { // a retry, in the same words
		if _, err := w.pipe.StartVerification(t.Context(), name, read); err != nil {
			t.Fatal(err)
		}
	}
	rows := read
	rows.Mode = "rows"
	if tasks, err := w.pipe.StartVerification(t.Context(), name, rows); fault.KindOf(err) != fault.Temporary || len(tasks) != 0 {
		t.Errorf("%d tasks, %v, want Temporary", len(tasks), err)
	}
}
