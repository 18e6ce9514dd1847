package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/journal"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

func TestAgentsAndFunctionsShareAQueueAndOneAgentIsKilledInMidTask(t *testing.T) {
	const objects = 600
	c := newClouds(t)
	c.fill(t, objects)
	var ahead clock
	queues := c.withQueues(t, func(cfg *mns.Config) { cfg.Now = ahead.now })
	c.kodo.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: 80 * time.Millisecond})
	seen := c.watchStores()
	log := &journal.Journal{}
	cloud := c.withFunctions(t, queues, log)
	victim := startAgent(t, c.env)
	other := startAgent(t, c.env, "--stages", "copy,verify", "--tasks", "copy=1", "--drain", "2s")
	began := time.Now()
	run := c.begin(t, "--batch-objects", "30", "--parallel", "4")
	eventually(t, "the first agent is in the middle of copying", func() bool {
		return victim.metric(`ferry_tasks_running{kind="copy"}`) > 1 && victim.metric(`ferry_objects_total{state="copied"}`) > 1
	})
	t.Logf("%.1f s: killed", time.Since(began).Seconds())
	if code := victim.end(t, syscall.SIGKILL); code != -1 {
		t.Fatalf("it ended by itself with %d\n%s", code, victim.log)
	}
	eventually(t, "the others have done what is left to them", func() bool {
		d, err := queues.Depth("ferry-copy")
		return err == nil && d.Ready == 0 && d.Delayed == 0 && other.metric(`ferry_tasks_running{kind="copy"}`) == 0
	})
	t.Logf("%.1f s: the others wait", time.Since(began).Seconds())
	if d, err := queues.Depth("ferry-copy"); err != nil || d.InFlight == 0 {
		t.Errorf("in flight: %+v, %v, want the killed agent's messages", d, err)
	}
	if put, _ := seen.count(); put == objects {
		t.Error("everything was copied before the messages came again: nobody was killed in mid-task")
	}
	ahead.advance(queues, 3*time.Minute) // so much for the agent's hold
	c.verified(t, run, objects, func() {
		copies, cerr := queues.Depth("ferry-copy")
		waits, werr := queues.Depth("ferry-verify")
		if cerr == nil && werr == nil && copies == (mns.Depth{}) && waits == (mns.Depth{Delayed: waits.Delayed}) {
			ahead.advance(queues, 10*time.Second) // what waits for that need not wait longer
		}
	}, other.log, log)
	t.Logf("%.1f s: verified", time.Since(began).Seconds())
	if _, looked := seen.count(); looked == 0 {
		t.Error("no object was looked at before it was copied, want those of the tasks that came again")
	}
	if n := cloud.Stats()["copy"].Invocations; n == 0 {
		t.Error("no function copied anything, want the queue shared")
	}
	if code := other.end(t, syscall.SIGTERM); code != 0 || !strings.Contains(other.out.String(), "stopped after") || strings.Contains(other.out.String(), " 0 tasks done") {
		t.Errorf("the other agent: exit code %d, %s, want 0 and the tasks it did", code, other.out)
	}
}

func TestAnAgentDrainsOnSIGTERM(t *testing.T) {
	const objects = 200
	c := newClouds(t)
	c.fill(t, objects)
	queues := c.withQueues(t)
	c.kodo.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: 150 * time.Millisecond})
	seen := c.watchStores()
	a := startAgent(t, c.env, "--drain", "3s")
	run := c.begin(t, "--parallel", "2") // one batch, of 15 s
	eventually(t, "it is in the middle of copying", func() bool { put, _ := seen.count(); return put > 6 })
	if out, said, code := execute(t, nil, "agent", "--health", "--listen", a.addr); code != 0 || out != "ok\n" {
		t.Errorf("health: exit code %d, %s%s, want 0 and ok", code, out, said)
	}
	began := time.Now()
	code := a.end(t, syscall.SIGTERM)
	put, _ := seen.count()
	t.Logf("ended after %.1f s with %d of %d objects copied; it said: %s", time.Since(began).Seconds(), put, objects, a.out)
	if code != 0 || put == objects || !strings.Contains(a.out.String(), "stopping: 1 task under way") {
		t.Errorf("exit code %d, %d objects copied, %s, want 0, some of them, and that it drains\n%s", code, put, a.out, a.log)
	}
	for line := range strings.Lines(a.log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("its log has a line that is no JSON: %s", line)
		}
	}
	for _, name := range app.QueueNames {
		if d, err := queues.Depth("ferry-" + name); err != nil || d.InFlight > 0 {
			t.Errorf("%s holds %+v (%v), want nothing in the hands of who is gone", name, d, err)
		}
	}
	c.kodo.Desk().Inject()
	startAgent(t, c.env, "--drain", "1s")
	c.verified(t, run, objects, func() {}, a.log)
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for key, n := range seen.puts {
		if n != 1 {
			t.Errorf("%s was copied %d times, want once: what was handed over had not been begun", key, n)
		}
	}
}

func TestAnAgentThatCannotWorkIsRefused(t *testing.T) {
	c := newClouds(t)
	queues := c.withQueues(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for name, tc := range map[string]struct {
		args []string
		env  []string // after the others
		code int
		want []string
	}{
		"nothing is set":        {[]string{"agent"}, []string{"FERRY_LEDGER=", "FERRY_QUEUES=", "QINIU_ACCESS_KEY=", "ALIBABA_CLOUD_ACCESS_KEY_SECRET="}, 2, []string{"FERRY_LEDGER", "FERRY_QUEUES", "QINIU_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"}},
		"no such stage":         {[]string{"agent", "--stages", "copy,paste"}, nil, 2, []string{`"paste"`, "list, copy, verify, delete"}},
		"tasks of none":         {[]string{"agent", "--stages", "copy", "--tasks", "copy=0,list=2,paste=1"}, nil, 2, []string{"copy=0: write 1 to", "list=2: --stages leaves", `no stage "paste"`}},
		"a hold for a second":   {[]string{"agent", "--hold", "1s"}, nil, 2, []string{"--hold 1s: write 5s to 1h"}},
		"a sweep at once":       {[]string{"agent", "--sweep", "0s"}, nil, 2, []string{"--sweep 0s: write 100ms to 1h"}},
		"an endless drain":      {[]string{"agent", "--drain", "1h", "--parallel", "-1"}, nil, 2, []string{"--drain 1h0m0s: write 0s to 5m0s", "--parallel -1"}},
		"an argument":           {[]string{"agent", "copy"}, nil, 2, []string{"ferry agent takes no arguments"}},
		"no such queues":        {[]string{"agent", "--queues", "mns://" + queues.Account() + "/fairy-?region=cn-hangzhou&insecure=true&endpoint=" + queues.Endpoint()}, nil, 2, []string{"fairy-list", "fairy-copy", "fairy-verify", "fairy-dead"}},
		"an address in use":     {[]string{"agent", "--listen", taken.Addr().String()}, nil, 2, []string{"--listen " + taken.Addr().String(), "name a free port"}},
		"health of nobody":      {[]string{"agent", "--health"}, nil, 2, []string{"--listen"}},
		"health where none is":  {[]string{"agent", "--health", "--listen", "127.0.0.1:1"}, nil, 1, []string{"no agent answers at 127.0.0.1:1"}},
		"an odd pause":          {[]string{"agent"}, []string{"FERRY_PAUSE=soon"}, 2, []string{"FERRY_PAUSE", "soon"}},
		"an address that is no": {[]string{"agent", "--health", "--listen", "a b"}, nil, 2, []string{"is no address"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, said, code := execute(t, append(c.env, tc.env...), tc.args...)
			if code != tc.code || strings.Contains(said, "goroutine ") || out != "" {
				t.Errorf("exit code %d, %s, want %d and nothing else\n%s", code, out, tc.code, said)
			}
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q: %s", want, said)
				}
			}
		})
	}
}

func TestAQueueThatCannotBeReadIsNotWell(t *testing.T) {
	m := newMetrics()
	m.answered("ferry-copy", nil)
	m.answered("ferry-list", os.ErrDeadlineExceeded)
	if bad := m.unread(time.Hour); len(bad) > 0 {
		t.Errorf("unread for an hour: %v, want none: it has just failed", bad)
	}
	if bad := m.unread(0); len(bad) != 1 || bad[0] != "ferry-list" {
		t.Errorf("unread: %v, want the one that failed", bad)
	}
	m.answered("ferry-list", nil)
	if bad := m.unread(0); len(bad) > 0 {
		t.Errorf("unread: %v, want none once it answers", bad)
	}
}

func TestWhatAnAgentCounts(t *testing.T) {
	boom := errors.New("boom")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx  context.Context
		err  error
		want string
	}{
		"a task that was done":              {t.Context(), nil, "done"},
		"one that failed":                   {t.Context(), boom, "failed"},
		"one that was told to slow down":    {t.Context(), fault.Throttle("op", "", 0, boom), "throttled"},
		"one that a newer version must do":  {t.Context(), fault.New(fault.Newer, "op", "", boom), "newer"},
		"one that was cut off by the drain": {ended, boom, "cut_off"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMetrics()
			running := int64(0)
			d := m.count(doing(func() error { running = m.running(); return tc.err }))
			_, _ = d.Do(tc.ctx, task.Task{Kind: task.Copy}) // its error is the one given
			_, _ = d.GiveUp(tc.ctx, task.Task{Kind: task.List}, boom)
			var text strings.Builder
			m.write(&text)
			for _, want := range []string{`ferry_tasks_total{kind="copy",outcome="` + tc.want + `"} 1`, `ferry_tasks_total{kind="list",outcome="given_up"} 1`, `ferry_task_seconds_count{kind="copy"} 1`} {
				if !strings.Contains(text.String(), want+"\n") {
					t.Errorf("it does not say %s", want)
				}
			}
			if running != 1 || m.running() != 0 {
				t.Errorf("running: %d during the task, %d after it, want 1, 0", running, m.running())
			}
		})
	}
}

func TestTasksOfEveryKindAreCountedWhileTheyRun(t *testing.T) {
	m := newMetrics()
	for _, kind := range task.Kinds {
		var during, after strings.Builder
		d := m.count(doing(func() error { m.write(&during); return nil }))
		if _, err := d.Do(t.Context(), task.Task{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		m.write(&after)
		gauge := `ferry_tasks_running{kind="` + string(kind) + `"} `
		if !strings.Contains(during.String(), gauge+"1\n") || !strings.Contains(after.String(), gauge+"0\n") {
			t.Errorf("%s: want 1 while it runs and 0 after", strings.TrimSpace(gauge))
		}
	}
}

// doing does tasks as a test says, and gives each up.
type doing func() error

func (d doing) Do(context.Context, task.Task) ([]task.Task, error) { return nil, d() }

func (d doing) GiveUp(context.Context, task.Task, error) ([]task.Task, error) { return nil, nil }

func TestTheBytesOfAnObjectInPartsAreCountedOnce(t *testing.T) {
	m := newMetrics()
	copied := func(size int64, by task.Kind) pipeline.Progress {
		return pipeline.Progress{Kind: pipeline.Settled, Row: ledger.Row{State: ledger.Copied, Src: store.Object{Size: size}}, Task: task.Task{Kind: by}}
	}
	for _, e := range []pipeline.Progress{
		copied(5, ""), {Kind: pipeline.Moved, Bytes: 100}, {Kind: pipeline.Moved, Bytes: 20}, copied(120, task.Finish),
		{Kind: pipeline.Settled, Row: ledger.Row{State: ledger.Failed, Src: store.Object{Size: 1000}}},
		{Kind: pipeline.Slowed}, {Kind: pipeline.Caught, Err: fault.New(fault.Corrupt, "op", "k", nil)},
	} {
		m.watch(e)
	}
	var text strings.Builder
	m.write(&text)
	for _, want := range []string{
		"ferry_copied_bytes_total 125", `ferry_objects_total{state="copied"} 2`, `ferry_objects_total{state="failed"} 1`,
		"ferry_throttles_total 1", `ferry_faults_total{fault="corrupt"} 1`,
	} {
		if !strings.Contains(text.String(), want+"\n") {
			t.Errorf("it does not say %s", want)
		}
	}
	if got := m.sum(); got != "0 tasks done, 2 objects copied, 125 B" {
		t.Errorf("the last line says %q", got)
	}
}
