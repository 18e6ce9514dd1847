package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/events"
	queuemem "kodoferry/shared/queue/mem"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func following(j *job.Job) { j.Events.Window = job.Span(10 * time.Second) }

// followed is a synced world whose job is kept and follows events, at noon of a later day.
func followed(t *testing.T, n int, set ...func(*job.Job)) *world {
	t.Helper()
	w := synced(t, n, append([]func(*job.Job){following}, set...)...)
	w.clock.Advance(epoch.Add(60 * time.Hour).Sub(w.clock.Now()))
	w.fresh()
	w.keep()
	return w
}

// notified are the tasks of events of keys that come now.
func (w *world) notified(keys ...string) (tasks []task.Task) {
	w.t.Helper()
	for _, k := range keys {
		t, err := w.pipe.FollowEvent(w.t.Context(), w.job, k)
		if err != nil {
			w.t.Fatal(err)
		}
		tasks = append(tasks, t)
	}
	return tasks
}

const eventDay = "20260103"

// dayRun is the run of events of the day that followed begins.
func (w *world) dayRun() *ledger.Run {
	return w.config.Ledger.Run(w.job.Name + "/" + eventDay + "-events")
}

// closeDay has the day end and reports it.
func (w *world) closeDay() report.Report {
	w.t.Helper()
	run := w.dayRun()
	due, _ := events.Due(run.Name)
	w.clock.Advance(due.Sub(w.clock.Now()))
	w.fresh()
	lost, _, err := w.pipe.Lost(w.t.Context(), run.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	w.drive(w.t.Context(), 0, lost...)
	rep, err := report.Read(w.t.Context(), run)
	if err != nil {
		w.t.Fatalf("no report of the day: %v", err)
	}
	if !rep.Balanced {
		w.t.Errorf("the day's books do not balance: %+v", rep.Objects)
	}
	return rep
}

// events are the rows of the day's events, by key, newest last.
func (w *world) eventRows() map[string][]ledger.Row {
	w.t.Helper()
	rows := map[string][]ledger.Row{}
	walk, err := progress.Walk(w.t.Context(), w.dayRun())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range walk.Shards {
		for _, b := range s.Closed.Batches {
			settled, done, err := w.dayRun().Batches().Settled(w.t.Context(), b)
			if err != nil || !done {
				w.t.Fatalf("%s: ended %v, %v", b.ID, done, err)
			}
			for _, r := range settled {
				rows[r.Key()] = append(rows[r.Key()], r)
			}
		}
	}
	return rows
}

// reading counts the bodies that are asked of a source.
type reading struct {
	store.Source
	opens  atomic.Int64
	onOpen func(key string)
}

func (c *reading) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	c.opens.Add(1)
	found, body, err := c.Source.Open(ctx, o, off, n)
	if c.onOpen != nil {
		c.onOpen(o.Key)
	}
	return found, body, err
}

func TestAnEventBringsItsKeyToTheTarget(t *testing.T) {
	w := followed(t, 50)
	put(t, w.src, "k/00001", []byte("newer"))
	put(t, w.src, "new", []byte("new"))
	put(t, w.src, "empty", nil)
	remove(t, w, "k/00002")
	w.drive(t.Context(), 0, w.notified("k/00001", "new", "empty", "k/00002", "k/00003", "never")...)
	rows := w.eventRows()
	for key, want := range map[string]struct {
		state   ledger.State
		verdict ledger.Verdict
	}{
		"k/00001": {ledger.Copied, ledger.Verified}, "new": {ledger.Copied, ledger.Verified}, "empty": {ledger.Copied, ledger.Verified},
		"k/00002": {ledger.Deleted, ""}, "k/00003": {ledger.Unchanged, ledger.Verified}, "never": {ledger.Gone, ""},
	} {
		if got := rows[key]; len(got) != 1 || got[0].State != want.state || got[0].Verdict != want.verdict {
			t.Errorf("%s: %+v, want one row, %s %s", key, got, want.state, want.verdict)
		}
	}
	w.same()
	if _, err := w.dst.Stat(t.Context(), "k/00002"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("what the source no longer has is still in the target: %v", err)
	}
	rep := w.closeDay()
	wantTotals(t, rep, report.Totals{Listed: 5, Copied: 3, Unchanged: 1, Gone: 1, Deleted: 1, Verified: 4})
	if rep.Result != report.Verified {
		t.Errorf("the day is %s, want verified", rep.Result)
	}
}

func TestEventsOfOneKeyWithinAWindowAreOne(t *testing.T) {
	w := followed(t, 1)
	c := &reading{}
	w.source = func(s store.Source) store.Source { c.Source = s; return c }
	w.fresh()
	put(t, w.src, "a", []byte("1"))
	first := w.notified("a", "a")
	w.clock.Advance(3 * time.Second)
	put(t, w.src, "a", []byte("2"))
	w.drive(t.Context(), 0, append(first, w.notified("a")...)...)
	if got := w.eventRows()["a"]; len(got) != 1 || c.opens.Load() != 1 || string(read(t, w.dst, "a")) != "2" {
		t.Errorf("%d rows after %d GETs, want one of each", len(got), c.opens.Load())
	}
	put(t, w.src, "a", []byte("3"))
	w.drive(t.Context(), 0, w.notified("a")...)
	if got := w.eventRows()["a"]; len(got) != 2 || string(read(t, w.dst, "a")) != "3" {
		t.Errorf("%d rows and %q, want the event of another window to be another task", len(got), read(t, w.dst, "a"))
	}
}

func TestNoUpdateIsLostWhileAnEventIsAtWork(t *testing.T) {
	for name, meanwhile := range map[string]func(t *testing.T, w *world){
		"it is overwritten":            func(t *testing.T, w *world) { put(t, w.src, "a", []byte("newest")) },
		"it is deleted":                func(t *testing.T, w *world) { remove(t, w, "a") },
		"it is deleted and comes back": func(t *testing.T, w *world) { remove(t, w, "a"); put(t, w.src, "a", []byte("back")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := followed(t, 1)
			c := &reading{}
			c.onOpen = func(string) {
				if c.opens.Load() == 1 {
					w.clock.Advance(time.Second)
					meanwhile(t, w)
				}
			}
			w.source = func(s store.Source) store.Source { c.Source = s; return c }
			w.fresh()
			put(t, w.src, "a", []byte("first"))
			w.drive(t.Context(), 0, w.notified("a")...) // no second notification: that one may be lost
			w.same()
			_, serr := w.src.Stat(t.Context(), "a")
			_, derr := w.dst.Stat(t.Context(), "a")
			if fault.KindOf(serr) != fault.KindOf(derr) {
				t.Errorf("at the source %v, in the target %v, want the same", serr, derr)
			}
			if rep := w.closeDay(); rep.Result != report.Verified {
				t.Errorf("the day is %s: %+v, want verified", rep.Result, rep.Failures)
			}
		})
	}
}

// lateTwin is a source that loses a key once it has described it; then another delivery's
// writing of it comes to pass in the target.
type lateTwin struct {
	store.Source
	key  string
	then func()
}

func (l *lateTwin) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := l.Source.Stat(ctx, key)
	if key == l.key && err == nil {
		l.then()
	}
	return o, err
}

func TestAnEventVerifiesOnlyWhatBothSidesHadAtOneMoment(t *testing.T) {
	for name, resend := range map[string]int64{"a first delivery": 0, "a second one": 1} {
		t.Run(name, func(t *testing.T) {
			const key = "k/00000"
			w := followed(t, 1)
			late, err := w.dst.Stat(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			data := read(t, w.dst, key)
			if err := w.dst.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			source := &lateTwin{key: key, then: func() {
				remove(t, w, key)
				if _, err := w.dst.Put(t.Context(), late, bytes.NewReader(data), store.Put{}); err != nil {
					t.Fatal(err)
				}
			}}
			w.source = func(s store.Source) store.Source { source.Source = s; return source }
			w.fresh()
			event := w.notified(key)[0]
			event.Resend = resend
			w.drive(t.Context(), 0, event)
			if rows := w.eventRows()[key]; slices.ContainsFunc(rows, func(r ledger.Row) bool { return r.Verdict == ledger.Verified }) {
				t.Errorf("%+v, want none verified: the source lost the key before the target had it", rows)
			}
		})
	}
}

func TestAnObjectThatNeverRestsEndsAsAFailedEvent(t *testing.T) {
	w := followed(t, 1)
	c := &reading{}
	n := byte(0)
	c.onOpen = func(string) { n++; put(t, w.src, "a", []byte{n}) }
	w.source = func(s store.Source) store.Source { c.Source = s; return c }
	w.fresh()
	put(t, w.src, "a", []byte("first"))
	w.drive(t.Context(), 0, w.notified("a")...)
	rows := w.eventRows()["a"]
	if len(rows) != 1 || rows[0].State != ledger.Failed || !strings.Contains(rows[0].Reason, "kept changing") {
		t.Errorf("%+v, want one failed row that says why", rows)
	}
	if most := (w.job.Limits.Rounds + 1) * w.job.Limits.Attempts; int(c.opens.Load()) > most {
		t.Errorf("read %d times, want at most %d", c.opens.Load(), most)
	}
}

func TestTheApplicationsBytesSurviveAnEvent(t *testing.T) {
	w := followed(t, 10)
	put(t, w.src, "k/00001", []byte("newer"))
	put(t, w.src, "new", []byte("new"))
	remove(t, w, "k/00002", "k/00003")
	w.clock.Advance(time.Second)
	theirs := []byte("the application's")
	put(t, w.dst, "k/00001", theirs)
	put(t, w.dst, "k/00002", theirs)
	put(t, w.dst, "new", theirs)
	w.before = func(tk task.Task) { // between the event and the removal
		if tk.Kind == task.Remove {
			put(t, w.dst, "k/00003", theirs)
		}
	}
	w.drive(t.Context(), 0, w.notified("k/00001", "new", "k/00002", "k/00003")...)
	for _, key := range []string{"k/00001", "k/00002", "k/00003", "new"} {
		if got := read(t, w.dst, key); !bytes.Equal(got, theirs) {
			t.Errorf("%s holds %q, want the application's bytes", key, got)
		}
	}
	w.before = nil
	wantTotals(t, w.closeDay(), report.Totals{Listed: 4, Conflict: 3, Gone: 1})
}

func TestABigObjectOfAnEventGoesInParts(t *testing.T) {
	w := followed(t, 1, inParts)
	put(t, w.src, "big", random(9*mib+5, 1))
	w.drive(t.Context(), 0, w.notified("big")...)
	w.same()
	row := w.eventRows()["big"]
	if len(row) != 1 || row[0].State != ledger.Copied || row[0].Proof != ledger.ByQetag || row[0].Verdict != ledger.Verified {
		t.Errorf("%+v, want it copied, proved by its qetag, and verified", row)
	}
	if rep := w.closeDay(); rep.Result != report.Verified {
		t.Errorf("the day is %s, want verified", rep.Result)
	}
}

func TestABigObjectThatVanishesMeanwhileIsMirrored(t *testing.T) {
	w := followed(t, 1, inParts)
	put(t, w.src, "big", random(9*mib+5, 1))
	w.drive(t.Context(), 0, w.notified("big")...)
	put(t, w.src, "big", random(9*mib+5, 2))
	w.before = func(tk task.Task) {
		if tk.Kind == task.Finish {
			remove(t, w, "big")
			w.before = nil
		}
	}
	w.drive(t.Context(), 0, w.notified("big")...)
	if _, err := w.dst.Stat(t.Context(), "big"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the target still has it (%v), want the deletion mirrored", err)
	}
}

func TestAnEventMindsTheJobsChoice(t *testing.T) {
	w := followed(t, 1, func(j *job.Job) {
		j.Filter = job.Filter{Suffix: []string{".jpg"}, MinSize: 3}
	})
	put(t, w.src, "a.jpg", []byte("large"))
	put(t, w.src, "b.jpg", []byte("s"))
	put(t, w.src, "c.txt", []byte("large"))
	w.drive(t.Context(), 0, w.notified("a.jpg", "b.jpg", "c.txt", "d.txt")...)
	if got := w.dst.Keys(); !slices.Contains(got, "a.jpg") || slices.Contains(got, "b.jpg") || slices.Contains(got, "c.txt") {
		t.Errorf("the target has %q, want a.jpg alone", got)
	}
	wantTotals(t, w.closeDay(), report.Totals{Listed: 1, Copied: 1, Verified: 1, Excluded: 3})
}

func TestEventsDeleteNothingUnlessTheJobMirrors(t *testing.T) {
	w := followed(t, 3, func(j *job.Job) { j.Delete = false })
	remove(t, w, "k/00001")
	w.drive(t.Context(), 0, w.notified("k/00001")...)
	if _, err := w.dst.Stat(t.Context(), "k/00001"); err != nil {
		t.Errorf("the copy is gone: %v", err)
	}
	if row := w.eventRows()["k/00001"]; len(row) != 1 || row[0].State != ledger.Gone || !strings.Contains(row[0].Reason, "mirror") {
		t.Errorf("%+v, want one row gone that says why the copy stays", row)
	}
}

func TestEventsDeleteNothingWhereTheJobAllowsNone(t *testing.T) {
	w := followed(t, 5, func(j *job.Job) { j.MaxDeletes = job.NoDeletes })
	remove(t, w, "k/00001")
	w.drive(t.Context(), 0, w.notified("k/00001")...)
	if _, err := w.dst.Stat(t.Context(), "k/00001"); err != nil {
		t.Errorf("the copy is gone: %v", err)
	}
	if rep := w.closeDay(); rep.Objects.Deleted != 0 || rep.Objects.Failed != 1 || !strings.Contains(rep.Failures[0].Reason, "maxDeletes") {
		t.Errorf("%+v, %+v, want one that failed for maxDeletes", rep.Objects, rep.Failures)
	}
}

func TestEventsDeleteAtMostMaxDeletesInADay(t *testing.T) {
	w := followed(t, 20, func(j *job.Job) { j.MaxDeletes = 7 })
	w.queue = queuemem.Options{Duplicate: 0.3}
	gone := w.src.Keys()
	remove(t, w, gone...)
	w.drive(t.Context(), 0, w.notified(gone...)...)
	left := len(w.dst.Keys())
	rep := w.closeDay()
	if left < 13 || rep.Objects.Deleted != int64(20-left) || rep.Objects.Failed != int64(left) {
		t.Errorf("%d copies are left, %+v, want at most 7 deleted and the others failed", left, rep.Objects)
	}
	if rep.Result == report.Verified || len(rep.Failures) == 0 || !strings.Contains(rep.Failures[0].Reason, "maxDeletes") {
		t.Errorf("%s, %+v, want it to say that maxDeletes was reached", rep.Result, rep.Failures)
	}
}

func TestAnEventThatIsGivenUpIsAFailedRow(t *testing.T) {
	w := followed(t, 1)
	w.give = func(tk task.Task) error {
		return fault.New(fault.Temporary, "test", tk.Key, errors.New("the source is away"))
	}
	put(t, w.src, "a", []byte("1"))
	w.drive(t.Context(), 0, w.notified("a")...)
	w.give = nil
	rep := w.closeDay()
	wantTotals(t, rep, report.Totals{Listed: 1, Failed: 1})
	if len(rep.Failures) != 1 || !strings.Contains(rep.Failures[0].Reason, "away") {
		t.Errorf("%+v, want the failure and its cause", rep.Failures)
	}
	if later := w.runAgain(); later.Objects.Copied != 1 {
		t.Errorf("the next run copied %d, want what the event missed", later.Objects.Copied)
	}
}

func TestALateEventIsDoneInTheRunOfTheDayItComesIn(t *testing.T) {
	w := followed(t, 1)
	put(t, w.src, "a", []byte("1"))
	put(t, w.src, "b", []byte("1"))
	w.drive(t.Context(), 0, w.notified("a")...)
	late := w.notified("b")
	data, err := job.Encode(w.job)
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.WriteJob(t.Context(), w.config.Ledger.Folder(), kept.Job{Name: w.job.Name, Job: data}, nil); err != nil {
		t.Fatal(err)
	}
	late[0].Delay = 0
	wantTotals(t, w.closeDay(), report.Totals{Listed: 1, Copied: 1, Verified: 1})
	w.drive(t.Context(), 0, late...)
	w.same()
	next, err := progress.Walk(t.Context(), w.config.Ledger.Run(w.job.Name+"/20260104-events"))
	if err != nil || len(next.Shards) != 1 || len(next.Shards[0].Closed.Batches) != 1 {
		t.Errorf("the next day's run: %+v, %v, want the late event", next.Shards, err)
	}
}

func TestAJobThatIsChangedHasAnotherRunThatDay(t *testing.T) {
	w := followed(t, 1)
	first := w.notified("a")[0].Run
	old := w.job
	w.job.Delete = false
	changed := w.notified("a")[0].Run
	w.job = old
	w.fresh() // another process
	if again := w.notified("a")[0].Run; first != again || changed != first+"-2" {
		t.Errorf("the runs are %s, %s once it was changed, %s once it was changed back", first, changed, again)
	}
}

func TestRunsOfEventsAreNoOrdinaryRuns(t *testing.T) {
	w := followed(t, 1)
	w.drive(t.Context(), 0, w.notified("k/00000")...)
	led := w.config.Ledger
	runs, err := index.Runs(t.Context(), led, w.job.Name)
	if err != nil || slices.ContainsFunc(runs, eventnames.IsRun) {
		t.Errorf("Runs = %q, %v, want none of events", runs, err)
	}
	if open, err := index.Open(t.Context(), led, epoch); err != nil || slices.ContainsFunc(open, eventnames.IsRun) {
		t.Errorf("Open = %q, %v, want none of events", open, err)
	}
	if open, err := index.OpenEvents(t.Context(), led, epoch); err != nil || len(open) != 1 || open[0] != w.dayRun().Name {
		t.Errorf("OpenEvents = %q, %v, want %s", open, err, w.dayRun().Name)
	}
	s, err := report.Why(t.Context(), w.dayRun(), "k/00000")
	if err != nil || len(s.Steps) < 2 || s.Steps[1].Row == nil || s.Steps[1].Row.State != ledger.Unchanged {
		t.Errorf("Why = %+v, %v, want the event and what became of it", s, err)
	}
	w.closeDay()
	if open, err := index.OpenEvents(t.Context(), led, epoch); err != nil || len(open) != 0 {
		t.Errorf("OpenEvents = %q, %v, want none once the day is reported", open, err)
	}
}

// stewarded is a target on which only tasks of the deleting stage may delete.
type stewarded struct {
	pipeline.Target
	doing func() task.Kind
}

func (s stewarded) Delete(ctx context.Context, key string) error {
	if k := s.doing(); k.Stage() != task.Deleting {
		return fault.New(fault.Denied, "stewarded.Delete", key, errors.New("a "+string(k)+" task has no right to delete"))
	}
	return s.Target.Delete(ctx, key)
}

func TestOnlyTheDeletingStageDeletes(t *testing.T) {
	w := followed(t, 3)
	var doing task.Kind
	w.before = func(tk task.Task) { doing = tk.Kind }
	damage := &damaging{}
	damage.puts.Store(3)
	w.target = func(dst pipeline.Target) pipeline.Target {
		damage.Target = stewarded{dst, func() task.Kind { return doing }}
		return damage
	}
	w.fresh()
	put(t, w.src, "k/00001", []byte("newer"))
	remove(t, w, "k/00002")
	w.drive(t.Context(), 0, w.notified("k/00001", "k/00002")...)
	w.same()
	if got, want := w.dst.Keys(), w.src.Keys(); !slices.Equal(got, want) || damage.deleted != 2 {
		t.Errorf("the target has %q after %d deletions, want %q and 2: of the damaged bytes and of the vanished key", got, damage.deleted, want)
	}
}

// TestAnEventWhoseJobIsRemovedBeforeItsDayBeginsWritesNothing has the job removed when
// it was read for a notification, and the day's run is not begun yet.
func TestAnEventWhoseJobIsRemovedBeforeItsDayBeginsWritesNothing(t *testing.T) {
	w := followed(t, 3)
	put(t, w.src, "new", []byte("1"))
	if err := kept.RemoveJob(t.Context(), w.config.Ledger.Folder(), w.job.Name); err != nil {
		t.Fatal(err)
	}
	w.drive(t.Context(), 0, w.notified("new")...)
	if _, err := w.dst.Stat(t.Context(), w.job.TargetKey("new")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the target has it (%v), though the job was removed", err)
	}
}
