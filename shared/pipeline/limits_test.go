package pipeline_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

const kib = 1 << 10

// atMost bounds the bandwidth of a run in small batches.
func atMost(rate int64) func(*job.Job) {
	return func(j *job.Job) { j.Limits.Bandwidth.Rate, j.Limits.BatchObjects = rate, 4 }
}

func TestTwoProcessesGetHalfOfTheBandwidthEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, atMost(512*kib))
		f.objects(60, 512*kib)
		f.process("one")
		f.process("two")
		f.start()
		if rep := f.wait(); rep.Objects.Verified != 60 {
			t.Errorf("%+v, want 60 verified", rep.Objects)
		}
		f.expect("both", f.rate(&f.read, "", 0, 45), 512*kib)
		f.expect("one", f.rate(&f.read, "one", 5, 45), 256*kib)
		f.expect("two", f.rate(&f.read, "two", 5, 45), 256*kib)
	})
}

func TestALatecomerTakesLittleUntilItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, atMost(512*kib))
		f.objects(90, 512*kib)
		f.process("one")
		f.start()
		time.Sleep(30 * time.Second) // it asks each 20 s by now
		f.process("two")
		f.wait()
		f.expect("both, before the one knows", f.rate(&f.read, "", 30, 45), 512*kib)
		f.expect("both, after", f.rate(&f.read, "", 55, 75), 512*kib)
		f.expect("the latecomer, after", f.rate(&f.read, "two", 55, 75), 256*kib)
	})
}

func TestAProcessThatDiesIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, atMost(512*kib))
		f.objects(130, 512*kib)
		f.process("one")
		kill := f.process("two")
		f.start()
		time.Sleep(15 * time.Second)
		kill()
		time.Sleep(10 * time.Second)
		f.wait()
		f.expect("one beside the other", f.rate(&f.read, "one", 5, 15), 256*kib)
		// Its last sign of life came at 14 s: it is missed at 94 s at the latest.
		f.expect("one alone", f.rate(&f.read, "one", 95, 115), 512*kib)
	})
}

func TestAChangeOfTheLimitsReachesAProcessAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, atMost(128*kib))
		f.objects(2, 16*mib)
		f.process("one")
		f.start()
		time.Sleep(30 * time.Second)
		f.change(pipeline.Limits{Bandwidth: job.Bandwidth{Rate: 512 * kib}})
		time.Sleep(36 * time.Second)
		f.change(pipeline.Limits{})
		f.wait()
		f.expect("before", f.rate(&f.read, "", 1, 30), 128*kib)
		f.expect("after", f.rate(&f.read, "", 52, 66), 512*kib)
		if late := f.rate(&f.read, "", 88, 200); late > 0 {
			t.Errorf("%.0f bytes a second were read after 88 s, want all of them there soon after the limits were lifted at 66 s", late)
		}
	})
}

func TestALimitReachesAStreamThatBeganWithoutOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.objects(1, 32*mib)
		f.slow = time.Second / 64 // 1 MiB/s
		f.process("one")
		f.start()
		time.Sleep(5 * time.Second)
		f.change(pipeline.Limits{Bandwidth: job.Bandwidth{Rate: 256 * kib}})
		f.wait()
		f.expect("before", f.rate(&f.read, "", 1, 20), mib)
		f.expect("after", f.rate(&f.read, "", 22, 60), 256*kib)
	})
}

func TestTheTimetableSwitchesTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a bubble's time begins at midnight
		f := newFleet(t, atMost(128*kib), func(j *job.Job) {
			j.Limits.Bandwidth.Timetable = []job.Window{{From: "00:00", To: "00:01", Rate: 512 * kib}}
		})
		f.objects(70, 512*kib)
		f.process("one")
		f.start()
		f.wait()
		f.expect("in the window", f.rate(&f.read, "", 1, 60), 512*kib)
		f.expect("behind it", f.rate(&f.read, "", 62, 90), 128*kib)
	})
}

func TestRequestsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, func(j *job.Job) { j.Limits.Requests, j.Limits.BatchObjects = 20, 10 })
		f.objects(400, 100)
		f.process("one")
		f.process("two")
		f.start()
		f.wait()
		f.expect("both", f.rate(&f.requests, "", 2, 35), 20)
		f.expect("one", f.rate(&f.requests, "one", 2, 35), 10)
	})
}

func TestAProcessTooManyWaitsAndSpendsNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, atMost(256*kib), func(j *job.Job) { j.Limits.Instances = 1 })
		f.objects(60, 512*kib)
		kill := f.process("first")
		f.start()
		time.Sleep(2 * time.Second)
		f.process("second")
		time.Sleep(30 * time.Second)
		if got := f.rate(&f.read, "second", 0, 32); got > 0 {
			t.Errorf("the second got %.0f bytes a second while the first was at work, want none", got)
		}
		f.expect("the first alone", f.rate(&f.read, "first", 1, 32), 256*kib)
		kill()
		if rep := f.wait(); rep.Objects.Verified != 60 {
			t.Errorf("%+v, want 60 verified", rep.Objects)
		}
		if got := f.rate(&f.read, "second", 32, 200); got == 0 {
			t.Error("the second never took the first one's place")
		}
		for key, row := range f.rows() {
			if row.Tries > 1 { // the one that the kill cut
				t.Errorf("%s was tried %d times", key, row.Tries)
			}
		}
		if f.tried > 0 {
			t.Errorf("tasks were given %d attempts, want waiting to spend none", f.tried)
		}
	})
}

// TestPartsLargerThanThoseOfTheJobFitAnInvocation has parts four times as large
// as the job's, as an object of terabytes has: side by side none would end.
func TestPartsLargerThanThoseOfTheJobFitAnInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const part = 16 * mib
		w := newWorld(t, inParts, atMost(256*kib))
		w.src.Now, w.dst.Now, w.led.Now = time.Now, time.Now, time.Now
		put(t, w.src, "big", random(6*part, 1))
		w.config.Shared, w.config.Now = true, time.Now
		w.pipe = pipeline.New(w.config)
		next, err := w.pipe.Do(t.Context(), w.start()[0])
		if err != nil || next[0].Kind != task.Begin {
			t.Fatalf("%+v (%v), want a Begin", next, err)
		}
		src, err := w.src.Stat(t.Context(), "big")
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := w.dst.Begin(t.Context(), store.Object{Key: "big", Origin: &store.Origin{Hash: src.Hash}})
		if err != nil {
			t.Fatal(err)
		}
		u := ledger.Upload{Batch: next[0].Batch, Shard: next[0].Shard, ID: id, Row: ledger.Row{Src: src, State: ledger.Pending}, PartSize: part, PerTask: 6}
		if _, err := w.config.Ledger.Run(runName).BeginUpload(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		invocations := 0
		for open := next[:1]; len(open) > 0; invocations++ {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			next, err := w.pipe.Do(ctx, open[0])
			cancel()
			if err != nil || invocations > 10 {
				t.Fatalf("%+v: %v after %d invocations", open[0], err, invocations)
			}
			open = append(open[1:], next...)
		}
		if row := w.rows()["big"]; row.State != ledger.Copied || invocations > 6 {
			t.Errorf("the object is %s (%s) after %d invocations, want it copied after a few", row.State, row.Reason, invocations)
		}
		w.same()
	})
}

// asked notes which files of the ledger are read.
type asked struct {
	ledger.Bucket
	read *[]string
}

func (a asked) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	*a.read = append(*a.read, o.Key)
	return a.Bucket.Open(ctx, o, off, n)
}

func TestAShortRunWithoutLimitsNeitherAsksNorTells(t *testing.T) {
	w := newWorld(t)
	w.fill(50, 1)
	var read []string
	w.config.Ledger = ledger.Open(asked{w.led, &read}, w.job.Ledger.Prefix)
	w.pipe = pipeline.New(w.config)
	for tasks := w.start(); len(tasks) > 0; { // the clock stands still
		var next []task.Task
		for _, t1 := range tasks {
			if t1.Kind == task.Report {
				continue
			}
			more, err := w.pipe.Do(t.Context(), t1)
			if err != nil {
				t.Fatal(err)
			}
			next = append(next, more...)
		}
		tasks = next
	}
	if got := len(w.dst.Keys()); got != 50 {
		t.Errorf("%d objects arrived, want 50", got)
	}
	for _, key := range append(read, w.led.Keys()...) {
		if strings.Contains(key, "/live/") || strings.HasSuffix(key, "limits.json") {
			t.Errorf("%s was touched, want nothing of the limits", key)
		}
	}
}
