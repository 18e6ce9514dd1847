package pipeline_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func TestACancelledRunEndsWithBooksOfWhatIsDoneAndOpen(t *testing.T) {
	w := shared(t, inParts, batches(10), func(j *job.Job) { j.Limits.ShardKeys, j.Limits.Fanout = 40, 1 })
	w.fill(100, 1)
	put(t, w.src, "big", random(30*mib, 1))
	copies, lists := 0, 0
	w.before = func(at task.Task) {
		switch at.Kind {
		case task.Copy:
			copies++
		case task.List:
			lists++
		}
		if copies == 3 && at.Kind == task.Part || lists == 3 { // two shards listed, an upload open
			lists = -1 << 30
			w.steer(ledger.Cancelled)
		}
	}
	w.drive(t.Context(), 0, w.start()...)
	if len(w.dst.Uploads()) == 0 {
		t.Fatal("no upload is open: the test proves too little")
	}
	for range 2 { // ending is idempotent
		rep, err := w.pipe.End(t.Context(), runName)
		if err != nil {
			t.Fatal(err)
		}
		o := rep.Objects
		if rep.Result != report.Cancelled || o.Listed != o.Copied+o.Open || o.Open == 0 || len(rep.Unknown) != 1 || rep.Balanced {
			t.Errorf("%s, balanced %v, %+v, unknown %v, want it cancelled, what was listed copied or open, and one stretch not listed", rep.Result, rep.Balanced, o, rep.Unknown)
		}
		if int(o.Copied) != len(w.dst.Keys()) {
			t.Errorf("%d copied, %d in the target", o.Copied, len(w.dst.Keys()))
		}
		if left := w.dst.Uploads(); len(left) > 0 {
			t.Errorf("uploads %q are left open", left)
		}
		keys, err := report.Retriable(t.Context(), w.config.Ledger.Run(runName))
		if err != nil || len(keys) != int(o.Open) || !slices.IsSorted(keys) {
			t.Errorf("%d keys are to be retried, %v, want the %d that are open", len(keys), err, o.Open)
		}
	}
	page, err := w.config.Ledger.Run(runName).Read(t.Context(), "report.html")
	if err != nil || !strings.Contains(string(page), "<h1>Cancelled</h1>") || !strings.Contains(string(page), "The run was cancelled.") {
		t.Errorf("the page does not say that the run was cancelled (%v)", err)
	}
}

func TestOnlyACancelledRunIsEnded(t *testing.T) {
	w := shared(t)
	w.fill(3, 1)
	w.start()
	if _, err := w.pipe.End(t.Context(), runName); fault.KindOf(err) != fault.Invalid {
		t.Errorf("ending a run that goes on: %v, want invalid", err)
	}
}

func TestCleaningLeavesTheProofAndNothingElse(t *testing.T) {
	w := shared(t, inParts, batches(10))
	w.fill(40, 1)
	put(t, w.src, "big", random(9*mib, 1))
	if _, err := w.pipe.Clean(t.Context(), runName, true); fault.KindOf(err) != fault.NotFound {
		t.Errorf("cleaning a run that never was: %v, want not_found", err)
	}
	first := w.start()
	for _, force := range []bool{false, true} {
		if _, err := w.pipe.Clean(t.Context(), runName, force); fault.KindOf(err) != fault.Invalid {
			t.Errorf("cleaning a run that goes on, forced %v: %v, want invalid", force, err)
		}
	}
	w.drive(t.Context(), 0, first...)
	run := w.config.Ledger.Run(runName)
	before := w.led.Keys()
	// What a killed delivery leaves, and an upload of a batch that was written off otherwise.
	if err := run.Batches().WriteRows(t.Context(), "0-orphan00000", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Results().WriteObjects(t.Context(), "0", nil); err != nil {
		t.Fatal(err)
	}
	id, _, err := w.dst.Begin(t.Context(), store.Object{Key: "big"})
	if err != nil {
		t.Fatal(err)
	}
	put2 := func(n int) {
		if _, err := w.dst.PutPart(t.Context(), "big", id, n, strings.NewReader("abc"), 3); err != nil {
			t.Fatal(err)
		}
	}
	put2(1)
	put2(2)
	if _, err := upload.Create(t.Context(), run, upload.Upload{Batch: "0-orphan00000", ID: id, PartSize: 4 << 20, PerTask: 1, Row: ledger.Row{Src: store.Object{Key: "big", Size: 8 << 20}}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := sent.Of(w.config.Ledger).Mark(t.Context(), runName, name); err != nil {
			t.Fatal(err)
		}
	}
	c, err := w.pipe.Clean(t.Context(), runName, false)
	if err != nil || c.Uploads != 1 || c.Parts != (ledger.Tally{Objects: 2, Bytes: 6}) || c.Removed.Objects < 4 {
		t.Errorf("%+v, %v, want an upload of two parts aborted and four files removed", c, err)
	}
	total := int64(0)
	for _, f := range c.Stays {
		total += f.Objects
	}
	left := w.led.Keys()
	if total != c.Total.Objects || int(total) != len(left)-1 || // it stays named among those of its pair of places
		len(w.dst.Uploads()) > 0 {
		t.Errorf("%d files are said to stay, %d do; open uploads %q", total, len(left), w.dst.Uploads())
	}
	for _, key := range before {
		gone := !slices.Contains(left, key)
		if passing := strings.Contains(key, "/pace/") || strings.Contains(key, "/live/") || strings.Contains(key, "/sealed/") || strings.Contains(key, "/sent/"); gone != passing {
			t.Errorf("%s is gone: %v", key, gone)
		}
	}
	if rep := w.report(); rep.Result != report.Verified {
		t.Errorf("%s, want the report as it was", rep.Result)
	}
}

func TestWhatFailedIsRetriable(t *testing.T) {
	w := newWorld(t, batches(10), func(j *job.Job) { j.Limits.Attempts = 1 })
	w.fill(30, 1)
	bad := []string{"k/00003", "k/00017"}
	w.source = func(s store.Source) store.Source { return &denying{s, bad} }
	put(t, w.dst, "k/00005", []byte("someone else's"))
	w.dst.Alter("k/00005", func(o *store.Object) { o.Modified = epoch.Add(time.Hour) })
	rep := w.run()
	if rep.Objects.Failed != 2 || rep.Objects.Conflict != 1 {
		t.Fatalf("%+v, want two failed and one conflict", rep.Objects)
	}
	if keys, err := report.Retriable(t.Context(), w.config.Ledger.Run(runName)); err != nil || !slices.Equal(keys, bad) {
		t.Errorf("%q, %v, want %q: a conflict is somebody's decision", keys, err, bad)
	}
}

// denying denies some keys.
type denying struct {
	store.Source
	keys []string
}

func (d *denying) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if slices.Contains(d.keys, o.Key) {
		return store.Object{}, nil, fault.New(fault.Denied, "denying.Open", o.Key, errors.New("403"))
	}
	return d.Source.Open(ctx, o, off, n)
}
