package pipeline_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// keep keeps the world's job, changed, in its ledger.
func (w *world) keep(change ...func(*job.Job)) {
	w.t.Helper()
	j := w.job
	for _, set := range change {
		set(&j)
	}
	data, err := job.Encode(j)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := kept.WriteJob(w.t.Context(), w.config.Ledger.Folder(), kept.Job{Name: j.Name, Job: data, At: w.clock.Now()}, nil); err != nil {
		w.t.Fatal(err)
	}
}

// takenBack is what takes back what a run was begun for, without its process
// noticing; reason is what a row then says, "" where the run is stopped and
// nothing is decided.
type takenBack struct {
	do     func(t *testing.T, w *world, run string)
	reason string
}

func keptAs(reason string, change func(*job.Job)) takenBack {
	return takenBack{func(_ *testing.T, w *world, _ string) { w.keep(change) }, reason}
}

func steered(s ledger.Standing) takenBack {
	return takenBack{func(t *testing.T, w *world, run string) {
		if err := w.config.Ledger.Run(run).Steering().WriteStanding(t.Context(), s, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}, ""}
}

var (
	removedJob = takenBack{func(t *testing.T, w *world, _ string) {
		if err := kept.RemoveJob(t.Context(), w.config.Ledger.Folder(), w.job.Name); err != nil {
			t.Fatal(err)
		}
	}, "is not kept any more"}
	sealedJob = takenBack{func(t *testing.T, w *world, run string) {
		if _, err := w.config.Ledger.CreateSeal(t.Context(), w.config.Ledger.Run(run).Job(), w.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}, ""}
	anotherFilter = keptAs("does not choose it any more", func(j *job.Job) { j.Filter.Exclude = []string{"**"} })
	anotherTarget = keptAs("another source or target", func(j *job.Job) { j.Target.Prefix = "elsewhere/" })
	noEvents      = keptAs("does not follow events any more", func(j *job.Job) { j.Events = job.Events{} })
)

func TestWhatIsTakenBackIsNotRemoved(t *testing.T) {
	all := map[string]takenBack{
		"delete: true is taken back":  keptAs("does not mirror deletions any more", func(j *job.Job) { j.Delete = false }),
		"the job is removed":          removedJob,
		"the job has another filter":  anotherFilter,
		"the job has another target":  anotherTarget,
		"the job is sealed":           sealedJob,
		"the run is paused":           steered(ledger.Paused),
		"the run is cancelled":        steered(ledger.Cancelled),
		"the job is kept as it was":   keptAs("-", func(*job.Job) {}),
		"the job has another limit":   keptAs("-", func(j *job.Job) { j.Limits.Parallel = 3 }),
		"the job allows more of them": keptAs("-", func(j *job.Job) { j.MaxDeletes = 5000 }),
	}
	for name, back := range all {
		t.Run("of an event, "+name, func(t *testing.T) {
			w := followed(t, 5)
			w.keep()
			remove(t, w, "k/00001")
			w.before = func(tk task.Task) {
				if tk.Kind == task.Remove {
					w.before = nil
					back.do(t, w, tk.Run)
				}
			}
			w.drive(t.Context(), 0, w.notified("k/00001")...)
			if w.before != nil {
				t.Fatal("no removal was begun: this proves nothing")
			}
			back.removal(t, w, func() ledger.Row { return w.eventRows()["k/00001"][0] })
		})
		t.Run("of a run, "+name, func(t *testing.T) {
			w := synced(t, 5)
			w.keep()
			w.fresh()
			remove(t, w, "k/00001")
			w.before = func(tk task.Task) {
				if tk.Kind == task.Delete {
					w.before = nil
					back.do(t, w, tk.Run)
				}
			}
			w.drive(t.Context(), 0, w.startAs(laterRun)...)
			if w.before != nil {
				t.Fatal("no deletion was begun: this proves nothing")
			}
			back.removal(t, w, func() ledger.Row {
				rep, err := report.Read(t.Context(), w.config.Ledger.Run(laterRun))
				if err != nil || rep.Mirror.Deleted.Objects+rep.Mirror.Kept.Objects != 1 {
					t.Fatalf("%+v, %v, want one deletion accounted for", rep.Mirror, err)
				}
				walk, err := progress.Walk(t.Context(), w.config.Ledger.Run(laterRun))
				if err != nil {
					t.Fatal(err)
				}
				rows, _, err := w.config.Ledger.Run(laterRun).Batches().Settled(t.Context(), walk.Shards[0].Closed.Deletes[0])
				if err != nil {
					t.Fatal(err)
				}
				return rows[0]
			})
		})
	}
}

// removal fails unless k/00001 was removed exactly where nothing was taken back.
func (b takenBack) removal(t *testing.T, w *world, row func() ledger.Row) {
	t.Helper()
	_, err := w.dst.Stat(t.Context(), "k/00001")
	if removed := fault.KindOf(err) == fault.NotFound; removed != (b.reason == "-") {
		t.Errorf("removed from the target: %v", removed)
	}
	switch b.reason {
	case "": // nothing is decided
	case "-":
		if got := row(); got.State != ledger.Deleted {
			t.Errorf("the row is %s (%s), want deleted", got.State, got.Reason)
		}
	default:
		if got := row(); got.State != ledger.Skipped && got.State != ledger.Gone || !strings.Contains(got.Reason, b.reason) || !strings.Contains(got.Reason, "the target keeps its copy") {
			t.Errorf("the row is %s (%s), want it kept, and why: %s", got.State, got.Reason, b.reason)
		}
	}
}

func TestARunOfAJobThatIsNotKeptRemovesAsItWasBegun(t *testing.T) {
	w := synced(t, 5)
	remove(t, w, "k/00001")
	if m := w.runAgain().Mirror; m == nil || m.Deleted.Objects != 1 {
		t.Errorf("mirror %+v, want one deleted: no kept job says otherwise", m)
	}
	w.clock.Advance(time.Hour)
	remove(t, w, "k/00002")
	w.fresh()
	first := w.startAs("j/20260104T000000Z")
	w.keep(func(j *job.Job) { j.Delete = false })
	w.drive(t.Context(), 0, first...)
	if _, err := w.dst.Stat(t.Context(), "k/00002"); err != nil {
		t.Errorf("k/00002 was removed though the ledger keeps a job of that name without delete: %v", err)
	}
}

// TestWhatIsTakenBackIsNotWritten takes it back while the body is read, or, of a
// big object, when its task has begun.
func TestWhatIsTakenBackIsNotWritten(t *testing.T) {
	backs := map[string]takenBack{
		"the job is removed":                removedJob,
		"the job follows no events":         noEvents,
		"the job has another filter":        anotherFilter,
		"the job has another target":        anotherTarget,
		"the job is sealed":                 sealedJob,
		"the day is paused":                 steered(ledger.Paused),
		"the day is cancelled":              steered(ledger.Cancelled),
		"the job has another limit, and so": keptAs("-", func(j *job.Job) { j.Limits.Parallel = 3 }),
	}
	objects := map[string]struct {
		key  string
		body []byte
		at   task.Kind // in whose task it is taken back: in its first read, or for Finish before that
	}{
		"a new object":      {"new", []byte("new"), task.Event},
		"a changed object":  {"k/00001", []byte("changed"), task.Event},
		"an empty object":   {"empty", nil, task.Event},
		"parts":             {"big", random(9*mib+5, 1), task.Part},
		"an upload to join": {"big", random(9*mib+5, 1), task.Finish},
		"an upload to open": {"big", random(9*mib+5, 1), task.Begin},
	}
	for name, back := range backs {
		for what, o := range objects {
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				w := followed(t, 2, inParts)
				w.keep()
				put(t, w.src, o.key, o.body)
				doing := task.Task{}
				var once sync.Once
				var done atomic.Bool
				act := func() {
					once.Do(func() {
						done.Store(true)
						back.do(t, w, doing.Run)
					})
				}
				w.before = func(tk task.Task) {
					if doing = tk; tk.Kind == o.at && (o.at == task.Finish || o.at == task.Begin) {
						act()
					}
				}
				w.source = func(s store.Source) store.Source {
					return &reading{Source: s, onOpen: func(string) {
						if doing.Kind == o.at {
							act()
						}
					}}
				}
				w.fresh()
				before, _ := w.dst.Stat(t.Context(), o.key)
				w.drive(t.Context(), 0, w.notified(o.key)...)
				if !done.Load() {
					t.Fatal("nothing was taken back: this proves nothing")
				}
				after, _ := w.dst.Stat(t.Context(), o.key)
				if wrote := after.Hash != before.Hash; wrote != (back.reason == "-") {
					t.Errorf("written: %v", wrote)
				}
				if back.reason == "" { // nothing is decided
					return
				}
				if left := w.dst.Uploads(); len(left) > 0 {
					t.Errorf("uploads of %q are left open", left)
				}
				row := w.eventRows()[o.key][0]
				if back.reason == "-" && row.State != ledger.Copied || back.reason != "-" && (row.State != ledger.Skipped || !strings.Contains(row.Reason, back.reason)) {
					t.Errorf("the row is %s (%s), want %q", row.State, row.Reason, back.reason)
				}
				if rep := w.closeDay(); rep.Result != report.Verified || rep.Objects.Skipped+rep.Objects.Copied != 1 {
					t.Errorf("the day is %s, %+v", rep.Result, rep.Objects)
				}
			})
		}
	}
}

// TestWhoRemovesLooksAtAllSidesAtOnce has the source answer only when the target
// is asked: one after the other, the target's answer would lie between the
// source's and the removal.
func TestWhoRemovesLooksAtAllSidesAtOnce(t *testing.T) {
	for name, begin := range map[string]func(*world) []task.Task{
		"of an event": func(w *world) []task.Task { return w.notified("k/00001") },
		"of a run":    func(w *world) []task.Task { return w.startAs(laterRun) },
	} {
		t.Run(name, func(t *testing.T) {
			w := followed(t, 5)
			asked := make(chan struct{}, 100)
			doing := task.Kind("")
			removing := func() bool { return doing == task.Remove || doing == task.Delete }
			w.before = func(tk task.Task) { doing = tk.Kind }
			w.source = func(s store.Source) store.Source {
				return statting{Source: s, before: func() {
					if !removing() {
						return
					}
					select {
					case <-asked:
					case <-time.After(2 * time.Second):
						t.Error("the source is asked, and the target only when it has answered")
					}
				}}
			}
			w.target = func(d pipeline.Target) pipeline.Target {
				return targetStatting{Target: d, before: func() {
					if removing() {
						asked <- struct{}{}
					}
				}}
			}
			w.fresh()
			remove(t, w, "k/00001")
			w.drive(t.Context(), 0, begin(w)...)
			if _, err := w.dst.Stat(t.Context(), "k/00001"); fault.KindOf(err) != fault.NotFound {
				t.Errorf("it was not removed (%v): this proves nothing", err)
			}
		})
	}
}

// onRecord calls f with the key of each record before it is written.
func (w *world) onRecord(f func(key string)) {
	w.config.Ledger = ledger.Open(recording{w.led, f}, w.job.Ledger.Prefix)
	w.pipe = pipeline.New(w.config)
}

type recording struct {
	ledger.Bucket
	before func(key string)
}

func (r recording) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	r.before(o.Key)
	return r.Bucket.Put(ctx, o, body, how)
}

type statting struct {
	store.Source
	before func()
}

func (s statting) Stat(ctx context.Context, key string) (store.Object, error) {
	s.before()
	return s.Source.Stat(ctx, key)
}

type targetStatting struct {
	pipeline.Target
	before func()
}

func (s targetStatting) Stat(ctx context.Context, key string) (store.Object, error) {
	s.before()
	return s.Target.Stat(ctx, key)
}

// TestAKeyThatComesBackWhileAPlaceIsTakenIsNotRemoved puts it back when the
// removal has its place among the day's.
func TestAKeyThatComesBackWhileAPlaceIsTakenIsNotRemoved(t *testing.T) {
	w := followed(t, 5)
	remove(t, w, "k/00001")
	tasks := w.notified("k/00001")
	w.onRecord(func(key string) {
		if strings.Contains(key, "/removals/") {
			put(t, w.src, "k/00001", []byte("it is back"))
		}
	})
	w.drive(t.Context(), 0, tasks...)
	w.same()
}

func TestAPausedDaysEventsWaitAndAreResumed(t *testing.T) {
	w := followed(t, 5)
	w.keep()
	put(t, w.src, "k/00001", []byte("newer"))
	put(t, w.src, "a", []byte("a"))
	remove(t, w, "k/00002")
	first := w.notified("a", "k/00001")
	if err := w.dayRun().Steering().WriteStanding(t.Context(), ledger.Paused, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, append(first, w.notified("k/00002")...)...)
	// The job is changed meanwhile: the day is paused, and not one run of it.
	w.job.Limits.Parallel = 5
	w.keep()
	put(t, w.src, "b", []byte("b"))
	given := w.notified("b", "c")
	if given[0].Run == first[0].Run {
		t.Fatal("the changed job has no run of its own: this proves nothing")
	}
	given = append(given[:1], w.dead(given[1])...)
	w.drive(t.Context(), 0, given...)
	held := []string{"k/00000", "k/00001", "k/00002", "k/00003", "k/00004"}
	if got := w.dst.Keys(); !slices.Equal(got, held) || string(read(t, w.dst, "k/00001")) == "newer" {
		t.Errorf("the target has %q, want the %q of before: the day is paused", got, held)
	}
	put(t, w.src, "c", []byte("c"))
	w.fresh()
	if err := w.dayRun().Steering().WriteStanding(t.Context(), ledger.Going, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	runs, err := index.DayRuns(t.Context(), w.config.Ledger, given[0].Run)
	if err != nil || len(runs) != 2 {
		t.Fatalf("the day has the runs %q, %v, want two", runs, err)
	}
	for _, run := range runs {
		open, err := w.pipe.Resume(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		w.drive(t.Context(), 0, open...)
	}
	if got, want := w.dst.Keys(), w.src.Keys(); !slices.Equal(got, want) {
		t.Errorf("the target has %q, want the source's %q once the day is resumed", got, want)
	}
	w.same()
	if rep := w.closeDay(); rep.Result != report.Verified || rep.Objects.Listed != 2 || rep.Objects.Deleted != 1 {
		t.Errorf("the day is %s, %+v, want two copied and one deleted", rep.Result, rep.Objects)
	}
}

// dead gives a task up, as its dead letter does, and returns what follows.
func (w *world) dead(tk task.Task) []task.Task {
	w.t.Helper()
	next, err := w.pipe.GiveUp(w.t.Context(), tk, errors.New("delivered too often"))
	if err != nil {
		w.t.Fatal(err)
	}
	return next
}

// TestAnEventThatParksWhileItsDayIsResumedGoesOn resumes it between the look at
// how the run stands and the record: nobody would derive its task again.
func TestAnEventThatParksWhileItsDayIsResumedGoesOn(t *testing.T) {
	w := followed(t, 1)
	w.keep()
	put(t, w.src, "a", []byte("a"))
	tasks := w.notified("a")
	if err := w.dayRun().Steering().WriteStanding(t.Context(), ledger.Paused, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	resumed := false
	w.onRecord(func(key string) {
		if strings.Contains(key, "/copied/") && !resumed {
			resumed = true
			steered(ledger.Going).do(t, w, tasks[0].Run)
		}
	})
	w.drive(t.Context(), 0, tasks...)
	if !resumed {
		t.Fatal("it left no record: this proves nothing")
	}
	w.same()
}

// TestALateEventOfAPausedDayWaitsForIt is delivered when its day is long over.
func TestALateEventOfAPausedDayWaitsForIt(t *testing.T) {
	w := followed(t, 1)
	w.keep()
	put(t, w.src, "a", []byte("a"))
	tasks := w.notified("a")
	if err := w.dayRun().Steering().WriteStanding(t.Context(), ledger.Paused, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(30 * time.Hour)
	w.fresh()
	next, err := w.pipe.Do(t.Context(), tasks[0])
	if err != nil || len(next) != 1 || next[0].Batch != tasks[0].Batch {
		t.Fatalf("it yields %+v, %v, want itself, later", next, err)
	}
	if err := w.dayRun().Steering().WriteStanding(t.Context(), ledger.Going, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, next...)
	w.same()
}

func TestACancelledDayEndsWithItsBooks(t *testing.T) {
	w := followed(t, 5)
	w.keep()
	put(t, w.src, "a", []byte("a"))
	remove(t, w, "k/00001")
	w.drive(t.Context(), 0, w.notified("a", "k/00001", "k/00002", "never")...)
	// One waits when the day is cancelled.
	put(t, w.src, "b", []byte("b"))
	tasks := w.notified("b")
	w.clock.Advance(time.Minute)
	if err := w.dayRun().Steering().WriteStanding(t.Context(), ledger.Paused, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, tasks...)
	if err := w.dayRun().Steering().WriteStanding(t.Context(), ledger.Cancelled, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	rep, err := w.pipe.End(t.Context(), w.dayRun().Name)
	if err != nil {
		t.Fatal(err)
	}
	wantTotals(t, rep, report.Totals{Listed: 4, Copied: 1, Unchanged: 1, Gone: 1, Deleted: 1, Verified: 2, Open: 1})
	if m := rep.Mirror; rep.Result != report.Cancelled || !rep.Balanced || m == nil || m.Deleted.Objects != 1 || m.Refused != "" {
		t.Errorf("%s, balanced %v, mirror %+v, want it cancelled with its books", rep.Result, rep.Balanced, m)
	}
}

func TestMaxDeletesCountsForTheDayWhateverChangesInTheJob(t *testing.T) {
	for name, most := range map[string][]int64{
		"another limit each time":  {3, 3, 3, 3},
		"more is allowed, then so": {3, 5, 5, 5},
		"less is allowed":          {5, 3, 3, 3},
		"less, and more again":     {5, 2, 6, 6},
	} {
		t.Run(name, func(t *testing.T) {
			w := followed(t, 40)
			gone := w.src.Keys()[:16]
			remove(t, w, gone...)
			allowed := int64(0)
			for i, n := range most {
				w.job.MaxDeletes, w.job.Limits.Parallel = n, 10+i
				w.keep()
				allowed = max(allowed, n)
				before := 40 - len(w.dst.Keys())
				w.drive(t.Context(), 0, w.notified(gone[4*i:4*i+4]...)...)
				w.clock.Advance(time.Minute)
				if got, want := 40-len(w.dst.Keys()), max(before, min(int(n), before+4)); got != want {
					t.Errorf("%d deleted in the day with maxDeletes %d, %d before, want %d", got, n, before, want)
				}
			}
		})
	}
}

// TestAStoppedRunCompletesAndRemovesNothing stops an ordinary run when the task
// begins, whose process read a moment ago that it goes on.
func TestAStoppedRunCompletesAndRemovesNothing(t *testing.T) {
	for name, back := range map[string]takenBack{
		"cancelled": steered(ledger.Cancelled), "paused": steered(ledger.Paused), "sealed": sealedJob, "going": keptAs("-", func(*job.Job) {}),
	} {
		for _, at := range []task.Kind{task.Finish, task.Remove} {
			t.Run(name+" before "+string(at), func(t *testing.T) {
				w := shared(t, inParts)
				damage := &damaging{}
				if at == task.Remove {
					damage.puts.Store(3) // each try of a delivery
					put(t, w.src, "a", []byte("a"))
				} else {
					put(t, w.src, "big", random(9*mib, 1))
				}
				w.target = func(dst pipeline.Target) pipeline.Target { damage.Target = dst; return damage }
				var held []string
				w.before = func(tk task.Task) {
					if tk.Kind == at {
						w.before = nil
						held = w.dst.Keys()
						back.do(t, w, tk.Run)
					}
				}
				w.drive(t.Context(), 0, w.start()...)
				if w.before != nil {
					t.Fatal("it never came so far: this proves nothing")
				}
				if went := !slices.Equal(w.dst.Keys(), held) || damage.deleted > 0; went != (back.reason == "-") {
					t.Errorf("the target has %q, %q before, after %d removals", w.dst.Keys(), held, damage.deleted)
				}
			})
		}
	}
}
