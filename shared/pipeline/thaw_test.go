package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// vault is a source whose objects are archived: one can be read for lasts, thaws after it
// was asked for.
type vault struct {
	store.Source
	now          func() time.Time
	thaws, lasts time.Duration

	mu    sync.Mutex
	asked map[string]time.Time
	times map[string]int
	opens int    // refused
	mute  string // Stat of that key is not answered
	snaps bool   // what Stat told to be thawed freezes at once
}

func (v *vault) frozen(key string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, ok := v.asked[key]
	return !ok || v.now().Before(at.Add(v.thaws)) || v.now().After(at.Add(v.thaws+v.lasts))
}

func (v *vault) mark(o store.Object) store.Object {
	o.Class, o.Frozen = store.DeepArchive, v.frozen(o.Key)
	return o
}

func (v *vault) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range v.Source.List(ctx, r) {
			if !yield(v.mark(o), err) {
				return
			}
		}
	}
}

func (v *vault) Stat(ctx context.Context, key string) (store.Object, error) {
	if key == v.mute {
		return store.Object{}, fault.New(fault.Temporary, "Stat", key, errors.New("no answer"))
	}
	o, err := v.Source.Stat(ctx, key)
	o = v.mark(o)
	if v.snaps && !o.Frozen {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.asked, key)
	}
	return o, err
}

func (v *vault) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if v.frozen(o.Key) {
		v.mu.Lock()
		v.opens++
		v.mu.Unlock()
		return o, nil, fault.New(fault.Denied, "Open", o.Key, errors.New("it is archived"))
	}
	return v.Source.Open(ctx, o, off, n)
}

func (v *vault) Thaw(_ context.Context, key string, _ int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at, ok := v.asked[key]; ok && v.now().Before(at.Add(v.thaws)) {
		return nil
	}
	v.asked[key] = v.now()
	v.times[key]++
	return nil
}

// vaulted returns a world of n archived objects.
func vaulted(t *testing.T, n int, thaws, lasts time.Duration, set ...func(*job.Job)) (*world, *vault) {
	t.Helper()
	w := newWorld(t, append([]func(*job.Job){func(j *job.Job) { j.Thaw = true }}, set...)...)
	v := &vault{now: w.clock.Now, thaws: thaws, lasts: lasts, asked: map[string]time.Time{}, times: map[string]int{}}
	w.source = func(src store.Source) store.Source { v.Source = src; return v }
	w.config.Shared, w.config.MaxWait = true, 15*time.Minute
	w.config.Open = func(context.Context, job.Job) (store.Source, pipeline.Target, error) {
		return w.source(w.src), w.dst, nil
	}
	w.pipe = pipeline.New(w.config)
	for i := range n {
		put(t, w.src, fmt.Sprintf("k/%05d", i), fmt.Appendf(nil, "bytes of %d", i))
	}
	return w, v
}

// TestAnArchivedBucketThawsIsCopiedAndVerified has a bucket that takes 5 hours to thaw.
func TestAnArchivedBucketThawsIsCopiedAndVerified(t *testing.T) {
	w, v := vaulted(t, 300, 5*time.Hour, 72*time.Hour, func(j *job.Job) { j.Limits.BatchObjects = 40 })
	began := w.clock.Now()
	rep := w.run()
	if rep.Result != report.Verified || rep.Objects.Copied != 300 {
		t.Fatalf("%+v", rep.Summary)
	}
	w.same()
	if took := w.clock.Now().Sub(began); took < 5*time.Hour || took > 6*time.Hour {
		t.Errorf("it took %s, want the 5 hours of thawing and little more", took)
	}
	for key, row := range w.rows() {
		if row.Tries != 0 || v.times[key] != 1 {
			t.Errorf("%s took %d tries and was restored %d times, want none and once", key, row.Tries, v.times[key])
		}
	}
	if v.opens > 0 {
		t.Errorf("%d GETs were refused, want none: what is archived is not asked for", v.opens)
	}
}

// TestAnObjectThatTheSourceDoesNotTellOfFailsAlone has one of a batch of archived objects
// whose state the source never tells.
func TestAnObjectThatTheSourceDoesNotTellOfFailsAlone(t *testing.T) {
	w, v := vaulted(t, 10, time.Hour, 72*time.Hour)
	v.mute = "k/00004"
	rep := w.run()
	if rep.Objects.Copied != 9 || rep.Objects.Failed != 1 || w.rows()[v.mute].State != ledger.Failed {
		t.Errorf("%+v, failures %+v", rep.Summary, rep.Failures)
	}
	for key, n := range v.times {
		if n != 1 {
			t.Errorf("%s was restored %d times, want once", key, n)
		}
	}
}

func TestAnObjectInPartsThawsFirst(t *testing.T) {
	w, v := vaulted(t, 2, time.Hour, 72*time.Hour, func(j *job.Job) { j.Class, j.Limits.PartsAbove, j.Limits.PartSize = "standard", 4<<20, 4<<20 })
	put(t, w.src, "k/big", make([]byte, 9<<20))
	rep := w.run()
	if rep.Result != report.Verified || rep.Objects.Copied != 3 || v.opens > 0 {
		t.Errorf("%+v, %d GETs refused", rep.Summary, v.opens)
	}
	w.same()
}

// TestWhatFreezesAgainIsThawedThreeTimes has an object that freezes again whenever it was
// seen to be thawed.
func TestWhatFreezesAgainIsThawedThreeTimes(t *testing.T) {
	w, v := vaulted(t, 1, time.Hour, time.Hour)
	v.snaps = true
	rep := w.run()
	if rep.Objects.Skipped != 1 || v.times["k/00000"] != 3 || v.opens != 3 {
		t.Errorf("%+v, restored %d times, %d GETs refused, want it skipped after three", rep.Summary, v.times["k/00000"], v.opens)
	}
	if row := w.rows()["k/00000"]; !strings.Contains(row.Reason, "froze again each time") || row.Tries != 0 {
		t.Errorf("%d tries, reason %q", row.Tries, row.Reason)
	}
}

func TestThawWaitBoundsTheWaitAndTheReportNamesWhatStillThaws(t *testing.T) {
	w, _ := vaulted(t, 3, 100*time.Hour, time.Hour, func(j *job.Job) { j.ThawWait = job.Span(6 * time.Hour) })
	rep := w.run()
	if rep.Result == report.Verified && rep.Objects.Copied > 0 || rep.Objects.Skipped != 3 || rep.Causes[ledger.Archived].Objects != 3 {
		t.Errorf("%+v, causes %v", rep.Summary, rep.Causes)
	}
	for key, row := range w.rows() {
		if !strings.Contains(row.Reason, "it still thaws: it was asked for at ") {
			t.Errorf("%s: %q", key, row.Reason)
		}
	}
	if took := w.clock.Now().Sub(epoch); took < 6*time.Hour || took > 8*time.Hour {
		t.Errorf("it took %s, want thawWait and little more", took)
	}
}

func TestWithoutThawArchivedObjectsAreSkipped(t *testing.T) {
	w, v := vaulted(t, 2, time.Hour, time.Hour, func(j *job.Job) { j.Thaw = false })
	if rep := w.run(); rep.Objects.Skipped != 2 || len(v.times) > 0 {
		t.Errorf("%+v, restored %v", rep.Summary, v.times)
	}
}

// TestAnEventOfARestoredObjectEndsItsWait has the source notify of objects that can be read
// hours before the run that waits for them would look at them: the event copies them at once, and
// the run, when it looks, finds them copied and reads none of them again.
func TestAnEventOfARestoredObjectEndsItsWait(t *testing.T) {
	const n = 5
	w, v := vaulted(t, n, 100*time.Hour, 72*time.Hour, following)
	w.config.MaxWait = 4 * time.Hour
	w.pipe = pipeline.New(w.config)
	w.keep()
	c := &reading{}
	open := w.source
	w.source = func(src store.Source) store.Source { c.Source = open(src); return thawingReader{c, v} }
	sent := false
	w.before = func(tk task.Task) {
		switch {
		case tk.Kind == task.Event: // it is what tells that the objects can be read
			v.mu.Lock()
			v.thaws = 0
			v.mu.Unlock()
		case tk.Kind == task.Copy && tk.Waits > 0 && !sent:
			sent = true
			var keys []string
			for i := range n {
				keys = append(keys, fmt.Sprintf("k/%05d", i))
			}
			if err := w.worker.Submit(t.Context(), w.notified(keys...)...); err != nil {
				t.Fatal(err)
			}
		}
	}
	rep := w.run()
	if rep.Result != report.Verified || c.opens.Load() != n {
		t.Errorf("%+v after %d GETs, want it verified and each object read once", rep.Summary, c.opens.Load())
	}
	w.same()
	day := w.config.Ledger.Run(w.job.Name + "/" + epoch.Format("20060102") + "-events")
	walk, err := progress.Walk(t.Context(), day)
	if err != nil || len(walk.Shards) == 0 {
		t.Fatalf("%d shards of events, %v", len(walk.Shards), err)
	}
	copied := 0
	for _, s := range walk.Shards {
		for _, b := range s.Closed.Batches {
			rows, _, err := day.Batches().Settled(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if row.State == ledger.Copied {
					copied++
				}
			}
		}
	}
	if copied != n {
		t.Errorf("%d objects were copied by their events, want %d", copied, n)
	}
}

// thawingReader counts what is read of a vault.
type thawingReader struct {
	*reading
	*vault
}

func (r thawingReader) List(ctx context.Context, of store.Range) iter.Seq2[store.Object, error] {
	return r.vault.List(ctx, of)
}
func (r thawingReader) Stat(ctx context.Context, key string) (store.Object, error) {
	return r.vault.Stat(ctx, key)
}
func (r thawingReader) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	return r.reading.Open(ctx, o, off, n)
}
