package app_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

// built holds the functions' binaries, built once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ferry-functions-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	if out, err := exec.Command("go", "build", "-o", dir, "kodoferry/functions/...").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

var builtIn string // where they are, once they are

func TestMain(m *testing.M) {
	code := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

// platform is a world with queues and functions.
type platform struct {
	*world
	on     fc.Platform
	mns    *mns.Server
	cloud  *fc.Cloud
	env    map[string]string // of the functions
	deploy *app.Deployment
	logs   *logs
}

// logs keeps what functions write.
type logs struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

const visibility = 20 * time.Second

// newPlatform is a whole deployment; sweep is how often lost tasks are looked for, 0 never.
func newPlatform(t testing.TB, on fc.Platform, sweep time.Duration, change ...func(*platform, *fc.Function)) *platform {
	t.Helper()
	p := deployed(t, on, change...)
	p.connectAll(t)
	if sweep > 0 {
		if _, err := p.cloud.Timer(fc.TimerConfig{Name: "sweep", Function: "ferry-verify", Payload: sweep.String(), Every: sweep}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// unconnected is a deployment whose functions nothing triggers, and whose
// environment lacks some variables.
func unconnected(t *testing.T, without ...string) *platform {
	t.Helper()
	return deployed(t, fc.FC, func(_ *platform, f *fc.Function) {
		for _, name := range without {
			delete(f.Env, name)
		}
	})
}

// deployed is a deployment whose functions nothing triggers yet; change may
// change each of them.
func deployed(t testing.TB, on fc.Platform, change ...func(*platform, *fc.Function)) *platform {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{world: newWorld(t), on: on, logs: &logs{}}
	if p.mns, err = mns.Start(mns.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.mns.Close() })
	if p.cloud, err = fc.New(fc.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.cloud.Close)
	for _, name := range app.QueueNames {
		if err := p.mns.CreateQueue("ferry-"+name, mns.Attributes{Visibility: visibility}); err != nil {
			t.Fatal(err)
		}
	}
	p.env = map[string]string{
		"FERRY_LEDGER": p.ledgerAt(), "FERRY_PAUSE": "1s",
		"FERRY_QUEUES":     "mns://" + p.mns.Account() + "/ferry-?region=cn-hangzhou&insecure=true&endpoint=" + url.QueryEscape(p.mns.Endpoint()),
		"QINIU_ACCESS_KEY": "ak", "QINIU_SECRET_KEY": "sk",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
	}
	if p.deploy, err = app.Load(func(k string) string { return p.env[k] }).Deploy(slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for _, s := range task.Stages {
		name := "ferry-" + string(s)
		f := fc.Function{
			Name: name, Binary: filepath.Join(dir, string(s)), Env: maps.Clone(p.env), Platform: on, Timeout: 60 * time.Second, Memory: 512, MaxInstances: 4, Log: p.logs,
		}
		for _, set := range change {
			set(p, &f)
		}
		if err := p.cloud.Deploy(f); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// connectAll puts every queue before its function.
func (p *platform) connectAll(t testing.TB) {
	t.Helper()
	for _, s := range task.Stages {
		p.stream(t, string(s), "ferry-"+string(s), fc.MNS(p.mns, "ferry-dead"))
	}
	p.stream(t, "dead", "ferry-verify", nil)
}

func (p *platform) stream(t testing.TB, queue, function string, dead fc.Queue) {
	t.Helper()
	c := fc.StreamConfig{Queue: fc.MNS(p.mns, "ferry-"+queue), Name: "ferry-" + queue, Function: function, Consumers: 4, DeadLetter: dead}
	if p.on == fc.Lambda {
		c.PartialBatch, c.MaxReceives = true, 10
	} else {
		c.Retry = fc.Retry{Attempts: 5, Backoff: func(int) time.Duration { return 500 * time.Millisecond }}
	}
	if _, err := p.cloud.Stream(c); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ledgerAt() string {
	return "oss://ledger-bucket/.ferry/?region=cn-hangzhou&insecure=true&endpoint=" + url.QueryEscape(w.oss.Endpoint())
}

// run starts a run and waits for its report.
func (p *platform) run(t testing.TB, set ...func(*job.Job)) pipeline.Report {
	t.Helper()
	j, err := job.New(p.src, p.dst, p.ledgerAt(), set...)
	if err != nil {
		t.Fatal(err)
	}
	name, err := p.deploy.Start(t.Context(), j, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p.report(t, p.deploy.Ledger().Run(name))
}

// report waits for a run's end.
func (p *platform) report(t testing.TB, run *ledger.Run) pipeline.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		rep, err := pipeline.ReadReport(ctx, run)
		if err == nil {
			return rep
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the run did not end: %v\n%s\n%+v", err, tail(p.logs.String()), p.cloud.Stats())
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

func TestTheFunctionsMoveABucket(t *testing.T) {
	for _, on := range []fc.Platform{fc.FC, fc.Lambda} {
		t.Run(string(on), func(t *testing.T) {
			p := newPlatform(t, on, 0)
			p.fill(t, 1500)
			rep := p.run(t, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.ShardKeys = 100, 500 })
			if rep.Result != pipeline.ResultVerified || rep.Objects.Verified != 1500 || !rep.Balanced {
				t.Errorf("%+v, want 1,500 verified\n%s", rep.Summary, tail(p.logs.String()))
			}
			k := p.kodo.Desk().Counts()
			if k["get"] != 1500 || p.data["put"] != 1500 {
				t.Errorf("%d GETs and %d PUTs, want one of each an object", k["get"], p.data["put"])
			}
			t.Logf("%s: %.1f s, Kodo %v, OSS %v, ledger %v, MNS %v", on, rep.Seconds, k, p.data, p.ledger, p.mns.Desk().Counts())
			for name, s := range p.cloud.Stats() {
				t.Logf("%s: %d invocations, %d failed, %d cold starts, first answers %v", name, s.Invocations, s.Failures, s.ColdStarts, s.FirstAnswers)
			}
		})
	}
}

func TestARunThroughABadQueueEndsVerified(t *testing.T) {
	const objects = 2000
	p := newPlatform(t, fc.FC, 3*time.Second)
	p.fill(t, objects)
	p.mns.Misbehave(mns.Misbehaviour{Duplicate: 0.2, Lose: 0.05, Late: 0.2, LateBy: 3 * time.Second})
	kills := make(chan int)
	go func() {
		n := 0
		for deadline := time.Now().Add(time.Minute); n < 2 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if p.puts() > objects/4*(n+1) && p.cloud.Kill("ferry-copy") {
				n++
			}
		}
		kills <- n
	}()
	rep := p.run(t, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.ShardKeys = 15, 400 })
	killed, bad := <-kills, p.mns.Injected()
	t.Logf("%d duplicated, %d lost, %d late messages, %d instances killed in mid-task; %.1f s, MNS %v", bad.Duplicated, bad.Lost, bad.Late, killed, rep.Seconds, p.mns.Desk().Counts())
	if rep.Result != pipeline.ResultVerified || rep.Objects.Verified != objects || !rep.Balanced {
		t.Errorf("%+v, balanced %v, want %d verified\n%s", rep.Summary, rep.Balanced, objects, tail(p.logs.String()))
	}
	if killed != 2 || bad.Duplicated == 0 || bad.Lost == 0 || bad.Late == 0 {
		t.Errorf("%d killed, %+v, want two and some of each", killed, bad)
	}
	for key, want := range p.bodies {
		if o, ok := p.oss.Get("photos-new", key); !ok || !bytes.Equal(o.Body, want) {
			t.Fatalf("%s is not in the target as it is in the source", key)
		}
	}
}

func (w *world) puts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.data["put"]
}

// BenchmarkFunctions moves 50,000 small objects through the functions, and
// tells what that costs: go test -bench Functions -benchtime 1x ./shared/app
func BenchmarkFunctions(b *testing.B) {
	const objects = 50_000
	for b.Loop() {
		p := newPlatform(b, fc.FC, 0)
		p.fill(b, objects)
		rep := p.run(b)
		if rep.Result != pipeline.ResultVerified || rep.Objects.Verified != objects {
			b.Fatalf("%+v, want %d verified", rep.Summary, objects)
		}
		kodo, queues := p.kodo.Desk().Counts(), p.mns.Desk().Counts()
		b.ReportMetric(rep.Seconds, "s/run")
		b.ReportMetric(float64(objects)/rep.Seconds, "objects/s")
		b.ReportMetric(float64(kodo["get"])/objects, "GETs/object")
		b.ReportMetric(float64(p.data["put"])/objects, "PUTs/object")
		b.ReportMetric(float64(sum(p.ledger)), "ledger-requests")
		b.ReportMetric(float64(queues["send"]), "sends")
		b.Logf("Kodo %v, OSS %v, ledger %v, MNS %v", kodo, p.data, p.ledger, queues)
		for name, s := range p.cloud.Stats() {
			b.Logf("%s: %d invocations, %d cold starts", name, s.Invocations, s.ColdStarts)
		}
	}
}

// BenchmarkColdStart tells how long it takes until a function that has no
// instance yet has answered its first invocation.
func BenchmarkColdStart(b *testing.B) {
	p := deployed(b, fc.FC)
	dir, err := built()
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		name := fmt.Sprint("cold-", n)
		if err := p.cloud.Deploy(fc.Function{Name: name, Binary: filepath.Join(dir, "copy"), Env: p.env}); err != nil {
			b.Fatal(err)
		}
		if _, err := p.cloud.Invoke(b.Context(), name, []byte(`{"v":1,"kind":"none"}`)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheKeysOfARoleAreTheNewest(t *testing.T) {
	const last = 2 * time.Second // so long keys are good: longer than a task here, shorter than the run
	var issued atomic.Int64
	p := newPlatform(t, fc.FC, 0, func(p *platform, f *fc.Function) {
		delete(f.Env, "ALIBABA_CLOUD_ACCESS_KEY_ID")
		delete(f.Env, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
		f.Credentials = func() fc.Credentials {
			c := fc.Credentials{AccessKeyID: fmt.Sprint("STS.", issued.Add(1)), AccessKeySecret: "s", SecurityToken: "t"}
			until := time.Now().Add(last)
			p.oss.AddCredential(oss.Credential{ID: c.AccessKeyID, Secret: "s", Token: "t", Expires: until})
			p.mns.AddCredential(mns.Credential{ID: c.AccessKeyID, Secret: "s", Token: "t", Expires: until})
			return c
		}
	})
	p.fill(t, 200)
	p.mns.Misbehave(mns.Misbehaviour{Late: 1, LateBy: last})
	rep := p.run(t, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.ShardKeys = 50, 100 })
	if rep.Result != pipeline.ResultVerified || rep.Seconds < (2*last).Seconds() {
		t.Errorf("%+v, want it verified, in a run of more than %s", rep.Summary, 2*last)
	}
	if n := issued.Load(); n < 10 {
		t.Errorf("%d keys issued, want each invocation to have its own", n)
	}
}
