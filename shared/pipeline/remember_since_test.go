package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// asking counts the HEADs of a target.
type asking struct {
	pipeline.Target
	heads atomic.Int64
}

func (a *asking) Stat(ctx context.Context, key string) (store.Object, error) {
	a.heads.Add(1)
	return a.Target.Stat(ctx, key)
}

// TestASecondRunAsksNothingOfWhatTheFirstProved has 1,000 objects, and the second run in
// the name of another job of the same places.
func TestASecondRunAsksNothingOfWhatTheFirstProved(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys = 300 })
	w.fill(1000, 1)
	if rep := w.run(); rep.Result != report.Verified || rep.Proofs[ledger.ByQetag].Objects != 1000 {
		t.Fatalf("%s, %+v", rep.Result, rep.Proofs)
	}
	w.job.Name = "another"
	a := &asking{}
	w.target = func(dst pipeline.Target) pipeline.Target { a.Target = dst; return a }
	w.fresh()
	_, rep := w.again()
	if rep.Result != report.Verified || rep.Objects.Unchanged != 1000 || rep.Proofs[ledger.ByQetag].Objects != 1000 {
		t.Errorf("%s, %+v, proved by %v, want all unchanged and proved by the hash", rep.Result, rep.Objects, rep.Proofs)
	}
	if got := rep.Provers; len(got) != 1 || got[runName].Objects != 1000 {
		t.Errorf("proved by earlier runs: %v, want 1,000 by %s", got, runName)
	}
	if n := a.heads.Load(); n > 0 {
		t.Errorf("the target was asked %d times for one object", n)
	}
}

// TestWhatWasCopiedSinceTheLastRunIsTheJobsOwn has a run of everything, then one object
// that changes and is copied by what is no run of everything, and then another version of
// it, or not, before the next one.
func TestWhatWasCopiedSinceTheLastRunIsTheJobsOwn(t *testing.T) {
	const key = "k/00003"
	for name, since := range map[string]func(w *world){
		"by an event": func(w *world) {
			w.keep()
			w.drive(w.t.Context(), 0, w.notified(key)...)
		},
		"by a run of some keys": func(w *world) { w.again(key) },
		"by a run with a filter": func(w *world) {
			all := w.job
			w.job.Filter.Include = []string{"k/*3"}
			w.again()
			w.job = all
		},
		"by a run below a prefix": func(w *world) {
			all := w.job
			w.job.Source.Prefix, w.job.Target.Prefix = "k/", "k/"
			w.again()
			w.job = all
		},
		"by an event of a day whose report is out": func(w *world) {
			w.keep()
			w.drive(w.t.Context(), 0, w.notified(key)...)
			w.clock.Advance(48 * time.Hour)
		},
	} {
		for _, changes := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, then it changes: %v", name, changes), func(t *testing.T) {
				w := newWorld(t, following)
				w.fill(10, 1)
				w.run()
				w.clock.Advance(time.Hour)
				put(t, w.src, key, []byte("since"))
				since(w)
				if got := string(read(t, w.dst, key)); got != "since" {
					t.Fatalf("the target has %q: it was not copied", got)
				}
				want := report.Totals{Unchanged: 10}
				if changes {
					w.clock.Advance(time.Minute)
					put(t, w.src, key, []byte("later"))
					want = report.Totals{Unchanged: 9, Copied: 1}
				}
				_, rep := w.again()
				if o := rep.Objects; rep.Result != report.Verified || o.Unchanged != want.Unchanged || o.Copied != want.Copied || o.Conflict != 0 {
					t.Errorf("%s, %+v, want %d unchanged and %d copied", rep.Result, o, want.Unchanged, want.Copied)
				}
				w.same()
			})
		}
	}
}

// TestWhatAnEventWroteAnewIsTheJobsOwn has events leave the target's object with the bytes
// that the last run proved, written anew: later runs and events treat it as the job's.
func TestWhatAnEventWroteAnewIsTheJobsOwn(t *testing.T) {
	const key = "k/00003"
	happens := func(w *world, change func()) {
		w.clock.Advance(time.Minute)
		change()
		w.drive(w.t.Context(), 0, w.notified(key)...)
	}
	for name, anew := range map[string]func(w *world){
		"its attributes": func(w *world) {
			happens(w, func() {
				now := w.clock.Now()
				w.src.Alter(key, func(o *store.Object) { o.Type, o.Modified = "text/new", now })
			})
		},
		"another version, and the first again": func(w *world) {
			was := read(w.t, w.src, key)
			happens(w, func() { put(w.t, w.src, key, []byte("another")) })
			happens(w, func() { put(w.t, w.src, key, was) })
		},
	} {
		for then, check := range map[string]func(w *world){
			"a run finds it unchanged, and another replaces it": func(w *world) {
				_, rep := w.again()
				if o := rep.Objects; rep.Result != report.Verified || o.Unchanged != 10 {
					w.t.Errorf("%s, %+v, want 10 unchanged", rep.Result, o)
				}
				w.clock.Advance(time.Minute)
				put(w.t, w.src, key, []byte("later"))
				if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Copied != 1 {
					w.t.Errorf("%s, %+v, want one copied", rep.Result, rep.Objects)
				}
			},
			"a run replaces it": func(w *world) {
				put(w.t, w.src, key, []byte("later"))
				if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Copied != 1 {
					w.t.Errorf("%s, %+v, want one copied", rep.Result, rep.Objects)
				}
			},
			"an event replaces it": func(w *world) { happens(w, func() { put(w.t, w.src, key, []byte("later")) }) },
			"a run mirrors its deletion": func(w *world) {
				remove(w.t, w, key)
				if _, rep := w.again(); rep.Result != report.Verified || rep.Objects.Deleted != 1 {
					w.t.Errorf("%s, %+v, want one deleted", rep.Result, rep.Objects)
				}
			},
			"an event mirrors its deletion": func(w *world) { happens(w, func() { remove(w.t, w, key) }) },
		} {
			t.Run(name+"; "+then, func(t *testing.T) {
				w := newWorld(t, following, func(j *job.Job) { j.Delete = true })
				w.fill(10, 1)
				w.run()
				w.keep()
				anew(w)
				w.clock.Advance(time.Hour)
				check(w)
				w.same()
			})
		}
	}
}

// TestARunDoesWithoutRowsThatItCannotBelieve spoils what the first run left: the second
// ends as one that has none, and says so in its log.
func TestARunDoesWithoutRowsThatItCannotBelieve(t *testing.T) {
	for name, suffixes := range map[string][]string{
		"both forms of the rows": {".rows", ".csv.gz"},
		"the manifest":           {"manifest.json"},
	} {
		for how, spoil := range map[string]func(w *world, key string){
			"are damaged": func(w *world, key string) { put(w.t, w.led, key, []byte("FRYROWS\x01no rows")) },
			"are gone": func(w *world, key string) {
				if err := w.led.Delete(w.t.Context(), key); err != nil {
					w.t.Fatal(err)
				}
			},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				w := newWorld(t)
				w.fill(20, 1)
				w.run()
				for _, key := range w.led.Keys() {
					for _, suffix := range suffixes {
						if strings.HasPrefix(key, w.config.Ledger.Run(runName).Path("")) && strings.HasSuffix(key, suffix) {
							spoil(w, key)
						}
					}
				}
				var log bytes.Buffer
				w.config.Log = slog.New(slog.NewTextHandler(&log, nil))
				w.pipe = pipeline.New(w.config)
				_, rep := w.again()
				if rep.Result != report.Verified || rep.Objects.Unchanged != 20 || rep.Proofs[ledger.ByKept].Objects+rep.Proofs[ledger.ByCRC].Objects != 20 || len(rep.Provers) > 0 {
					t.Errorf("%s, %+v, proved by %v of %v, want all unchanged by what their copies carry", rep.Result, rep.Objects, rep.Proofs, rep.Provers)
				}
				if !strings.Contains(log.String(), "the rows of an earlier run are passed over") {
					t.Errorf("the log does not tell: %s", log.String())
				}
			})
		}
	}
}
