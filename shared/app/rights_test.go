package app_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/check"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/mns"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/ram"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/report"
	"kodoferry/shared/rights"
	"kodoferry/shared/task"
)

// ruled is a platform whose functions, and who starts runs, have the rights that
// are granted them and no others.
type ruled struct {
	*platform
	policies map[rights.Role]*ram.Policy
}

// policed parses the policies of j's places as RAM would, and gives each role keys.
func policed(t *testing.T, w *world, queues job.Location) map[rights.Role]*ram.Policy {
	t.Helper()
	target, terr := job.ParseLocation(w.dst)
	ledger, lerr := job.ParseLocation(w.ledgerAt())
	grants, err := rights.Of(rights.Places{Target: target, Ledger: ledger, Queues: queues})
	if terr != nil || lerr != nil || err != nil {
		t.Fatal(terr, lerr, err)
	}
	policies := map[rights.Role]*ram.Policy{}
	for _, g := range grants {
		document, err := g.Policy.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if policies[g.Role], err = ram.Parse(document); err != nil {
			t.Fatalf("%s: %v", g.Role, err)
		}
		w.oss.AddCredential(oss.Credential{ID: string(g.Role), Secret: "of-that-role", Token: "of-an-hour", Policy: policies[g.Role]})
	}
	return policies
}

func newRuled(t *testing.T) *ruled {
	t.Helper()
	r := &ruled{}
	r.platform = deployed(t, fc.FC, func(_ *platform, f *fc.Function) {
		delete(f.Env, "ALIBABA_CLOUD_ACCESS_KEY_ID")
		delete(f.Env, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
		f.Env["FERRY_PAUSE"] = "200ms"
		keys := fc.Credentials{AccessKeyID: strings.TrimPrefix(f.Name, "ferry-"), AccessKeySecret: "of-that-role", SecurityToken: "of-an-hour"}
		f.Credentials = func() fc.Credentials { return keys }
	})
	queues, err := job.ParseLocation(r.env["FERRY_QUEUES"])
	if err != nil {
		t.Fatal(err)
	}
	r.policies = policed(t, r.world, queues)
	for role, p := range r.policies {
		r.platform.mns.AddCredential(mns.Credential{ID: string(role), Secret: "of-that-role", Token: "of-an-hour", Policy: p})
	}
	r.deploy = r.as(t, rights.Operator)
	return r
}

// as is the deployment as one with that role sees it.
func (r *ruled) as(t *testing.T, role rights.Role) *app.Deployment {
	t.Helper()
	env := maps.Clone(r.env)
	env["ALIBABA_CLOUD_ACCESS_KEY_ID"], env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], env["ALIBABA_CLOUD_SECURITY_TOKEN"] = string(role), "of-that-role", "of-an-hour"
	d, err := app.Load(func(k string) string { return env[k] }).Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// big puts an object that goes in parts.
func (w *world) big(t *testing.T, key string, fill byte) {
	t.Helper()
	w.put(t, kodo.Object{Key: key, Body: bytes.Repeat([]byte{fill}, 9<<20), PutTime: time.Now().Add(-24 * time.Hour)})
}

func mirror(j *job.Job) {
	j.Delete, j.MaxDeleteShare, j.Limits.BatchObjects, j.Limits.ShardKeys, j.Limits.PartsAbove, j.Limits.PartSize = true, 1, 20, 100, 4<<20, 4<<20
}

// TestEveryRoleHasTheRightsItNeedsAndNoOthers lets a deployment live under the
// policies that `ferry policy` prints.
func TestEveryRoleHasTheRightsItNeedsAndNoOthers(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRuled(t)
	j, err := job.New(r.src, r.dst, r.ledgerAt())
	if err != nil {
		t.Fatal(err)
	}
	r.fill(t, 250)
	r.big(t, "big/0", 1)
	// More parts than one task takes.
	if err := r.kodo.Synthesize("photos", kodo.Synthetic{Count: 1, MinSize: 132 << 20, Prefix: "huge/"}); err != nil {
		t.Fatal(err)
	}
	if err := r.deploy.Check(t.Context(), j); err != nil {
		t.Fatalf("Check: %v", err)
	}
	r.firstRun(t)
	r.secondRun(t)
	r.deadParts(t)
	// Pull has a test of its own. Notifications are not done here; and streams
	// ask nobody, for the stand-in's take messages without requests.
	exact(t, rights.List, r.policies[rights.List], "oss:GetBucketVersioning")  // of a run that a timer begins
	exact(t, rights.Copy, r.policies[rights.Copy], "oss:ListMultipartUploads") // where a beginning was not answered
	exact(t, rights.Verify, r.policies[rights.Verify], "mns:BatchSendMessage") // of several tasks that a sweep finds lost at a time
	exact(t, rights.Delete, r.policies[rights.Delete])
	// What plans, checks, cleaning and taking up a run again need besides.
	exact(t, rights.Operator, r.policies[rights.Operator], "mns:BatchSendMessage", "oss:GetBucketWorm", "oss:GetObject", "oss:DeleteObject", "oss:AbortMultipartUpload", "oss:ListParts")
}

// exact fails where a role was denied anything, or never did what it may, but
// for some actions that the test does not come to.
func exact(t *testing.T, role rights.Role, p *ram.Policy, but ...string) {
	t.Helper()
	if denied := p.Denied(); len(denied) > 0 {
		t.Errorf("%s may not:\n\t%s", role, strings.Join(denied, "\n\t"))
	}
	for _, unused := range p.Unused() {
		if _, action, _ := strings.Cut(unused, " "); !slices.Contains(but, action) {
			t.Errorf("%s may do what it never did: statement and action %s", role, unused)
		}
	}
}

// firstRun copies everything, while messages get lost and are sent again, and
// one big object changes under its upload.
func (r *ruled) firstRun(t *testing.T) {
	r.connectAll(t)
	r.platform.mns.Misbehave(mns.Misbehaviour{Duplicate: 0.2, Lose: 0.1})
	sweep, err := r.cloud.Timer(fc.TimerConfig{Name: "sweep", Function: "ferry-verify", Payload: "1s", Every: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	r.oss.OnRequest(func(q oss.Request) {
		if q.Op == "put-part" && q.Key == "big/0" {
			once.Do(func() { r.big(t, "big/0", 99) })
		}
	})
	rep := r.run(t, mirror)
	r.oss.OnRequest(nil)
	r.platform.mns.Misbehave(mns.Misbehaviour{})
	sweep.Stop()
	if rep.Result != report.Verified || !rep.Balanced {
		t.Fatalf("%+v, want it verified\n%s", rep.Summary, tail(r.logs.String()))
	}
}

// secondRun finds what changed, and mirrors deletions.
func (r *ruled) secondRun(t *testing.T) {
	time.Sleep(1100 * time.Millisecond) // runs are named by the second
	for i := range 20 {
		for k := range 3 {
			r.kodo.Remove("photos", fmt.Sprintf("k/%05d", 100*k+i))
		}
		r.put(t, kodo.Object{Key: fmt.Sprintf("k/%05d", 50+i), Body: []byte("changed"), PutTime: time.Now()})
	}
	before := []byte("in the target before Ferry")
	r.put(t, kodo.Object{Key: "k/before", Body: before, PutTime: time.Now()})
	if err := r.oss.Put("photos-new", oss.Object{Key: "k/before", Body: before}); err != nil {
		t.Fatal(err)
	}
	rep := r.run(t, mirror)
	if rep.Result != report.Verified || rep.Objects.Deleted != 60 || rep.Objects.Copied != 20 {
		t.Fatalf("%+v, want 20 copied and 60 deleted\n%s", rep.Summary, tail(r.logs.String()))
	}
}

// deadParts lets the parts of an object fail and buries the task that would
// complete it. Meanwhile the application writes over what was copied, and a
// dead letter of a newer version comes.
func (r *ruled) deadParts(t *testing.T) {
	r.big(t, "big/dead", 7)
	r.put(t, kodo.Object{Key: "app", Body: []byte("the source's"), PutTime: time.Now().Add(-time.Hour)})
	r.oss.OnStored(func(bucket string, o oss.Object) {
		if o.Key == "app" && string(o.Body) == "the source's" {
			if err := r.oss.Put(bucket, oss.Object{Key: "app", Body: []byte("the application's")}); err != nil {
				t.Error(err)
			}
		}
	})
	r.oss.Desk().Inject(chaos.Rule{Op: "put-part", Kind: chaos.Status, Status: 500, Rate: 1, Key: "big/dead"})
	time.Sleep(1100 * time.Millisecond)
	j, err := job.New(r.src, r.dst, r.ledgerAt(), mirror)
	if err != nil {
		t.Fatal(err)
	}
	name, err := r.deploy.Start(t.Context(), j, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	run := r.deploy.Ledger().Run(name)
	uploads, batch := run.Path("uploads/"), ""
	for deadline := time.Now().Add(time.Minute); batch == ""; time.Sleep(20 * time.Millisecond) {
		for _, key := range r.oss.Keys("ledger-bucket") {
			if strings.HasPrefix(key, uploads) {
				batch = strings.TrimPrefix(key, uploads)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no upload was begun\n%s", tail(r.logs.String()))
		}
	}
	u, err := upload.Read(t.Context(), run, batch)
	if err != nil {
		t.Fatal(err)
	}
	dead := body(t, task.Task{Kind: task.Finish, Run: name, Shard: u.Shard, Batch: batch})
	if _, err := r.cloud.Invoke(t.Context(), "ferry-verify", event(t, "ferry-dead", dead)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.cloud.Invoke(t.Context(), "ferry-verify", event(t, "ferry-dead", `{"v":99}`)); err != nil {
		t.Fatal(err)
	}
	rep := r.report(t, run)
	r.oss.Desk().Inject()
	if rep.Objects.Failed != 1 || rep.Objects.Conflict != 1 || !rep.Balanced || r.oss.Uploads("photos-new") != 0 {
		t.Fatalf("%+v, %d uploads left, want one object failed, one in conflict and nothing left\n%s", rep.Summary, r.oss.Uploads("photos-new"), tail(r.logs.String()))
	}
}

// TestAPullerHasTheRightsItNeedsAndNoOthers copies through a process that polls
// the queue itself, in place of the function.
func TestAPullerHasTheRightsItNeedsAndNoOthers(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRuled(t)
	for _, s := range []task.Stage{task.Listing, task.Verifying, task.Deleting} {
		r.stream(t, string(s), "ferry-"+string(s))
	}
	r.fill(t, 40)
	r.big(t, "big/0", 1)
	var once sync.Once
	r.oss.OnRequest(func(q oss.Request) {
		if q.Op == "put-part" {
			once.Do(func() { r.big(t, "big/0", 99) })
		}
	})
	// So long that the message must be held.
	r.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 1500 * time.Millisecond, Key: "k/00000"})
	d := r.as(t, rights.Pull)
	ctx, stop := context.WithCancel(t.Context())
	var polled sync.WaitGroup
	polled.Go(func() { d.Worker(task.Copying).Poll(ctx, d.Queue(task.Copying), 2, 2*time.Second) })
	rep := r.run(t, mirror)
	stop()
	polled.Wait()
	if rep.Result != report.Verified || rep.Objects.Verified != 41 {
		t.Fatalf("%+v, want 41 verified", rep.Summary)
	}
	exact(t, rights.Pull, r.policies[rights.Pull], "oss:ListMultipartUploads",
		"mns:BatchSendMessage",   // of an object of more parts than one task takes, as in the function's test
		"mns:GetQueueAttributes") // asked before it begins
}

func TestOneProcessHasTheRightsItNeedsAndNoOthers(t *testing.T) {
	t.Parallel() // most of it is waiting
	w := newWorld(t)
	policy := policed(t, w, job.Location{})[rights.Here]
	w.config.OSSAccessKeyID, w.config.OSSAccessSecret, w.config.OSSSecurityToken = string(rights.Here), "of-that-role", "of-an-hour"
	w.fill(t, 50)
	j, err := job.New(w.src, w.dst, w.ledgerAt())
	if err != nil {
		t.Fatal(err)
	}
	asked, err := w.config.CheckSetup(j)
	if err != nil {
		t.Fatal(err)
	}
	asked.Found = func(f check.Finding) {
		if f.State != check.OK {
			t.Errorf("a check: %+v", f)
		}
	}
	if err := check.Run(t.Context(), asked); err != nil {
		t.Error(err)
	}
	w.big(t, "big/0", 1)
	w.big(t, "big/1", 1)
	var once sync.Once
	w.oss.OnRequest(func(q oss.Request) {
		if q.Op == "put-part" && q.Key == "big/1" {
			once.Do(func() { w.big(t, "big/1", 99) })
		}
	})
	for i := range 2 {
		// Processes of a run with limits tell each other that they live, by records with a tag.
		rep, err := w.copy(t, agent.CopyOptions{}, mirror, func(j *job.Job) { j.Limits.Requests = 5000 })
		if err != nil || rep.Result != report.Verified || rep.Objects.Deleted != int64(i) {
			t.Fatalf("%+v, %v, want it verified and %d deleted", rep.Summary, err, i)
		}
		w.kodo.Remove("photos", "k/00000")
		time.Sleep(1100 * time.Millisecond) // runs are named by the second
	}
	exact(t, rights.Here, policy, "oss:ListMultipartUploads", "oss:ListParts") // of uploads whose beginning was not answered, and of those that a clean finds
}
