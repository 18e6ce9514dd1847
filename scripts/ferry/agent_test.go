package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

// clock is the queues' clock, which a test moves on.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) advance(s *mns.Server, d time.Duration) {
	c.ahead.Add(int64(d))
	s.Tick()
}

// written keeps what a process writes while it runs.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// agent is a running `ferry agent`.
type agent struct {
	cmd      *exec.Cmd
	addr     string
	out, log *written
	over     chan struct{}
}

// startAgent starts one and waits until it answers.
func startAgent(t *testing.T, env []string, args ...string) *agent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free, for the agent
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{addr: l.Addr().String(), out: &written{}, log: &written{}, over: make(chan struct{})}
	_ = l.Close()
	a.cmd, _, _ = command(t, env, append([]string{"agent", "--listen", a.addr}, args...)...)
	a.cmd.Stdout, a.cmd.Stderr = a.out, a.log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = a.cmd.Wait() // its exit code tells
		close(a.over)
	}()
	t.Cleanup(func() { _ = a.cmd.Process.Kill(); <-a.over })
	eventually(t, "the agent answers\n"+a.log.String(), func() bool { return a.metric("go_goroutines") > 0 })
	return a
}

// end sends sig and returns the exit code, -1 if the signal killed it.
func (a *agent) end(t *testing.T, sig syscall.Signal) int {
	t.Helper()
	_ = a.cmd.Process.Signal(sig)
	select {
	case <-a.over:
	case <-time.After(30 * time.Second):
		t.Fatalf("it did not end within 30 s\n%s", a.log)
	}
	return a.cmd.ProcessState.ExitCode()
}

// metric is the value of a metric, by its name with its labels; 0 where there is none.
func (a *agent) metric(name string) (value float64) {
	answer, err := http.Get("http://" + a.addr + "/metrics")
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body) // what is missing is 0
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			_, _ = fmt.Sscan(rest, &value)
		}
	}
	return value
}

func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// deployment opens the clouds' deployment.
func (c *clouds) deployment(t *testing.T) *app.Deployment {
	t.Helper()
	d, err := app.Load(c.variable).Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// variable is the value of one of the clouds' variables.
func (c *clouds) variable(name string) string {
	for _, v := range c.env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// withFunctions puts the built functions behind the queues.
func (c *clouds) withFunctions(t *testing.T, queues *mns.Server, log io.Writer) *fc.Cloud {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir, "kodoferry/functions/...").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cloud, err := fc.New(fc.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	env := map[string]string{}
	for _, v := range c.env {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	for _, s := range task.Stages {
		if err := cloud.Deploy(fc.Function{Name: string(s), Binary: filepath.Join(dir, string(s)), Env: env, Timeout: time.Minute, Memory: 512, MaxInstances: 2, Log: log}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range app.QueueNames {
		s := fc.StreamConfig{Queue: fc.MNS(queues, "ferry-"+name), Name: name, Function: name, Consumers: 2, DeadLetter: fc.MNS(queues, "ferry-dead"), Retry: fc.Retry{Backoff: func(int) time.Duration { return time.Second }}}
		if name == "dead" {
			s.Function, s.DeadLetter = "verify", nil
		}
		if _, err := cloud.Stream(s); err != nil {
			t.Fatal(err)
		}
	}
	return cloud
}

// stores counts the PUTs and HEADs of copies at the target, by key.
type stores struct {
	mu          sync.Mutex
	puts, looks map[string]int
}

func (c *clouds) watchStores() *stores {
	s := &stores{puts: map[string]int{}, looks: map[string]int{}}
	c.oss.OnRequest(func(r oss.Request) {
		if !strings.HasPrefix(r.Key, "photos/") {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		switch r.Op {
		case "put":
			s.puts[r.Key]++
		case "head":
			s.looks[r.Key]++
		}
	})
	return s
}

// count is how many objects were put, and how many of them were looked at.
func (s *stores) count() (put, looked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.puts), len(s.looks)
}

// begin starts a run and returns its name.
func (c *clouds) begin(t *testing.T, args ...string) string {
	t.Helper()
	out, said, code := execute(t, c.env, append([]string{"start", c.src, c.dst, "--json"}, args...)...)
	var began struct{ Run string }
	if err := json.Unmarshal([]byte(out), &began); code != 0 || err != nil {
		t.Fatalf("start: exit code %d, %v\n%s", code, err, said)
	}
	return began.Run
}

// verified waits for the run's report, calling meanwhile now and then, and
// holds it against n objects.
func (c *clouds) verified(t *testing.T, run string, n int64, meanwhile func(), logs ...fmt.Stringer) {
	t.Helper()
	d := c.deployment(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		rep, err := pipeline.ReadReport(ctx, d.Ledger().Run(run))
		if err == nil {
			if rep.Result != pipeline.ResultVerified || rep.Objects.Verified != n || !rep.Balanced {
				t.Errorf("%+v, want %d verified and balanced\n%v", rep.Summary, n, logs)
			}
			break
		}
		meanwhile()
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the run did not end: %v\n%v", err, logs)
		}
	}
	for i := range n {
		if o, ok := c.oss.Get(demoTarget, keyOf(int(i))); !ok || string(o.Body) != bodyOf(int(i)) {
			t.Fatalf("%s is not in the target as it is in the source", keyOf(int(i)))
		}
	}
}

func TestAgentsAndFunctionsShareAQueueAndOneAgentIsKilledInMidTask(t *testing.T) {
	const objects = 600
	c := newClouds(t)
	c.fill(t, objects)
	var ahead clock
	queues := c.withQueues(t, func(cfg *mns.Config) { cfg.Now = ahead.now })
	c.kodo.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: 80 * time.Millisecond})
	seen := c.watchStores()
	log := &written{}
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
		return err == nil && d.Active == 0 && d.Delayed == 0 && other.metric(`ferry_tasks_running{kind="copy"}`) == 0
	})
	t.Logf("%.1f s: the others wait", time.Since(began).Seconds())
	if d, err := queues.Depth("ferry-copy"); err != nil || d.Inactive == 0 {
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
		if d, err := queues.Depth("ferry-" + name); err != nil || d.Inactive > 0 {
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
