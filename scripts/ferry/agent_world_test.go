package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/binaries"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/journal"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// clock is the queues' clock, which a test moves on.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) advance(s *mns.Server, d time.Duration) {
	c.ahead.Add(int64(d))
	s.Tick()
}

// agentProcess is a running `ferry agent`.
type agentProcess struct {
	cmd      *exec.Cmd
	addr     string
	out, log *journal.Journal
	over     chan struct{}
}

// startAgent starts one and waits until it answers.
func startAgent(t *testing.T, env []string, args ...string) *agentProcess {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free, for the agent
	if err != nil {
		t.Fatal(err)
	}
	a := &agentProcess{addr: l.Addr().String(), out: &journal.Journal{}, log: &journal.Journal{}, over: make(chan struct{})}
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
func (a *agentProcess) end(t *testing.T, sig syscall.Signal) int {
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
func (a *agentProcess) metric(name string) (value float64) {
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
	dir, err := binaries.Build("kodoferry/functions/...")
	if err != nil {
		t.Fatal(err)
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
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	for {
		rep, err := report.Read(ctx, d.Ledger().Run(run))
		if err == nil {
			if rep.Result != report.Verified || rep.Objects.Verified != n || !rep.Balanced {
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
		if o, ok := c.oss.Get(standins.Target, keyOf(int(i))); !ok || string(o.Body) != bodyOf(int(i)) {
			t.Fatalf("%s is not in the target as it is in the source", keyOf(int(i)))
		}
	}
}
