package app_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/binaries"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/journal"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/sqs"
	"kodoferry/shared/emulator/testmain"
	"kodoferry/shared/limit/capacity"
	"kodoferry/shared/task"
)

// built is the directory of the functions' binaries.
var built = sync.OnceValues(func() (string, error) { return binaries.Build("kodoferry/functions/...") })

func TestMain(m *testing.M) { os.Exit(testmain.Run(m)) }

// roomy is what a process has beside which stand-ins hold 200 MiB: within the memory of one
// that copies alone, it would collect without end. One limit holds for all tests at work.
var roomy = capacity.Process(1 << 30)

// platform is a world with queues and functions.
type platform struct {
	*world
	on     fc.Platform
	mns    *mns.Server // the queues of functions on Function Compute
	sqs    *sqs.Server // those of functions on Lambda
	cloud  *fc.Cloud
	env    map[string]string // of the functions
	deploy *app.Deployment
	logs   *journal.Journal
}

const visibility = 20 * time.Second

// newPlatform is a whole deployment; sweep is how often lost tasks are looked for, 0 never.
func newPlatform(t testing.TB, on fc.Platform, sweep time.Duration, change ...func(*platform, *fc.Function)) *platform {
	t.Helper()
	p := deployed(t, on, change...)
	p.connectAll(t)
	if sweep > 0 {
		payload := sweep.String()
		if on == fc.Lambda { // a schedule's input is the whole event
			payload = fmt.Sprintf(`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"sweep","payload":%q}`, sweep)
		}
		if _, err := p.cloud.Timer(fc.TimerConfig{Name: "sweep", Function: "ferry-verify", Payload: payload, Every: sweep}); err != nil {
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
	p := &platform{world: newWorld(t), on: on, logs: &journal.Journal{}}
	queues := p.queues(t)
	if p.cloud, err = fc.New(fc.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.cloud.Close)
	p.env = map[string]string{
		"FERRY_LEDGER": p.ledgerAt(), "FERRY_PAUSE": "1s",
		"FERRY_QUEUES":     queues,
		"QINIU_ACCESS_KEY": "ak", "QINIU_SECRET_KEY": "sk",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
	}
	if p.deploy, err = app.Load(func(k string) string { return p.env[k] + lambdaRole[k] }).Deploy(slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for _, s := range task.Stages {
		name := "ferry-" + string(s)
		f := fc.Function{
			Name: name, Binary: filepath.Join(dir, string(s)), Env: maps.Clone(p.env), Platform: on, Timeout: 60 * time.Second, Memory: 512, MaxInstances: 4, Log: p.logs,
		}
		p.assume(&f)
		for _, set := range change {
			set(p, &f)
		}
		if err := p.cloud.Deploy(f); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// lambdaRole is what Lambda sets of a function's role; nobody else may.
var lambdaRole = map[string]string{"AWS_ACCESS_KEY_ID": "aws", "AWS_SECRET_ACCESS_KEY": "aws-secret"}

// assume gives f the role of its platform.
func (p *platform) assume(f *fc.Function) {
	if p.on == fc.Lambda {
		f.Credentials = func() fc.Credentials {
			return fc.Credentials{AccessKeyID: lambdaRole["AWS_ACCESS_KEY_ID"], AccessKeySecret: lambdaRole["AWS_SECRET_ACCESS_KEY"]}
		}
	}
}

// queues starts the queues' service of the platform, makes them, and returns
// where they are.
func (p *platform) queues(t testing.TB) string {
	t.Helper()
	var err error
	var endpoint, at string
	if p.on == fc.Lambda {
		if p.sqs, err = sqs.Start(sqs.Config{AccessKeyID: "aws", SecretAccessKey: "aws-secret", Region: "eu-central-1", Seed: 1}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.sqs.Close() })
		endpoint, at = p.sqs.Endpoint(), "sqs://"+p.sqs.Account()+"/ferry-?region=eu-central-1"
	} else {
		if p.mns, err = mns.Start(mns.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 1}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.mns.Close() })
		endpoint, at = p.mns.Endpoint(), "mns://"+p.mns.Account()+"/ferry-?region=cn-hangzhou"
	}
	for _, name := range app.QueueNames {
		if p.on != fc.Lambda {
			err = p.mns.CreateQueue("ferry-"+name, mns.Attributes{Visibility: visibility})
		} else if name == "dead" {
			err = p.sqs.CreateQueue("ferry-dead", sqs.Attributes{Visibility: visibility})
		} else {
			err = p.sqs.CreateQueue("ferry-"+name, sqs.Attributes{Visibility: visibility, DeadLetter: "ferry-dead", MaxReceive: 10})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return at + "&insecure=true&endpoint=" + url.QueryEscape(endpoint)
}

// requests counts those to the queues' service.
func (p *platform) requests() map[string]int64 {
	if p.on == fc.Lambda {
		return p.sqs.Desk().Counts()
	}
	return p.mns.Desk().Counts()
}

// connectAll puts every queue before its function.
func (p *platform) connectAll(t testing.TB) {
	t.Helper()
	for _, s := range task.Stages {
		p.stream(t, string(s), "ferry-"+string(s))
	}
	p.stream(t, "dead", "ferry-verify")
}

func (p *platform) stream(t testing.TB, queue, function string) {
	t.Helper()
	c := fc.StreamConfig{Name: "ferry-" + queue, Function: function, Consumers: 4}
	if p.on == fc.Lambda { // its queues bury what was received too often themselves
		c.Queue, c.PartialBatch = fc.SQS(p.sqs, c.Name), true
	} else {
		c.Queue = fc.MNS(p.mns, c.Name)
		if queue != "dead" {
			c.DeadLetter = fc.MNS(p.mns, "ferry-dead")
		}
		c.Retry = fc.Retry{Attempts: 5, Backoff: func(int) time.Duration { return 500 * time.Millisecond }}
	}
	if _, err := p.cloud.Stream(c); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ledgerAt() string {
	return "oss://ledger-bucket/.ferry/?region=cn-hangzhou&insecure=true&endpoint=" + url.QueryEscape(w.oss.Endpoint())
}
