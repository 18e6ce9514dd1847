package app_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/sqs"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/queue"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// bustle is an office whose source changes all the time and notifies of it. It
// has several processes, each of which knows only what it has read; all of them
// and the queues live by the office's clock.
type bustle struct {
	*office
	on        fc.Platform
	random    *rand.Rand
	processes []*app.Deployment
	notifiers []app.Notifier
	sqs       *sqs.Server
	job       job.Job

	mu      sync.Mutex
	turn    *sync.Cond // the clock has moved
	refused int        // notifications that were not taken
	taken   int
}

// perStep is how far the clock moves in a step, in which five events come: ten a second.
const perStep = 500 * time.Millisecond

func newBustle(t *testing.T, on fc.Platform, seed uint64) *bustle {
	t.Helper()
	b := &bustle{office: newOffice(t), on: on, random: rand.New(rand.NewPCG(seed, 10))}
	b.turn = sync.NewCond(&b.mu)
	b.office.now = time.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour) // noon: no day ends amid a test
	if on == fc.Lambda {
		var err error
		if b.sqs, err = sqs.Start(sqs.Config{AccessKeyID: "aws", SecretAccessKey: "aws-secret", Region: "eu-central-1", Seed: seed, Now: b.clock, SignedBy: time.Now}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.sqs.Close() })
		for _, name := range app.QueueNames {
			if err := b.sqs.CreateQueue("ferry-"+name, sqs.Attributes{Visibility: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
		b.env["FERRY_QUEUES"] = "sqs://" + b.sqs.Account() + "/ferry-?region=eu-central-1&insecure=true&endpoint=" + url.QueryEscape(b.sqs.Endpoint())
		b.env["AWS_ACCESS_KEY_ID"], b.env["AWS_SECRET_ACCESS_KEY"] = "aws", "aws-secret"
	}
	for range 3 {
		b.processes = append(b.processes, b.process(t))
		b.notifiers = append(b.notifiers, app.NewNotifier(b.process(t), b.clock))
	}
	b.deploy = b.processes[0]
	b.job = b.office.job(t, call("photos"), func(j *job.Job) {
		j.Delete, j.MaxDeletes, j.Events.Window = true, 1000, job.Span(time.Second)
		j.Limits.PartsAbove, j.Limits.PartSize = 4<<20, 4<<20
	})
	keep(t, b.deploy.Ledger(), b.job)
	return b
}

// process is another process, by the office's clock.
func (b *bustle) process(t *testing.T) *app.Deployment {
	t.Helper()
	d, err := app.Load(func(k string) string { return b.env[k] }).Deploy(slog.New(slog.DiscardHandler), func(c *pipeline.Config) { c.Now = b.clock })
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// step lets the clock move and five events come, and has done what is ready,
// each message by any of the processes, all at the same time.
func (b *bustle) step(t *testing.T, events int) (some bool) {
	t.Helper()
	b.advance(perStep)
	if b.sqs != nil {
		b.sqs.Tick()
	}
	b.mu.Lock()
	b.turn.Broadcast()
	b.mu.Unlock()
	for range events {
		b.event(t)
	}
	var all sync.WaitGroup
	for _, s := range task.Stages {
		messages, err := b.deploy.Queue(s).Receive(t.Context(), 16, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			some = true
			d, keeps := b.processes[b.random.IntN(len(b.processes))], b.random.IntN(20) == 0 // it comes once more
			all.Go(func() { b.do(t, d, s, m, keeps) })
		}
	}
	all.Wait()
	return some
}

func (b *bustle) do(t *testing.T, d *app.Deployment, s task.Stage, m queue.Message, keeps bool) {
	if err := d.Worker(s).Process(t.Context(), m); err != nil {
		t.Errorf("%s: %v", m.Body, err)
	}
	if keeps {
		return
	}
	if err := b.deploy.Queue(s).Delete(t.Context(), m); err != nil { // by whom it was received
		t.Errorf("deleting: %v", err)
	}
}

// event changes the source and notifies some process of it.
func (b *bustle) event(t *testing.T) {
	t.Helper()
	key := fmt.Sprintf("k/%02d", b.random.IntN(20))
	switch n := b.random.IntN(40); {
	case n == 0:
		key = "big"
		b.put(t, kodo.Object{Key: key, Body: bytes.Repeat([]byte{byte(b.random.Uint32())}, 5<<20)})
	case n < 10:
		b.kodo.Remove("photos", key)
	case n == 10:
		b.put(t, kodo.Object{Key: key})
	default:
		b.put(t, kodo.Object{Key: key, Body: strconv.AppendUint(nil, b.random.Uint64(), 10)})
	}
	status, err := b.notifiers[b.random.IntN(len(b.notifiers))].Notified(t.Context(), "photos", key)
	switch {
	case err != nil:
		t.Error(err)
	case status == 200:
		b.taken++
	default:
		b.refused++
	}
}

// during has the office bustle until do has returned, by which the clock
// moves; it returns how often the target had been changed at that moment, and
// by deletions.
func (b *bustle) during(t *testing.T, do func(*control.Operator) error) (writes, deletes int) {
	t.Helper()
	op := b.operator()
	op.Wait = func(_ context.Context, d time.Duration) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for until := b.clock().Add(d); b.clock().Before(until); {
			b.turn.Wait()
		}
		return nil
	}
	told := 0
	op.Waits = func(time.Duration) { told++ }
	returned := make(chan error, 1)
	go func() {
		err := do(op)
		writes, deletes = b.changes()
		returned <- err
	}()
	for {
		select {
		case err := <-returned:
			if err != nil || told != 1 {
				t.Fatalf("it told %d times what it waits for, %v", told, err)
			}
			return writes, deletes
		default:
			b.step(t, 5)
		}
	}
}

func (b *bustle) changes() (writes, deletes int) {
	writes = b.writes()
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	return writes, b.data["delete"]
}

// rest lets what is still in the queues be done, without events.
func (b *bustle) rest(t *testing.T) {
	t.Helper()
	for quiet := 0; quiet < 3; {
		if quiet++; b.step(t, 0) {
			quiet = 0
		}
		b.advance(time.Minute) // also what comes once more
	}
}

// same fails unless the target has what the source has.
func (b *bustle) same(t *testing.T) {
	t.Helper()
	for i := range 20 {
		for _, key := range []string{fmt.Sprintf("k/%02d", i), "big"} {
			src, there := b.kodo.Get("photos", key)
			dst, copied := b.oss.Get("photos-new", key)
			if there != copied || !bytes.Equal(src.Body, dst.Body) {
				t.Errorf("%s: at the source %v, %d bytes; in the target %v, %d bytes", key, there, len(src.Body), copied, len(dst.Body))
			}
		}
	}
}

// withdrawals are the commands after which something is not to go on any more.
var withdrawals = map[string]struct {
	do func(t *testing.T, b *bustle, op *control.Operator) error
	// held is what must not grow any more once it has returned.
	held  func(writes, deletes int) int
	after func(t *testing.T, b *bustle)
}{
	"seal": {
		do: func(t *testing.T, b *bustle, op *control.Operator) error {
			_, ended, err := op.Seal(t.Context(), b.job.Name, limit.Notice)
			if err == nil && (len(ended) != 1 || !eventnames.IsRun(ended[0].Run) || ended[0].Result != report.Cancelled) {
				t.Errorf("sealing ended %d runs, want the day's, cancelled", len(ended))
			}
			return err
		},
		held:  everything,
		after: refused,
	},
	"jobs apply without delete": {
		do: func(t *testing.T, b *bustle, op *control.Operator) error {
			return b.apply(t, op, func(j *job.Job) { j.Delete = false })
		},
		held: func(_, deletes int) int { return deletes },
	},
	"jobs apply without events": {
		do: func(t *testing.T, b *bustle, op *control.Operator) error {
			return b.apply(t, op, func(j *job.Job) { j.Events = job.Events{} })
		},
		held:  everything,
		after: refused,
	},
	"jobs remove": {
		do: func(t *testing.T, b *bustle, op *control.Operator) error {
			begun := b.clock()
			wait, err := op.Drop(t.Context(), b.job.Name)
			if err != nil || !wait {
				return fmt.Errorf("to be waited for: %v, %w", wait, err)
			}
			return op.Settle(t.Context(), begun, limit.Notice)
		},
		held:  everything,
		after: refused,
	},
	"pause": {
		do:   func(t *testing.T, b *bustle, op *control.Operator) error { return op.Pause(t.Context(), b.day(t)) },
		held: everything,
		after: func(t *testing.T, b *bustle) {
			if b.refused > 0 {
				t.Errorf("%d notifications of a paused day were not taken", b.refused)
			}
			if n, err := b.deploy.Resume(t.Context(), b.day(t).Name, b.clock()); err != nil || n == 0 {
				t.Errorf("%d tasks were sent on resuming, %v", n, err)
			}
			b.rest(t)
			b.same(t)
		},
	},
	"cancel": {
		do: func(t *testing.T, b *bustle, op *control.Operator) error {
			rep, err := op.Cancel(t.Context(), b.day(t), limit.Notice)
			if err == nil && (rep.Result != report.Cancelled || !rep.Balanced || rep.Objects.Copied == 0) {
				t.Errorf("the day's report: %+v, balanced %v", rep.Summary, rep.Balanced)
			}
			return err
		},
		held:  everything,
		after: refused,
	},
}

// TestWhoeverRepeatsACommandWaitsForWhatTheFirstTookBack interrupts a command right
// after what it took back holds, and gives it once more.
func TestWhoeverRepeatsACommandWaitsForWhatTheFirstTookBack(t *testing.T) {
	o := newOffice(t)
	op := o.operator()
	for _, follows := range []bool{true, false} {
		j := o.job(t, call(fmt.Sprintf("photos-%v", follows)), func(j *job.Job) {
			j.Delete, j.MaxDeletes, j.Target.Prefix = true, 10, fmt.Sprintf("%v/", follows)
			if follows {
				j.Events.Window = job.Span(time.Second)
			}
		})
		keeps := func(set ...func(*job.Job)) bool {
			t.Helper()
			now := j
			for _, s := range set {
				s(&now)
			}
			raw, err := job.Encode(now)
			if err != nil {
				t.Fatal(err)
			}
			wait, err := op.Keep(t.Context(), kept.Job{Name: j.Name, Job: raw, At: o.clock()}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return wait
		}
		less := func(want time.Duration) {
			t.Helper()
			since, err := op.Lessened(t.Context(), j.Name)
			if err != nil || since.IsZero() != (want < 0) || want >= 0 && o.clock().Sub(since) != want {
				t.Errorf("something was taken back at %v, and it is %v (%v), want %v ago", since, o.clock(), err, want)
			}
		}
		started := o.start(t, j)
		if keeps() {
			t.Error("a new job takes nothing back")
		}
		less(-1)
		if !keeps(func(j *job.Job) { j.Delete = false }) {
			t.Error("deletions that are taken back are not waited for")
		}
		less(0)
		o.advance(limit.Notice / 3)
		less(limit.Notice / 3)
		if !keeps(func(j *job.Job) { j.Delete, j.Limits.Parallel = false, 3 }) {
			t.Error("a change that takes nothing back hides that the one before it did")
		}
		less(limit.Notice / 3)
		o.advance(limit.Notice)
		less(-1)
		if keeps(func(j *job.Job) { j.Delete, j.Limits.Parallel = false, 4 }) {
			t.Error("it waits for what everybody has noticed")
		}
		for n := range 2 {
			if wait, err := op.Drop(t.Context(), j.Name); err != nil || n > 0 && !wait || follows && !wait {
				t.Errorf("follows %v: drop %d of a job with a run: to be waited for %v (%v)", follows, n, wait, err)
			}
		}
		if _, err := op.Cancel(t.Context(), o.deploy.Ledger().Run(started), 0); err != nil {
			t.Fatal(err)
		}
		if wait, err := op.Drop(t.Context(), j.Name); err != nil || wait {
			t.Errorf("a job that is not kept, and has no run, is waited for (%v)", err)
		}
	}
}

func everything(writes, _ int) int { return writes }

// refused fails unless notifications are answered that nobody follows them.
func refused(t *testing.T, b *bustle) {
	t.Helper()
	if b.taken > 0 || b.refused == 0 {
		t.Errorf("%d notifications were taken and %d were not, want none taken", b.taken, b.refused)
	}
}

// apply keeps the job, changed, as ferry jobs apply does.
func (b *bustle) apply(t *testing.T, op *control.Operator, change func(*job.Job)) error {
	j := b.job
	change(&j)
	raw, err := job.Encode(j)
	if err != nil {
		return err
	}
	begun := b.clock()
	wait, err := op.Keep(t.Context(), kept.Job{Name: j.Name, Job: raw, At: begun}, nil)
	if err != nil || !wait {
		return fmt.Errorf("to be waited for: %v, %w", wait, err)
	}
	return op.Settle(t.Context(), begun, limit.Notice)
}

func (b *bustle) day(t *testing.T) *ledger.Run {
	t.Helper()
	runs, err := index.EventRuns(t.Context(), b.deploy.Ledger(), b.job.Name)
	if err != nil || len(runs) == 0 {
		t.Fatalf("runs of events %q, %v", runs, err)
	}
	return b.deploy.Ledger().Run(runs[0])
}

// TestNothingGoesOnOnceTheCommandHasReturned has ten events a second go on
// before, during and after each command. It takes one platform for each command;
// FERRY_SEEDS=n takes n seeds on both.
func TestNothingGoesOnOnceTheCommandHasReturned(t *testing.T) {
	t.Parallel()
	seeds, _ := strconv.ParseUint(os.Getenv("FERRY_SEEDS"), 10, 64)
	for i, on := range []fc.Platform{fc.FC, fc.Lambda} {
		for n, name := range slices.Sorted(maps.Keys(withdrawals)) {
			if seeds == 0 && n%2 != i {
				continue
			}
			w := withdrawals[name]
			for seed := range max(seeds, 1) {
				t.Run(fmt.Sprintf("%s, %s, seed %d", on, name, seed), func(t *testing.T) {
					t.Parallel() // most of it is waiting
					b := newBustle(t, on, seed)
					for range 30 + b.random.IntN(8) {
						b.step(t, 5)
					}
					if writes, deletes := b.changes(); writes == 0 || deletes == 0 {
						t.Fatalf("%d writes and %d deletions before: this proves nothing", writes, deletes)
					}
					before := w.held(b.during(t, func(op *control.Operator) error { return w.do(t, b, op) }))
					b.taken, b.refused = 0, 0
					for range 16 {
						b.step(t, 5)
					}
					late := b.process(t) // one that knows of nothing
					b.processes = append(b.processes, late)
					b.rest(t)
					if after := w.held(b.changes()); after != before {
						t.Errorf("the target was changed %d times after the command had returned", after-before)
					}
					if w.after != nil {
						w.after(t, b)
					}
				})
			}
		}
	}
}
