package app_test

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/queue"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// office is a deployment whose messages the test carries, by queues on a clock
// of its own: it waits for nothing.
type office struct {
	*world
	mns    *mns.Server
	deploy *app.Deployment
	env    map[string]string
	lose   func(task.Task) bool // whether a message is lost on its way; nil: none is
	before func(task.Task)
	swept  func() // after each sweep; may be nil

	mu  sync.Mutex
	now time.Time
}

func newOffice(t testing.TB, set ...func(*mns.Config)) *office {
	t.Helper()
	o := &office{now: time.Now()}
	o.world = newWorldAt(t, o.clock)
	var err error
	c := mns.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 1, Now: o.clock, AnyDate: true}
	for _, f := range set {
		f(&c)
	}
	if o.mns, err = mns.Start(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.mns.Close() })
	for _, name := range app.QueueNames {
		if err := o.mns.CreateQueue("ferry-"+name, mns.Attributes{Visibility: time.Minute, Retention: 7 * 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	o.env = map[string]string{
		"FERRY_LEDGER": o.ledgerAt(), "FERRY_PAUSE": "1s",
		"FERRY_QUEUES":     "mns://" + o.mns.Account() + "/ferry-?region=cn-hangzhou&insecure=true&endpoint=" + url.QueryEscape(o.mns.Endpoint()),
		"QINIU_ACCESS_KEY": "ak", "QINIU_SECRET_KEY": "sk",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
	}
	o.deploy = o.process(t)
	return o
}

// process is another process of the deployment.
func (o *office) process(t testing.TB) *app.Deployment {
	t.Helper()
	d, err := app.Load(func(k string) string { return o.env[k] }).Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (o *office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) advance(d time.Duration) {
	o.mu.Lock()
	o.now = o.now.Add(d)
	o.mu.Unlock()
	o.mns.Tick()
}

// deliver takes what is ready out of every queue and does it, until nothing is.
// It reports whether there was anything.
func (o *office) deliver(t *testing.T) (some bool) {
	t.Helper()
	for again := true; again; {
		again = false
		for _, s := range task.Stages {
			messages, err := o.mns.Receive(t.Context(), "ferry-"+string(s), 16, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range messages {
				again, some = true, true
				o.carry(t, s, m)
			}
		}
	}
	return some
}

func (o *office) carry(t *testing.T, s task.Stage, m mns.Message) {
	t.Helper()
	did, err := task.Decode(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	if o.before != nil {
		o.before(did)
	}
	if o.lose == nil || !o.lose(did) {
		if err := o.deploy.Worker(s).Process(t.Context(), queue.Message{ID: m.ID, Body: m.Body, Deliveries: m.Dequeues}); err != nil {
			t.Fatalf("%s: %v", did.Kind, err)
		}
	}
	if err := o.mns.Delete("ferry-"+string(s), m.Receipt); err != nil {
		t.Fatal(err)
	}
}

// end carries messages, and lets the sweeper look each five minutes, until the
// run is over. It gives up after a day.
func (o *office) end(t *testing.T, run string) report.Report {
	t.Helper()
	for began := o.clock(); o.clock().Sub(began) < 24*time.Hour; o.advance(5 * time.Minute) {
		for range 20 { // what waits for others comes within minutes
			o.deliver(t)
			o.advance(15 * time.Second)
		}
		rep, err := report.Read(t.Context(), o.deploy.Ledger().Run(run))
		if err == nil {
			return rep
		}
		if fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
		if err := o.deploy.Sweep(t.Context(), 30*time.Minute, o.clock()); err != nil {
			t.Fatal(err)
		}
		if o.swept != nil {
			o.swept()
		}
	}
	t.Fatalf("run %s did not end within a day", run)
	return report.Report{}
}

// job is one of the office's buckets.
func (o *office) job(t testing.TB, set ...func(*job.Job)) job.Job {
	t.Helper()
	j, err := job.New(o.src, o.dst, o.ledgerAt(), set...)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (o *office) start(t *testing.T, j job.Job) string {
	t.Helper()
	run, err := o.deploy.Start(t.Context(), j, nil, o.clock())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// object puts one into the source that was uploaded long ago.
func (o *office) object(t *testing.T, key string, size int) {
	t.Helper()
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i*7 + len(key) + int(key[len(key)-1]))
	}
	o.put(t, kodo.Object{Key: key, Body: body, PutTime: time.Now().Add(-24 * time.Hour)})
}

// operator is who pauses, cancels and seals, and waits by the office's clock.
func (o *office) operator() *control.Operator {
	op := app.Load(func(k string) string { return o.env[k] }).Operate(o.deploy.Ledger(), slog.New(slog.DiscardHandler))
	op.Now = o.clock
	op.Wait = func(_ context.Context, d time.Duration) error { o.advance(d); return nil }
	return op
}

// deliverUntil carries one message after the other, as they are due, until enough is done.
func (o *office) deliverUntil(t *testing.T, enough func() bool) {
	t.Helper()
	for range 10_000 {
		for _, s := range task.Stages {
			messages, err := o.mns.Receive(t.Context(), "ferry-"+string(s), 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range messages {
				o.carry(t, s, m)
			}
			if enough() {
				return
			}
		}
		o.advance(time.Second)
	}
	t.Fatal("it never was enough")
}
