package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/queue"
	"kodoferry/shared/task"
)

// hung is a webhook that does not answer what a batch comes to, or the start,
// before it has been told as many things of that kind as it waits for.
type hung struct {
	*httptest.Server
	mu     sync.Mutex
	events []string
	within int // posts that were not answered yet
	most   int
}

func hang(t *testing.T, until int) *hung {
	t.Helper()
	w := &hung{}
	enough := make(chan struct{})
	w.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var l letter
		_ = json.NewDecoder(r.Body).Decode(&l)
		w.mu.Lock()
		w.events = append(w.events, l.Event)
		waits := until > 2 || l.Event == "failing" || l.Event == "many"
		if waits {
			w.within++
			w.most = max(w.most, w.within)
			if w.within == until {
				close(enough)
			}
		}
		w.mu.Unlock()
		if waits {
			select {
			case <-r.Context().Done():
			case <-enough:
			}
			w.mu.Lock()
			w.within--
			w.mu.Unlock()
		}
	}))
	t.Cleanup(func() { w.CloseClientConnections(); w.Close() })
	return w
}

// told returns what it was told, in alphabetical order, and the most at the same time.
func (w *hung) told() ([]string, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.events)), w.most
}

// TestEachWebhookIsToldByWhoKnowsIt lets a process that was given the variable of
// one of two webhooks begin, and one that has both go on.
func TestEachWebhookIsToldByWhoKnowsIt(t *testing.T) {
	o, ops, team := newOffice(t), listen(t), listen(t)
	o.fill(t, 30)
	o.env["FERRY_ALERT_OPS"] = ops.env("FERRY_ALERT_OPS")
	o.deploy = o.process(t)
	two := func(j *job.Job) {
		j.Alerts = []job.Alert{{To: "FERRY_ALERT_OPS", Kind: job.JSON, Insecure: true}, {To: "FERRY_ALERT_TEAM", Kind: job.JSON, Insecure: true}}
	}
	run := o.start(t, o.job(t, two))
	first := o.receive(t, "ferry-list")
	deliver := func() {
		t.Helper()
		if err := o.deploy.Worker(task.Listing).Process(t.Context(), queue.Message{Body: first[0].Body, Deliveries: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if len(first) != 1 {
		t.Fatalf("%d list tasks, want one", len(first))
	}
	root := task.Task{Kind: task.List, Run: run, Shard: "0", Resend: 1}
	deliver()
	o.env["FERRY_ALERT_TEAM"] = team.env("FERRY_ALERT_OPS")
	o.deploy = o.process(t)
	first[0].Body = []byte(body(t, root)) // sent again, as a sweep does
	deliver()
	o.end(t, run)
	for name, hook := range map[string]*told{"the one that both know": ops, "the one that one of them knows": team} {
		for _, event := range []string{"started", "finished"} {
			if got := hook.of(event); len(got) != 1 {
				t.Errorf("%s was told %s %d times, want once", name, event, len(got))
			}
		}
	}
}

// TestAWebhookThatHangsTakesHalfOfTheTimeThatATaskHasLeft gives a task an
// invocation of 2 s: what follows from it is sent all the same.
func TestAWebhookThatHangsTakesHalfOfTheTimeThatATaskHasLeft(t *testing.T) {
	o, ops := newOffice(t), hang(t, 100)
	o.fill(t, 3)
	o.env["FERRY_ALERT_OPS"] = ops.URL
	o.deploy = o.process(t)
	o.start(t, o.job(t, alerting))
	for _, m := range o.receive(t, "ferry-list") {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := o.deploy.Worker(task.Listing).Process(ctx, queue.Message{Body: m.Body, Deliveries: 1}); err != nil {
			t.Errorf("the task ends with %v", err)
		}
	}
	if got, _ := ops.told(); !slices.Equal(got, []string{"started"}) {
		t.Errorf("the webhook was told %q, want that the run has started", got)
	}
}

// TestAllThatIsToldOfATaskIsToldAtTheSameTime has a webhook answer nobody before
// both things that one batch comes to have been told.
func TestAllThatIsToldOfATaskIsToldAtTheSameTime(t *testing.T) {
	o, ops := newOffice(t), hang(t, 2)
	o.fill(t, 150)
	for i := range 4 { // by one cause, and over 1 %
		o.put(t, kodo.Object{Key: fmt.Sprint("z/", i), Body: []byte("x"), Hash: falseHash, PutTime: time.Now().Add(-24 * time.Hour)})
	}
	o.env["FERRY_ALERT_OPS"] = ops.URL
	o.deploy = o.process(t)
	o.start(t, o.job(t, alerting))
	for range 5 { // what is tried again comes later
		for _, s := range []task.Stage{task.Listing, task.Copying} {
			for _, m := range o.receive(t, "ferry-"+string(s)) {
				o.carry(t, s, m)
			}
		}
		o.advance(20 * time.Second)
	}
	if got, most := ops.told(); !slices.Equal(got, []string{"failing", "many", "started"}) || most != 2 {
		t.Errorf("the webhook was told %q, %d at the same time, want each once, and two at the same time", got, most)
	}
}

// TestASweepTellsOfAllRunsThatStandStillAtTheSameTime has the webhook answer nobody.
func TestASweepTellsOfAllRunsThatStandStillAtTheSameTime(t *testing.T) {
	o, ops := newOffice(t), hang(t, 100)
	o.env["FERRY_ALERT_OPS"] = ops.URL
	o.deploy = o.process(t)
	for _, name := range []string{"a", "b", "c"} {
		o.start(t, o.below(t, name, name+"/", alerting))
	}
	o.advance(20 * time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := o.deploy.Sweep(ctx, 30*time.Minute, o.clock()); err != nil {
		t.Error(err)
	}
	if got, most := ops.told(); !slices.Equal(got, []string{"stalled", "stalled", "stalled"}) || most != 3 {
		t.Errorf("the webhook was told %q, %d at the same time, want of each run, and all at the same time", got, most)
	}
}
