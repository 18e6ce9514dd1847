package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/opentest"
	"kodoferry/shared/task"
)

// withQueues gives the clouds the queues of a deployment.
func (c *clouds) withQueues(t *testing.T, set ...func(*mns.Config)) *mns.Server {
	t.Helper()
	s := opentest.Start(t, mns.Start, mns.Config{AccessKeyID: emulation.AccessKey, AccessKeySecret: emulation.SecretKey}, set...)
	for _, name := range app.QueueNames {
		if err := s.CreateQueue("ferry-"+name, mns.Attributes{Visibility: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	c.env = append(c.env, "FERRY_LEDGER="+c.ledger, "FERRY_PAUSE=1s",
		"FERRY_QUEUES=mns://"+s.Account()+"/ferry-?region=cn-hangzhou&insecure=true&endpoint="+url.QueryEscape(s.Endpoint()))
	return s
}

// work does what is in the queues until the test ends, as a deployment would.
func (c *clouds) work(t *testing.T) {
	t.Helper()
	env := map[string]string{}
	for _, v := range c.env {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	d, err := app.Load(func(name string) string { return env[name] }).Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, s := range task.Stages {
		all.Go(func() { d.Worker(s).Poll(ctx, d.Queue(s), 2, time.Minute) })
	}
	t.Cleanup(func() { stop(); all.Wait() })
}

func TestARunIsStartedForADeploymentAndWatched(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 300)
	queues := c.withQueues(t)
	out, said, code := execute(t, c.env, "start", c.src, c.dst, "--batch-objects", "50", "--json")
	var began struct{ Run string }
	if err := json.Unmarshal([]byte(out), &began); code != 0 || err != nil || began.Run == "" {
		t.Fatalf("exit code %d, %q, %v, want 0 and the run's name\n%s", code, out, err, said)
	}
	for _, name := range []string{"ferry-list", "ferry-verify"} {
		if d, err := queues.Depth(name); err != nil || d.Ready+d.Delayed != 1 {
			t.Errorf("%s holds %+v (%v), want the first task", name, d, err)
		}
	}
	if out, said, code := execute(t, c.env, "status", began.Run); code != 0 || !strings.Contains(out, "listing") {
		t.Errorf("status: exit code %d, %s%s, want 0 and that it is listing", code, out, said)
	}
	limits := func(want string, args ...string) {
		t.Helper()
		if out, said, code := execute(t, c.env, append([]string{"limits", began.Run}, args...)...); code != 0 || !strings.Contains(out, want) {
			t.Errorf("limits %q: exit code %d, %s%s, want 0 and %q", args, code, out, said, want)
		}
	}
	limits("bandwidth  none")
	limits("bandwidth  20MiB/s; sat,sun 0:00-24:00 unlimited; zone Asia/Shanghai", "--bandwidth", "20MiB/s; sat,sun 0:00-24:00 unlimited; zone Asia/Shanghai")
	limits(`"limits":{"bandwidth":{"rate":20971520,`, "--requests", "9000", "--json")
	limits("requests   9,000 a second")
	limits("bandwidth  none", "--bandwidth", "none", "--instances", "3")
	if _, said, code := execute(t, c.env, "start", c.src, c.dst); code != 2 || !strings.Contains(said, began.Run+" is not over") {
		t.Errorf("started twice: exit code %d, %s, want 2 and the run that is not over", code, said)
	}
	if _, said, code := execute(t, c.env, "copy", c.src, c.dst); code != 2 || !strings.Contains(said, "with the functions of a deployment") {
		t.Errorf("copied while functions do it: exit code %d, %s, want 2 and whose run it is", code, said)
	}
	if _, said, code := execute(t, c.env, "report", began.Run); code != 1 || !strings.Contains(said, "not over yet") {
		t.Errorf("report of an open run: exit code %d, %s, want 1 and that it is not over", code, said)
	}
	c.work(t)
	out, said, code = execute(t, c.env, "status", began.Run, "--watch")
	if code != 0 || !strings.Contains(out, "verified: all 300 objects") || !strings.Contains(out, "verified  300 objects") || strings.Contains(out, "\x1b") {
		t.Errorf("status --watch: exit code %d, %s%s, want 0, the end, and no escapes outside a terminal", code, out, said)
	}
	if out, said, code := execute(t, c.env, "report", began.Run); code != 0 || !strings.Contains(out, "300 verified") {
		t.Errorf("report: exit code %d, %s%s", code, out, said)
	}
	limits("copies since")
	if _, said, code := execute(t, c.env, "limits", began.Run, "--requests", "0"); code != 2 || !strings.Contains(said, "is over") {
		t.Errorf("limits of a run that is over: exit code %d, %s, want 2 and that it is", code, said)
	}
	if _, said, code := execute(t, c.env, "start", c.src, c.dst); code != 0 {
		t.Errorf("a second run once the first is over: exit code %d, %s, want 0", code, said)
	}
}

func TestAStartThatCannotWorkIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 3)
	queues := c.withQueues(t)
	for name, tc := range map[string]struct {
		args []string
		env  []string // after the others
		want []string
	}{
		"nothing is set":  {[]string{"start", c.src, c.dst}, []string{"FERRY_LEDGER=", "FERRY_QUEUES=", "QINIU_ACCESS_KEY=", "ALIBABA_CLOUD_ACCESS_KEY_SECRET="}, []string{"FERRY_LEDGER", "FERRY_QUEUES", "QINIU_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"}},
		"no such queues":  {[]string{"start", c.src, c.dst, "--queues", "mns://" + queues.Account() + "/fairy-?region=cn-hangzhou&insecure=true&endpoint=" + queues.Endpoint()}, nil, []string{"fairy-list", "fairy-copy", "fairy-verify", "fairy-dead"}},
		"queues at OSS":   {[]string{"start", c.src, c.dst, "--queues", c.ledger}, nil, []string{"mns://"}},
		"wrong source":    {[]string{"start", strings.Replace(c.src, "photos", "fotos", 1), c.dst}, nil, []string{`"fotos"`}},
		"an odd duration": {[]string{"start", c.src, c.dst}, []string{"FERRY_PAUSE=soon"}, []string{"FERRY_PAUSE", "soon"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, said, code := execute(t, append(c.env, tc.env...), tc.args...)
			if code != 2 || strings.Contains(said, "goroutine ") {
				t.Errorf("exit code %d, want 2\n%s", code, said)
			}
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q: %s", want, said)
				}
			}
		})
	}
	if keys := c.oss.Keys(standins.Target); len(keys) > 0 {
		t.Errorf("something was written: %q", keys)
	}
}

// TestAQueueThatRefusesAMessageForAWhileIsNotWaitedForInSilence: the command tells which
// message the queue refused, and why, and succeeds when it is taken.
func TestAQueueThatRefusesAMessageForAWhileIsNotWaitedForInSilence(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 3)
	queues := c.withQueues(t)
	queues.Misbehave(mns.Misbehaviour{Refuse: 1})
	var once sync.WaitGroup
	once.Go(func() { // refused is what comes first alone
		for queues.Injected().Refused == 0 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		queues.Misbehave(mns.Misbehaviour{})
	})
	out, said, code := execute(t, c.env, "start", c.src, c.dst, "--json")
	once.Wait()
	if code != 0 || !strings.Contains(out, `"run"`) || queues.Injected().Refused == 0 {
		t.Fatalf("exit code %d, %s%s, %d refused, want 0 and the run's name, with one refused", code, out, said, queues.Injected().Refused)
	}
	for _, want := range []string{"messages that the queue refused are sent again", `"queue":"ferry-`, `\"kind\":\"`, "InternalError"} {
		if !strings.Contains(said, want) {
			t.Errorf("told %s, want %s", said, want)
		}
	}
}
