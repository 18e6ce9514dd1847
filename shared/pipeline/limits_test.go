package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/limit"
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
		f.change(limit.Bounds{Bandwidth: job.Bandwidth{Rate: 512 * kib}})
		time.Sleep(36 * time.Second)
		f.change(limit.Bounds{})
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
		f.change(limit.Bounds{Bandwidth: job.Bandwidth{Rate: 256 * kib}})
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

// TestAnyNumberOfProcessesIsAsFastAsOneUnderALimit has processes that receive by
// themselves, and functions, to which messages are brought: those to which a
// limit leaves nothing must not keep what is left from who may do it.
func TestAnyNumberOfProcessesIsAsFastAsOneUnderALimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limit   func(*job.Limits)
		objects int
		size    int
		slow    time.Duration
	}{
		"one instance":         {func(l *job.Limits) { l.Instances = 1 }, 600, 1000, time.Second},
		"three instances":      {func(l *job.Limits) { l.Instances = 3 }, 600, 1000, 2 * time.Second},
		"bandwidth":            {func(l *job.Limits) { l.Bandwidth.Rate = 256 * kib }, 320, 48 * kib, 0},
		"bandwidth for one":    {func(l *job.Limits) { l.Bandwidth.Rate = 64 * kib }, 300, 16 * kib, 0},
		"requests":             {func(l *job.Limits) { l.Requests = 20 }, 600, 100, 0},
		"instances, requests":  {func(l *job.Limits) { l.Instances, l.Requests = 1, 20 }, 900, 100, 0},
		"instances, bandwidth": {func(l *job.Limits) { l.Instances, l.Bandwidth.Rate = 2, 128*kib }, 400, 16 * kib, 0},
	} {
		t.Run(name, func(t *testing.T) {
			alone := limitedFleet(t, tc.limit, 1, tc.objects, tc.size, tc.slow, false)
			var bound job.Limits
			tc.limit(&bound)
			for _, many := range []struct {
				n      int
				pushed bool
			}{{2, false}, {8, false}, {8, true}} {
				took := limitedFleet(t, tc.limit, many.n, tc.objects, tc.size, tc.slow, many.pushed)
				want := alone
				if tc.slow > 0 { // nothing else bounds them: so many are as much faster
					want /= time.Duration(min(many.n, bound.Instances))
				}
				if took > want*12/10 { // when a place changes hands is a draw: the mean of five says more
					const rounds = 5
					for range rounds - 1 {
						took += limitedFleet(t, tc.limit, many.n, tc.objects, tc.size, tc.slow, many.pushed)
					}
					took /= rounds
				}
				if took > want*12/10 {
					t.Errorf("%d processes (pushed: %v) take %v, want at most 1.2 times %v: one takes %v", many.n, many.pushed, took, want, alone)
				}
			}
		})
	}
}

// TestATaskThatIsPassedOnIsAsItWas has another process in the only place: what
// this one gives back comes soon, has spent nothing, and does not hide that it
// may have been worked on.
func TestATaskThatIsPassedOnIsAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inParts, func(j *job.Job) { j.Limits.Instances = 1 })
		w.src.Now, w.dst.Now, w.led.Now = time.Now, time.Now, time.Now
		w.config.Shared, w.config.Now = true, time.Now
		w.fill(3, 1)
		w.pipe = pipeline.New(w.config)
		next, err := w.pipe.Do(t.Context(), w.start()[0])
		if err != nil || next[0].Kind != task.Copy {
			t.Fatalf("%+v (%v), want a Copy", next, err)
		}
		batch := next[0]
		other := live.Sign{Process: "other", Since: time.Now(), Copies: true}
		for name, tc := range map[string]struct {
			given task.Task
			again bool
		}{
			"a new one":                     {batch, false},
			"one that was delivered before": {with(batch, func(t *task.Task) { t.Deliveries = 2 }), true},
			"one that failed and waited":    {with(batch, func(t *task.Task) { t.Attempt, t.Waits = 3, 7 }), true},
			"one that was passed on before": {with(batch, func(t *task.Task) { t.Passed = 400 }), false},
			"an event":                      {with(batch, func(t *task.Task) { t.Kind = task.Event }), false},
			"a part":                        {with(batch, func(t *task.Task) { t.Kind, t.From, t.To = task.Part, 1, 2 }), false},
		} {
			if err := live.WriteSign(t.Context(), w.config.Ledger.Run(runName).Folder(), other, time.Now()); err != nil {
				t.Fatal(err)
			}
			next, err := w.pipe.Do(t.Context(), tc.given)
			if err != nil || len(next) != 1 {
				t.Errorf("%s: yields %+v, %v, want it alone", name, next, err)
				continue
			}
			got, want := next[0], tc.given
			if got.Delay <= 0 || got.Delay > 2*time.Second || got.Passed != want.Passed+1 || (got.Resend != 0) != tc.again {
				t.Errorf("%s: yields %+v, want it passed on within 2 s, and sent again: %v", name, got, tc.again)
			}
			got.Delay, got.Passed, got.Resend, got.Deliveries, want.Deliveries = 0, want.Passed, want.Resend, 0, 0
			if got != want {
				t.Errorf("%s: yields %+v, want the rest to be as it was: %+v", name, got, want)
			}
		}
	})
}

// TestWhatFollowsFromABatchIsSentByAProcessThatMayNotCopy has the process that wrote
// a batch off die before it sent the rest, and the message come to one without a place.
func TestWhatFollowsFromABatchIsSentByAProcessThatMayNotCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(j *job.Job) { j.Limits.Instances = 1 })
		w.src.Now, w.dst.Now, w.led.Now = time.Now, time.Now, time.Now
		w.config.Shared, w.config.Now = true, time.Now
		w.fill(3, 1)
		w.faulty(1<<40, fault.Temporary)
		w.pipe = pipeline.New(w.config)
		next, err := w.pipe.Do(t.Context(), w.start()[0])
		if err != nil || next[0].Kind != task.Copy {
			t.Fatalf("%+v (%v), want a Copy", next, err)
		}
		batch := with(next[0], func(t *task.Task) { t.Deliveries = 1 })
		sent, err := w.pipe.Do(t.Context(), batch)
		if err != nil || len(sent) != 1 || sent[0].Batch == batch.Batch {
			t.Fatalf("%+v (%v), want the rest of the batch", sent, err)
		}
		for _, resend := range []int64{0, time.Now().UnixNano()} {
			again := with(batch, func(t *task.Task) { t.Deliveries, t.Resend = 2, resend })
			for n := 0; again.Batch == batch.Batch; n++ { // as a worker would
				w.pipe = pipeline.New(w.config)
				other := live.Sign{Process: "other", Since: time.Now().Add(-time.Hour), Copies: true}
				if err := live.WriteSign(t.Context(), w.config.Ledger.Run(runName).Folder(), other, time.Now()); err != nil {
					t.Fatal(err)
				}
				next, err := w.pipe.Do(t.Context(), again)
				if err != nil || len(next) != 1 || n > 3 {
					t.Fatalf("sent again at %d, pass %d: %+v (%v), want the rest of the batch: nobody else sends it", resend, n, next, err)
				}
				again = with(next[0], func(t *task.Task) { t.Deliveries = 1 })
			}
			if again.Batch != sent[0].Batch {
				t.Errorf("sent again at %d: %+v, want %+v", resend, again, sent[0])
			}
		}
	})
}

func with(t task.Task, set func(*task.Task)) task.Task {
	set(&t)
	return t
}

func TestAChangeOfTheLimitsReachesThoseThatWaitForAPlace(t *testing.T) {
	var off []string
	for range 3 { // which process meets a free place, and a task, first is a draw: three times in a row it is no chance
		off = nil
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, func(j *job.Job) { j.Limits.Instances, j.Limits.BatchObjects, j.Limits.Parallel = 1, 8, 8 })
			f.slow = time.Second
			f.objects(1600, 1000) // of each, 4 a second and process, with two requests
			for i := range 4 {
				f.process(fmt.Sprint(i))
			}
			f.start()
			time.Sleep(40 * time.Second)
			f.change(limit.Bounds{})
			time.Sleep(60 * time.Second)
			f.change(limit.Bounds{Instances: 2})
			f.wait()
			for _, m := range []struct {
				what      string
				got, want float64
			}{
				{"one at a time", f.rate(&f.requests, "", 5, 40), 8},
				{"all four", f.rate(&f.requests, "", 75, 100), 4 * 8},
				{"two of them", f.rate(&f.requests, "", 125, 150), 2 * 8},
			} {
				if m.got < 0.9*m.want || m.got > 1.1*m.want {
					off = append(off, fmt.Sprintf("%s: %.0f a second, want %.0f give or take a tenth", m.what, m.got, m.want))
				}
			}
		})
		if len(off) == 0 {
			return
		}
	}
	t.Error(strings.Join(off, "; "))
}

// limitedFleet is how long n processes take to move everything.
func limitedFleet(t *testing.T, limit func(*job.Limits), n, objects, size int, slow time.Duration, pushed bool) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.Parallel = 8, 8; limit(&j.Limits) })
		f.config.Pause, f.config.MaxWait = 0, 0 // those that are in earnest
		f.slow, f.pushed = slow, pushed
		f.objects(objects, size)
		for i := range n {
			f.process(fmt.Sprint(i))
		}
		f.start()
		if rep := f.wait(); rep.Objects.Verified != int64(objects) {
			t.Errorf("%+v, want %d verified", rep.Objects, objects)
		}
		if f.tried > 0 {
			t.Errorf("tasks were given %d attempts, want none spent", f.tried)
		}
		if most := f.job.Limits.Instances; most > 0 && f.abreast > most {
			t.Errorf("%d processes copied at the same time, want at most %d", f.abreast, most)
		}
		for _, m := range f.requests {
			took = max(took, m.at)
		}
	})
	return took
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
		u := upload.Upload{Batch: next[0].Batch, Shard: next[0].Shard, ID: id, Row: ledger.Row{Src: src, State: ledger.Pending}, PartSize: part, PerTask: 6}
		if _, err := upload.Create(t.Context(), w.config.Ledger.Run(runName), u); err != nil {
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

// asked notes which files of the ledger are read, some of them side by side.
type asked struct {
	ledger.Bucket
	mu   sync.Mutex
	read []string
}

func (a *asked) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	a.mu.Lock()
	a.read = append(a.read, o.Key)
	a.mu.Unlock()
	return a.Bucket.Open(ctx, o, off, n)
}

func TestAShortRunWithoutLimitsNeitherAsksNorTells(t *testing.T) {
	w := newWorld(t)
	w.fill(50, 1)
	noted := &asked{Bucket: w.led}
	w.config.Ledger = ledger.Open(noted, w.job.Ledger.Prefix)
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
	for _, key := range append(noted.read, w.led.Keys()...) {
		if strings.Contains(key, "/live/") || strings.HasSuffix(key, "limits.json") {
			t.Errorf("%s was touched, want nothing of the limits", key)
		}
	}
}
