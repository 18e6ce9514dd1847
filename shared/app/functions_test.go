package app_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// run starts a run and waits for its report.
func (p *platform) run(t testing.TB, set ...func(*job.Job)) report.Report {
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
func (p *platform) report(t testing.TB, run *ledger.Run) report.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		rep, err := report.Read(ctx, run)
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
	t.Parallel()
	for _, on := range []fc.Platform{fc.FC, fc.Custom, fc.Lambda} {
		t.Run(string(on), func(t *testing.T) {
			p := newPlatform(t, on, 0)
			p.fill(t, 1500)
			rep := p.run(t, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.ShardKeys = 100, 500 })
			if rep.Result != report.Verified || rep.Objects.Verified != 1500 || !rep.Balanced {
				t.Errorf("%+v, want 1,500 verified\n%s", rep.Summary, tail(p.logs.String()))
			}
			k := p.kodo.Desk().Counts()
			if k["get"] != 1500 || p.data["put"] != 1500 {
				t.Errorf("%d GETs and %d PUTs, want one of each an object", k["get"], p.data["put"])
			}
			t.Logf("%s: %.1f s, Kodo %v, OSS %v, ledger %v, queues %v", on, rep.Seconds, k, p.data, p.ledger, p.requests())
			for name, s := range p.cloud.Stats() {
				t.Logf("%s: %d invocations, %d failed, %d cold starts, first answers %v", name, s.Invocations, s.Failures, s.ColdStarts, s.FirstAnswers)
			}
		})
	}
}

func TestARunThroughABadQueueEndsVerified(t *testing.T) {
	t.Parallel() // most of it is waiting
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
	if rep.Result != report.Verified || rep.Objects.Verified != objects || !rep.Balanced {
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
		if rep.Result != report.Verified || rep.Objects.Verified != objects {
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
	t.Parallel()
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
	if rep.Result != report.Verified || rep.Seconds < (2*last).Seconds() {
		t.Errorf("%+v, want it verified, in a run of more than %s", rep.Summary, 2*last)
	}
	if n := issued.Load(); n < 10 {
		t.Errorf("%d keys issued, want each invocation to have its own", n)
	}
}
