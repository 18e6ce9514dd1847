package main

import (
	"encoding/json"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/journal"
	"kodoferry/shared/emulator/mns"
)

func TestAgentsAndFunctionsShareAQueueAndOneAgentIsKilledInMidTask(t *testing.T) {
	t.Parallel() // most of it is waiting
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
	t.Parallel() // most of it is waiting
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
	if code != 0 || put == objects || !strings.Contains(a.out.String(), "under way; it waits for them") {
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
		"more than any machine": {[]string{"agent", "--parallel", "100000"}, nil, 2, []string{"--parallel 100000: write auto, or a number from 1 to 4096"}},
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
