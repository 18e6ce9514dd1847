package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/worker"
)

// into is a job of this machine that writes below that prefix, whose name is
// derived from its pair.
func into(prefix string) func(*job.Job) {
	return func(j *job.Job) { j.Target.Prefix = prefix }
}

// TestACopyFromThisMachineDoesNotWriteWhereAnotherJobDoes begins a run of a pair
// where the ledger knows of another one.
func TestACopyFromThisMachineDoesNotWriteWhereAnotherJobDoes(t *testing.T) {
	interrupted := func(t *testing.T, w *world, prefix string) {
		_, err := w.copy(t, agent.CopyOptions{Around: func(p worker.Doer) worker.Doer { return halting{p} }}, into(prefix))
		if !errors.Is(err, agent.ErrHalted) {
			t.Fatalf("Copy = %v, want it halted", err)
		}
	}
	steered := func(s ledger.Standing) func(t *testing.T, w *world) {
		return func(t *testing.T, w *world) {
			interrupted(t, w, "a/")
			if err := w.onlyRun(t).Steering().WriteStanding(t.Context(), s, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := func(t *testing.T, w *world) {
		j, err := job.New(w.src, w.dst, "", into("a/"), call("nightly"))
		if err != nil {
			t.Fatal(err)
		}
		keep(t, w.led(t), j)
	}
	for name, tc := range map[string]struct {
		before func(t *testing.T, w *world)
		prefix string
		want   []string // of the refusal; none: it copies
	}{
		"one that is over": {func(t *testing.T, w *world) {
			if _, err := w.copy(t, agent.CopyOptions{}, into("a/")); err != nil {
				t.Fatal(err)
			}
		}, "", nil},
		"an unfinished one around it":  {func(t *testing.T, w *world) { interrupted(t, w, "a/") }, "a/b/", []string{"oss://photos-new/a/", "is not over", "ferry cancel "}},
		"an unfinished one within it":  {func(t *testing.T, w *world) { interrupted(t, w, "a/") }, "", []string{"oss://photos-new/a/", "is not over", "ferry cancel "}},
		"an unfinished one beside it":  {func(t *testing.T, w *world) { interrupted(t, w, "a/") }, "b/", nil},
		"itself, unfinished":           {func(t *testing.T, w *world) { interrupted(t, w, "a/") }, "a/", nil},
		"a paused one":                 {steered(ledger.Paused), "a/b/", []string{"is not over"}},
		"a cancelled one":              {steered(ledger.Cancelled), "a/b/", nil},
		"a kept one":                   {kept, "", []string{"nightly", "another prefix or bucket", "ferry jobs remove nightly"}},
		"a kept one beside it":         {kept, "b/", nil},
		"a kept one that is ended for": {func(t *testing.T, w *world) { kept(t, w); sealFor(t, w, "nightly") }, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(t, 3)
			tc.before(t, w)
			held := len(w.oss.Keys("photos-new"))
			rep, err := w.copy(t, agent.CopyOptions{}, into(tc.prefix))
			if len(tc.want) == 0 {
				if err != nil || rep.Result != report.Verified {
					t.Errorf("%s, %v, want it verified", rep.Result, err)
				}
				return
			}
			for _, text := range tc.want {
				if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), text) {
					t.Errorf("%v, want it refused with %q", err, text)
				}
			}
			if now := len(w.oss.Keys("photos-new")); now != held {
				t.Errorf("the target holds %d objects, want the %d of before", now, held)
			}
		})
	}
}

// led is the ledger that the world's runs are kept in.
func (w *world) led(t *testing.T) *ledger.Ledger {
	t.Helper()
	j, err := job.New(w.src, w.dst, w.ledgerAt())
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.config.Connect(j)
	if err != nil {
		t.Fatal(err)
	}
	return s.Ledger
}

func sealFor(t *testing.T, w *world, name string) {
	t.Helper()
	if _, err := w.led(t).CreateSeal(t.Context(), name, time.Now()); err != nil {
		t.Fatal(err)
	}
}
