package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
)

// The platforms that a demo can run on.
const (
	inProcess  = "process"
	onFC       = "fc"
	onLambda   = "lambda"
	lookEvery  = time.Second      // at the ledger, for progress
	keysLast   = 15 * time.Minute // a role's temporary keys
	visibility = 20 * time.Second // of a message at work: so long Lambda waits before it delivers again
)

// binaries returns the directory of the functions' executables: the one given,
// or a new one with what the source next to this process builds.
func (w *demoWorld) binaries(ctx context.Context) (dir string, remove func(), err error) {
	remove = func() {}
	if dir = w.options.functions; dir == "" {
		if dir, err = os.MkdirTemp("", "ferry-functions-"); err != nil {
			return "", remove, err
		}
		remove = func() { _ = os.RemoveAll(dir) }
		w.tell.Plain("  building the functions …")
		build := exec.CommandContext(ctx, "go", "build", "-o", dir, "kodoferry/functions/...")
		if out, err := build.CombinedOutput(); err != nil {
			remove()
			return "", func() {}, usageError{fmt.Errorf("the functions cannot be built here: run this inside a checkout of Ferry with Go installed, or name a directory of built ones with --functions (%w: %s)", err, strings.TrimSpace(string(out)))}
		}
	}
	for _, name := range w.functions() {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			remove()
			return "", func() {}, usageError{fmt.Errorf("--functions %s: no executable %s in it: go build -o %s ./functions/... makes it", dir, name, dir)}
		}
	}
	return dir, remove, nil
}

// pulls is the function that receives its messages itself.
const pulls = "pull"

// functions are the names of those that the demo deploys.
func (w *demoWorld) functions() (names []string) {
	for _, s := range task.Stages {
		names = append(names, string(s))
	}
	if w.options.pull {
		names = append(names, pulls)
	}
	return names
}

// moveByFunctions moves the bucket through the functions' own binaries, as
// their platform runs them.
func (w *demoWorld) moveByFunctions(ctx context.Context) (run demoRun, err error) {
	dir, remove, err := w.binaries(ctx)
	if err != nil {
		return run, err
	}
	defer remove()
	if w.cloud, err = fc.New(fc.Config{SerialStreams: w.options.serialStreams}); err != nil {
		return run, err
	}
	defer w.cloud.Close()
	j, err := w.job()
	if err != nil {
		return run, err
	}
	env := map[string]string{
		"QINIU_ACCESS_KEY": demoKey, "QINIU_SECRET_KEY": demoSecret,
		"FERRY_LEDGER": j.Ledger.String(), "FERRY_QUEUES": w.queuesLocation(), "FERRY_PAUSE": "1s", "FERRY_PULL_INSTANCES": "2",
	}
	if err := w.connect(dir, env); err != nil {
		return run, err
	}
	cfg := app.Load(func(name string) string {
		return map[string]string{
			"ALIBABA_CLOUD_ACCESS_KEY_ID": demoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": demoSecret,
			"AWS_ACCESS_KEY_ID": demoKey, "AWS_SECRET_ACCESS_KEY": demoSecret,
		}[name] + env[name]
	})
	d, err := cfg.Deploy(slog.New(slog.DiscardHandler))
	if err != nil {
		return run, err
	}
	w.trouble()
	w.tell.Begin()
	name, err := d.Start(ctx, j, nil, time.Now())
	if err == nil {
		err = w.follow(ctx, d.Ledger().Run(name))
	}
	w.tell.End()
	w.calm()
	if err != nil {
		return run, err
	}
	if run.report, err = report.Read(ctx, d.Ledger().Run(name)); err != nil {
		return run, err
	}
	return run, run.read(ctx, d.Ledger().Run(name))
}

// connect deploys the functions and binds the queues and the sweeper to them.
func (w *demoWorld) connect(dir string, env map[string]string) error {
	on := fc.Platform(w.options.platform)
	for _, name := range w.functions() {
		f := fc.Function{
			Name: demoQueues + name, Binary: filepath.Join(dir, name), Env: env, Platform: on, Timeout: 5 * time.Minute, Memory: 512,
			MaxInstances: 4, Credentials: w.roleKeys, Lifetime: w.lifetime, Log: w.heard(name),
		}
		if on == fc.Lambda { // its role is one of AWS: keys of the other cloud are configured
			f.Env = map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": demoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": demoSecret}
			for k, v := range env {
				f.Env[k] = v
			}
		}
		if err := w.cloud.Deploy(f); err != nil {
			return err
		}
	}
	for _, name := range app.QueueNames {
		if w.options.pull && name == string(task.Copying) {
			continue
		}
		if _, err := w.cloud.Stream(w.stream(name)); err != nil {
			return err
		}
	}
	if w.options.pull {
		if _, err := w.cloud.Timer(fc.TimerConfig{Name: pulls, Function: demoQueues + pulls, Payload: string(task.Copying), Every: pullAfter}); err != nil {
			return err
		}
	}
	_, err := w.cloud.Timer(fc.TimerConfig{Name: "sweep", Function: demoQueues + string(task.Verifying), Payload: sweepPayload(on, w.sweep), Every: w.sweep})
	return err
}

// sweepAfter is how long the demo's sweeper waits before it takes what no
// record answers for as lost; the deployment's own waits half an hour.
const sweepAfter = 10 * time.Second

// pullAfter is how long the demo's timer waits before it starts one more
// invocation that pulls; the deployment's own waits a minute.
const pullAfter = time.Second

func sweepPayload(on fc.Platform, after time.Duration) string {
	if on == fc.Lambda { // a rule's constant input is the whole event
		return fmt.Sprintf(`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"sweep","payload":%q}`, after)
	}
	return after.String()
}

// roleKeys issues the temporary keys of one invocation.
func (w *demoWorld) roleKeys() fc.Credentials {
	w.mu.Lock()
	w.issued++
	id := fmt.Sprintf("STS.demo%d", w.issued)
	w.mu.Unlock()
	w.issue(id, w.keysLast())
	return fc.Credentials{AccessKeyID: id, AccessKeySecret: demoSecret, SecurityToken: "token-of-" + id}
}

// issue lets temporary keys sign for so long. Their token is made of their id.
func (w *demoWorld) issue(id string, last time.Duration) {
	until := time.Now().Add(last)
	w.oss.AddCredential(oss.Credential{ID: id, Secret: demoSecret, Token: "token-of-" + id, Expires: until.Add(w.clocks.target)})
	w.addKeys(id, "token-of-"+id, until.Add(w.clocks.queues))
}

// follow shows how far the run is until it is over.
func (w *demoWorld) follow(ctx context.Context, run *ledger.Run) error {
	for {
		p, err := run.Glance(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !fault.Retryable(err):
			return err
		case err == nil:
			w.tell.Stands(&p)
			if p.Reported {
				return nil
			}
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// killInstance ends a copy function in mid-task once a share of the objects is
// there, from a goroutine of its own: the store that it counts must go on.
func (w *demoWorld) killInstance() {
	if !w.killed.CompareAndSwap(false, true) {
		return
	}
	go func() {
		for range 200 {
			w.mu.Lock()
			stored := w.stores
			w.mu.Unlock()
			if w.cloud.Kill(demoQueues + string(task.Copying)) {
				w.mu.Lock()
				w.died = kill{stored: stored}
				w.mu.Unlock()
				w.happened("an instance of the copy function is killed in mid-task, with %s stored; its message is delivered again", words.Count(int64(stored), "object", "objects"))
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
}

// functionLog takes the lines of a function's log and tells of the faults in
// them, as the pipeline itself does in this process.
type functionLog struct {
	world *demoWorld
	mu    sync.Mutex
	part  []byte
}

func (l *functionLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.tell(line)
		l.part = bytes.Clone(rest)
	}
}

func (l *functionLog) tell(line []byte) {
	_, text, found := bytes.Cut(line, []byte("{"))
	var said struct {
		Msg, Key, Fault, Err string
	}
	if !found || json.Unmarshal(append([]byte("{"), text...), &said) != nil || said.Msg != "object not copied" {
		return
	}
	op, _, _ := strings.Cut(said.Err, " ")
	l.world.met(said.Key, fault.New(fault.Kind(said.Fault), op, said.Key, errors.New(said.Err)))
}

// job is the migration, in tasks so small that a small bucket shows what a big one does.
func (w *demoWorld) job() (job.Job, error) {
	return job.New(w.sourceLocation(demoSource), w.targetLocation(demoTarget, ""), "", func(j *job.Job) {
		j.Name = "demo"
		j.Limits.ShardKeys = int64(max(w.options.objects/4, 50))
		j.Limits.BatchObjects = 100
	})
}
