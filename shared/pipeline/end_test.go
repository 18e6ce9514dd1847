package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
	"kodoferry/shared/task"
)

// shortLived is a ledger's bucket that ends the caller's context after so many
// reads, as where an invocation is over, and counts those of rows.
type shortLived struct {
	*mem.Bucket
	left atomic.Int64
	rows atomic.Int64
	end  context.CancelFunc
}

func (b *shortLived) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if b.left.Add(-1) < 0 {
		b.end()
	}
	if ctx.Err() == nil && (strings.Contains(o.Key, "/listed/") || strings.Contains(o.Key, "/copied/")) {
		b.rows.Add(1)
	}
	return b.Bucket.Open(ctx, o, off, n)
}

// aborting counts the uploads that a target is asked to abort.
type aborting struct {
	pipeline.Target
	n *atomic.Int64
}

func (a aborting) Abort(ctx context.Context, key, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.n.Add(1)
	return a.Target.Abort(ctx, key, id)
}

// slowReport is a ledger's bucket that stores no report before it is let.
type slowReport struct {
	*mem.Bucket
	begun, let chan struct{}
}

func (b *slowReport) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if strings.HasSuffix(o.Key, "/report.json") {
		b.begun <- struct{}{}
		<-b.let
	}
	return b.Bucket.Put(ctx, o, body, how)
}

// TestAProcessWritesOneReportAtATime has a second Report task come while the first one is
// about to end the run. Each makes files of its own: a process that works for itself
// ends with its run, whatever the second had written of its own by then.
func TestAProcessWritesOneReportAtATime(t *testing.T) {
	w := newWorld(t, small)
	w.fill(60, 1)
	isReport := func(at task.Task) bool { return at.Kind == task.Report }
	w.lose = isReport
	w.drive(t.Context(), 0, slices.DeleteFunc(w.start(), isReport)...)
	led := &slowReport{w.led, make(chan struct{}, 2), make(chan struct{})}
	w.config.Ledger = ledger.Open(led, w.job.Ledger.Prefix)
	w.pipe = pipeline.New(w.config)
	type answer struct {
		next []task.Task
		err  error
	}
	do := func() <-chan answer {
		done := make(chan answer, 1)
		go func() {
			next, err := w.pipe.Do(t.Context(), task.Task{Kind: task.Report, Run: runName})
			done <- answer{next, err}
		}()
		return done
	}
	first := do()
	<-led.begun
	second := do()
	select {
	case got := <-second:
		if got.err != nil || len(got.next) != 1 || !isReport(got.next[0]) || got.next[0].Delay == 0 {
			t.Errorf("a second Report yields %v, %v, want itself, for later", got.next, got.err)
		}
	case <-led.begun:
		t.Error("a second report is written beside the first, want it to wait")
	}
	close(led.let)
	if got := <-first; got.err != nil || len(got.next) > 0 {
		t.Errorf("the first Report yields %v, %v, want the run's end", got.next, got.err)
	}
	wantTotals(t, w.report(), report.Totals{Listed: 60, Copied: 60, Verified: 60})
}

// TestTheEndOfACancelledRunGoesOnWhereItWasCutOff closes the books of a run of
// many shards and uploads in invocations that end after some reads.
func TestTheEndOfACancelledRunGoesOnWhereItWasCutOff(t *testing.T) {
	const uploads = 700
	w := shared(t, batches(2), func(j *job.Job) { j.Limits.ShardKeys = 20 })
	w.fill(400, 1)
	lists := 0
	w.before = func(at task.Task) {
		if at.Kind == task.List {
			lists++
		}
	}
	w.give = func(at task.Task) error {
		if at.Kind == task.Copy && lists > 3 { // so most batches are open
			w.steer(ledger.Cancelled)
			lists = -1000
		}
		return nil
	}
	w.drive(t.Context(), 0, w.start()...)
	run := w.config.Ledger.Run(runName)
	p, err := progress.Walk(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	sealed := int64(0)
	for _, s := range p.Shards {
		sealed += s.Sealed.Batches
	}
	if sealed < 40 {
		t.Fatalf("%d batches are sealed: the test proves too little", sealed)
	}
	for i := range uploads {
		key := fmt.Sprintf("up/%d", i)
		id, _, err := w.dst.Begin(t.Context(), store.Object{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := upload.Create(t.Context(), run, upload.Upload{Batch: fmt.Sprintf("0-upload%05d", i), ID: id, PartSize: 4 << 20, PerTask: 1, Row: ledger.Row{Src: store.Object{Key: key, Size: 8 << 20}}}); err != nil {
			t.Fatal(err)
		}
	}
	led, aborts := &shortLived{Bucket: w.led}, atomic.Int64{}
	var rep report.Report
	for calls := 1; ; calls++ {
		if calls > 60 {
			t.Fatal("the run does not end")
		}
		w.target = func(dst pipeline.Target) pipeline.Target { return aborting{dst, &aborts} }
		w.fresh() // another invocation knows nothing of the one before
		w.config.Shared, w.config.Ledger = true, ledger.Open(led, w.job.Ledger.Prefix)
		w.pipe = pipeline.New(w.config)
		ctx, cancel := context.WithCancel(t.Context())
		led.end = cancel
		led.left.Store(90) // all the closings, and some batches
		if aborts.Load() < uploads {
			led.left.Store(300) // some uploads, 256 at a time
		}
		rep, err = w.pipe.End(ctx, runName)
		cancel()
		if err == nil {
			if calls < 4 {
				t.Errorf("it ended at call %d: the test proves too little", calls)
			}
			break
		}
	}
	o := rep.Objects
	if rep.Result != report.Cancelled || o.Listed != o.Copied+o.Open || o.Open == 0 {
		t.Errorf("%s, %+v, want it cancelled, and what was listed copied or open", rep.Result, o)
	}
	if n := aborts.Load(); n < uploads || n > uploads+3*256 || len(w.dst.Uploads()) != 0 {
		t.Errorf("%d uploads were aborted and %d are left, want each of %d once, and of a call that was cut off at most 256 again", n, len(w.dst.Uploads()), uploads)
	}
	// Two reads a batch: what was sealed, and what became of it. A shard that was cut off is read again.
	if n := led.rows.Load(); n > 3*sealed {
		t.Errorf("rows were read %d times, want at most %d for %d batches", n, 3*sealed, sealed)
	}
}

// TestATwinOfABatchYieldsNothingThatTheOtherHasSent delivers a batch whose rest
// goes into another one twice: two chains would go on for ever.
func TestATwinOfABatchYieldsNothingThatTheOtherHasSent(t *testing.T) {
	for name, tc := range map[string]struct {
		second task.Task // how the second message differs
		want   int       // tasks that it yields
	}{
		"a message of its own":           {task.Task{Deliveries: 1}, 0},
		"sent again from the ledger":     {task.Task{Deliveries: 1, Resend: 5}, 0},
		"the first one, delivered again": {task.Task{Deliveries: 2}, 1},
		"another try of the first":       {task.Task{Deliveries: 1, Attempt: 1}, 1},
		"the first one, after a wait":    {task.Task{Deliveries: 1, Waits: 1}, 1},
		"the queue does not tell":        {task.Task{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t, batches(10))
			w.fill(5, 1)
			w.faulty(1<<40, fault.Temporary)
			list := w.start()[0]
			next, err := w.pipe.Do(t.Context(), list)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(next, func(t task.Task) bool { return t.Kind == task.Copy })
			first := next[i]
			first.Deliveries = 1
			if rest, err := w.pipe.Do(t.Context(), first); err != nil || len(rest) != 1 {
				t.Fatalf("the first delivery yielded %v (%v), want the rest", rest, err)
			}
			second := next[i]
			second.Deliveries, second.Resend, second.Attempt, second.Waits = tc.second.Deliveries, tc.second.Resend, tc.second.Attempt, tc.second.Waits
			if rest, err := w.pipe.Do(t.Context(), second); err != nil || len(rest) != tc.want {
				t.Errorf("the second message yielded %v (%v), want %d tasks", rest, err, tc.want)
			}
		})
	}
}
