package app_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// atOnce calls each of fs at the same moment and returns what they came to.
func atOnce(fs ...func() error) []error {
	errs := make([]error, len(fs))
	go1 := make(chan struct{})
	var all sync.WaitGroup
	for i, f := range fs {
		all.Go(func() {
			<-go1
			errs[i] = f()
		})
	}
	close(go1)
	all.Wait()
	return errs
}

// below is a job of the office that writes below a prefix.
func (o *office) below(t *testing.T, name, prefix string, set ...func(*job.Job)) job.Job {
	return o.job(t, append(set, func(j *job.Job) { j.Name, j.Target.Prefix = name, prefix })...)
}

// TestOfJobsThatClashOneIsTaken begins and keeps jobs in several processes at one
// moment, each with its own connections.
func TestOfJobsThatClashOneIsTaken(t *testing.T) {
	start := func(o *office, name, prefix string, set ...func(*job.Job)) func() error {
		d, j := o.process(t), o.below(t, name, prefix, set...)
		return func() error { _, err := d.Start(t.Context(), j, nil, o.clock()); return err }
	}
	for name, tc := range map[string]struct {
		begin func(o *office) []func() error
		taken int // how many of them
		runs  int // how many runs there are then
	}{
		"started below one another": {func(o *office) []func() error {
			return []func() error{start(o, "a", ""), start(o, "b", "x/"), start(o, "c", "x/y/")}
		}, 1, 1},
		"started side by side": {func(o *office) []func() error {
			return []func() error{start(o, "a", "x/"), start(o, "b", "y/")}
		}, 2, 2},
		"one job, started by many": {func(o *office) []func() error {
			return []func() error{start(o, "a", ""), start(o, "a", ""), start(o, "a", "")}
		}, 1, 1},
		"one job that may overlap": {func(o *office) []func() error {
			allow := func(j *job.Job) { j.Overlap = job.AllowOverlap }
			return []func() error{start(o, "a", "", allow), start(o, "a", "", allow)}
		}, 2, 2},
		"one job to two places": {func(o *office) []func() error {
			return []func() error{start(o, "a", "x/"), start(o, "a", "y/")}
		}, 1, 1},
		"kept, as ferry jobs apply does, and started": {func(o *office) []func() error {
			l, j := o.process(t).Ledger(), o.below(t, "kept", "x/")
			apply := func() error {
				return control.Exclusively(t.Context(), l, []job.Job{j}, o.clock(), func(ctx context.Context) error {
					others, err := control.Others(ctx, l, "", o.clock(), slog.New(slog.DiscardHandler))
					if err != nil {
						return err
					}
					for _, other := range others {
						if err := other.Refuse(j); err != nil {
							return err
						}
					}
					keep(t, l, j)
					return nil
				})
			}
			return []func() error{apply, start(o, "a", "")}
		}, 1, -1},
		"a timer of one, and a start of the other": {func(o *office) []func() error {
			d := o.process(t)
			keep(t, d.Ledger(), o.below(t, "kept", "x/"))
			return []func() error{func() error { _, err := d.Tick(t.Context(), "kept", o.clock(), o.clock()); return err }, start(o, "a", "")}
		}, 1, 1},
		"a timer and a start of one job": {func(o *office) []func() error {
			d, j := o.process(t), o.below(t, "kept", "x/")
			keep(t, d.Ledger(), j)
			return []func() error{
				func() error { _, err := d.Tick(t.Context(), "kept", o.clock().Add(time.Minute), o.clock()); return err },
				func() error { _, err := d.Start(t.Context(), j, nil, o.clock()); return err },
			}
		}, -1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				o := newOffice(t)
				o.fill(t, 3)
				errs := atOnce(tc.begin(o)...)
				taken := 0
				for _, err := range errs {
					if err == nil {
						taken++
					} else if fault.KindOf(err) != fault.Invalid {
						t.Errorf("one ends with %v, want invalid", err)
					}
				}
				var runs []string
				for _, name := range []string{"a", "b", "c", "kept"} {
					some, err := index.Runs(t.Context(), o.deploy.Ledger(), name)
					if err != nil {
						t.Fatal(err)
					}
					runs = append(runs, some...)
				}
				if tc.taken >= 0 && taken != tc.taken || tc.runs >= 0 && len(runs) != tc.runs {
					t.Errorf("%d were taken and the runs are %q, want %d and %d runs: %v", taken, runs, tc.taken, tc.runs, errs)
				}
			}
		})
	}
}

// TestWhoDiedBeforeItActedHindersForTwoMinutes leaves intents as a process does
// that is killed, and one that no version can read.
func TestWhoDiedBeforeItActedHindersForTwoMinutes(t *testing.T) {
	for what, leave := range map[string]func(*office) error{
		"an intent for the same place": func(o *office) error {
			_, err := kept.WriteIntent(t.Context(), o.deploy.Ledger().Folder(), []kept.Place{{Job: "other", Bucket: "photos-new", Prefix: "x/"}}, o.clock())
			return err
		},
		"one that cannot be read": func(o *office) error {
			o.lay(t, ".ferry/intents/"+o.clock().UTC().Format(ledger.RunTime)+"-zzzzzzzz", []byte(`{"v":99}`))
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := newOffice(t)
			if err := leave(o); err != nil {
				t.Fatal(err)
			}
			if what == "an intent for the same place" {
				o.start(t, o.below(t, "b", "y/"))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if run, err := o.deploy.Start(ctx, o.below(t, "a", "x/"), nil, o.clock()); err == nil {
				t.Errorf("%s was begun beside it, want it to wait", run)
			}
			o.advance(kept.IntentFor + time.Second)
			if _, err := o.deploy.Start(t.Context(), o.below(t, "a", "x/"), nil, o.clock()); err != nil {
				t.Errorf("a start later: %v, want it taken", err)
			}
		})
	}
}

// TestWhoWaitsForOneThatDiedLooksSeldom: each look leaves a record, which the
// looks behind it list.
func TestWhoWaitsForOneThatDiedLooksSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(mem.OSS)
		l := ledger.Open(b, "")
		j := job.Job{Name: "a", Target: job.Location{Scheme: job.OSS, Bucket: "photos-new"}}
		begun := time.Now()
		if _, err := kept.WriteIntent(t.Context(), l.Folder(), []kept.Place{{Job: "a", Bucket: "photos-new"}}, begun.Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := control.Exclusively(t.Context(), l, []job.Job{j}, begun, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		looks := 0
		for _, err := range b.List(t.Context(), store.Range{Prefix: "intents/"}) {
			if err != nil {
				t.Fatal(err)
			}
			looks++
		}
		if waited := time.Since(begun); waited < kept.IntentFor-time.Second || looks > 100 {
			t.Errorf("it waited %s and looked %d times, want %s and at most 100", waited, looks, kept.IntentFor)
		}
	})
}
