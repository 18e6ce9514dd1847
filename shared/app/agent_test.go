package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// serve runs an agent of the deployment until the test ends, or stop is called.
func (p *platform) serve(t *testing.T, o agent.Options) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	o.Capacity = roomy
	done.Go(func() { p.deploy.Serve(ctx, o) })
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

// soon waits until what has come true.
func soon(t *testing.T, what string, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func TestAnAgentAtRestMakesOneRequestAQueueEvery30Seconds(t *testing.T) {
	const minutes = 5
	var mu sync.Mutex
	var ahead time.Duration
	s, err := mns.Start(mns.Config{AccessKeyID: "id", AccessKeySecret: "secret", Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(ahead)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for _, name := range app.QueueNames {
		if err := s.CreateQueue("ferry-"+name, mns.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	p := &platform{world: newWorld(t)}
	c := p.config
	c.LedgerAt = p.ledgerAt()
	c.QueuesAt = "mns://" + s.Account() + "/ferry-?region=cn-hangzhou&insecure=true&endpoint=" + url.QueryEscape(s.Endpoint())
	if p.deploy, err = c.Deploy(slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	tasks := map[task.Stage]int{}
	for _, stage := range task.Stages {
		tasks[stage] = 8
	}
	asked := func() int { return int(s.Desk().Counts()["receive"]) }
	stop := p.serve(t, agent.Options{Tasks: tasks})
	queues := len(app.QueueNames)
	for half := range 2 * minutes {
		// A request that had not begun to wait when the clock moved waits on: it is not waited for.
		for until := time.Now().Add(200 * time.Millisecond); asked() < queues*(half+1) && time.Now().Before(until); {
			time.Sleep(time.Millisecond)
		}
		mu.Lock()
		ahead += 30 * time.Second
		mu.Unlock()
		s.Tick()
	}
	n := asked()
	stop()
	if most := queues * (2*minutes + 1); n > most || n < most/2 {
		t.Errorf("%d requests in %d minutes, want one a queue and 30 s: about %d, and never more", n, minutes, most)
	}
	counts := s.Desk().Counts()
	t.Logf("MNS in %d minutes: %v; ledger %v", minutes, counts, p.ledger)
	for op, n := range counts {
		if op != "receive" {
			t.Errorf("%d requests of %s, want none but receives", n, op)
		}
	}
}

func TestAnAgentAloneIsAWholeDeployment(t *testing.T) {
	t.Parallel() // most of it is waiting
	p := unconnected(t)
	p.fill(t, 300)
	p.mns.Misbehave(mns.Misbehaviour{Lose: 1})
	run := p.began(t) // and every message of it is lost
	p.mns.Misbehave(mns.Misbehaviour{})
	p.serve(t, agent.Options{Tasks: agent.DefaultTasks(task.Stages[:]...), Sweep: 300 * time.Millisecond})
	rep := p.report(t, run)
	if rep.Result != report.Verified || rep.Objects.Verified != 300 {
		t.Errorf("%+v, want 300 verified: it looks for what was lost", rep.Summary)
	}
}

func TestAnAgentBuriesAndLeavesWhatIsNewer(t *testing.T) {
	p := unconnected(t)
	p.fill(t, 5)
	run := p.began(t)
	root := body(t, task.Task{Kind: task.List, Run: run.Name, Shard: ledger.RootShard, Range: store.Range{}})
	for queue, text := range map[string]string{"ferry-dead": root, "ferry-copy": `{"v":99,"kind":"copy"}`} {
		if err := p.mns.Send(queue, []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	p.serve(t, agent.Options{Tasks: agent.DefaultTasks(task.Copying, task.Verifying)})
	soon(t, "the dead letter is an outcome", func() bool {
		closed, err := run.Shards().ReadListed(t.Context(), ledger.RootShard)
		return err == nil && strings.Contains(closed.Failed, "delivered too often")
	})
	soon(t, "the newer task waits as a new message, so that no redelivery counts against it", func() bool {
		d, err := p.mns.Depth("ferry-copy")
		return err == nil && d == (mns.Depth{Delayed: 1})
	})
	if d, err := p.mns.Depth("ferry-list"); err != nil || d.Ready != 1 {
		t.Errorf("ferry-list holds %+v, %v, want its message: this agent does not serve it", d, err)
	}
}

func TestAnAgentThatMayRestEnds(t *testing.T) {
	p := unconnected(t)
	if err := p.mns.Send("ferry-copy", []byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
	p.deploy.Serve(t.Context(), agent.Options{Tasks: agent.DefaultTasks(task.Copying), Rest: time.Millisecond, Wait: time.Second, Capacity: roomy})
	if held := p.held(t); held["ferry-copy"] != 0 {
		t.Errorf("%v, want the message dealt with before the rest", held)
	}
}

func TestAnAgentIsRefusedWhatItCannotServe(t *testing.T) {
	p := unconnected(t)
	if err := p.deploy.Ready(t.Context(), task.Stages[:]...); err != nil {
		t.Errorf("Ready = %v, want nil", err)
	}
	if _, err := agent.Stages([]string{"copy", "paste"}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "list, copy, verify, delete") {
		t.Errorf("Stages = %v, want Invalid, and the stages there are", err)
	}
	if s, err := agent.Stages([]string{"verify", "copy", "verify"}); err != nil || !slices.Equal(s, []task.Stage{task.Verifying, task.Copying}) {
		t.Errorf("Stages = %v, %v, want each once", s, err)
	}
}

func TestWhatAnAgentIsToldOfItsQueues(t *testing.T) {
	p := unconnected(t)
	told := make(chan error, 100)
	p.serve(t, agent.Options{Tasks: agent.DefaultTasks(task.Copying), Wait: time.Second, Answered: func(queue string, err error) {
		if queue != "ferry-copy" {
			err = errors.New("of " + queue)
		}
		told <- err
	}})
	if err := <-told; err != nil {
		t.Errorf("told %v, want that ferry-copy answered", err)
	}
}
