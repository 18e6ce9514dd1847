package standins

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/task"
)

// MissingError says that there are no executables of the functions, and how to make them.
type MissingError struct{ err error }

func (e MissingError) Error() string { return e.err.Error() }

// Unwrap returns what the build said.
func (e MissingError) Unwrap() error { return e.err }

// Binaries returns the directory of the functions' executables: the one that the options
// name, or a new one with what the source around this process builds, before which it
// calls building. remove deletes a new one. A MissingError is what it lacks.
func (w *World) Binaries(ctx context.Context, building func()) (dir string, remove func(), err error) {
	remove = func() {}
	if dir = w.Options.Functions; dir == "" {
		if dir, err = os.MkdirTemp("", "ferry-functions-"); err != nil {
			return "", remove, err
		}
		remove = func() { _ = os.RemoveAll(dir) }
		building()
		build := exec.CommandContext(ctx, "go", "build", "-o", dir, "kodoferry/functions/...")
		if out, err := build.CombinedOutput(); err != nil {
			remove()
			return "", func() {}, MissingError{fmt.Errorf("the functions cannot be built here: run this inside a checkout of Ferry with Go installed, or name a directory of built ones with --functions (%w: %s)", err, strings.TrimSpace(string(out)))}
		}
	}
	for _, name := range w.functions() {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			remove()
			return "", func() {}, MissingError{fmt.Errorf("--functions %s: no executable %s in it: go build -o %s ./functions/... makes it", dir, name, dir)}
		}
	}
	return dir, remove, nil
}

// pulls is the function that receives its messages itself.
const pulls = "pull"

// functions are the names of those that Deploy deploys.
func (w *World) functions() (names []string) {
	for _, s := range task.Stages {
		names = append(names, string(s))
	}
	if w.Options.Pull {
		names = append(names, pulls)
	}
	return names
}

// Functions says how the functions of a World run.
type Functions struct {
	Dir       string // of their executables
	Env       map[string]string
	AtOnce    int                         // the most instances of each, and messages that its stream delivers at a time; 0 is 4
	Instances int                         // the most instances of all; 0 is 100
	Sweep     time.Duration               // how often lost tasks are looked for; a deployment's own waits half an hour
	KeysLast  func() time.Duration        // how long the temporary keys of the next invocation are valid
	Lifetime  time.Duration               // how old instances get; 0: any age
	Log       func(name string) io.Writer // gets the log of the function of that name
}

// KeysLast is how long temporary keys of a role are valid.
const KeysLast = 15 * time.Minute

// pullAfter is how long the timer waits before it starts one more invocation that pulls; a
// deployment's own waits a minute.
const pullAfter = time.Second

// Deploy starts the platform, deploys the functions and binds the queues and the sweeper to
// them. end stops the platform.
func (w *World) Deploy(f Functions) (end func(), err error) {
	if w.Cloud, err = fc.New(fc.Config{SerialStreams: w.Options.SerialStreams, MaxInstances: f.Instances}); err != nil {
		return nil, err
	}
	if err := w.connect(f); err != nil {
		w.Cloud.Close()
		return nil, err
	}
	return w.Cloud.Close, nil
}

func (w *World) connect(f Functions) error {
	on := fc.Platform(w.Options.Platform)
	f.AtOnce = cmp.Or(f.AtOnce, 4)
	env := maps.Clone(f.Env)
	if on == fc.Lambda { // its role is one of AWS: keys of the other cloud are configured
		env["ALIBABA_CLOUD_ACCESS_KEY_ID"], env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = AccessKey, SecretKey
	}
	for _, name := range w.functions() {
		err := w.Cloud.Deploy(fc.Function{
			Name: Queues + name, Binary: filepath.Join(f.Dir, name), Env: env, Platform: on, Timeout: 5 * time.Minute, Memory: 512,
			MaxInstances: f.AtOnce, Credentials: func() fc.Credentials { return w.roleKeys(f.KeysLast()) }, Lifetime: f.Lifetime, Log: f.Log(name),
		})
		if err != nil {
			return err
		}
	}
	for _, name := range app.QueueNames {
		if w.Options.Pull && name == string(task.Copying) {
			continue
		}
		if _, err := w.Cloud.Stream(w.stream(name, f.AtOnce)); err != nil {
			return err
		}
	}
	if w.Options.Pull {
		if _, err := w.Cloud.Timer(fc.TimerConfig{Name: pulls, Function: Queues + pulls, Payload: string(task.Copying), Every: pullAfter}); err != nil {
			return err
		}
	}
	_, err := w.Cloud.Timer(fc.TimerConfig{Name: "sweep", Function: Queues + string(task.Verifying), Payload: sweepPayload(on, f.Sweep), Every: f.Sweep})
	return err
}

func sweepPayload(on fc.Platform, after time.Duration) string {
	if on == fc.Lambda { // a rule's constant input is the whole event
		return fmt.Sprintf(`{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"sweep","payload":%q}`, after)
	}
	return after.String()
}

// roleKeys issues the temporary keys of one invocation.
func (w *World) roleKeys(last time.Duration) fc.Credentials {
	id := fmt.Sprintf("STS.demo%d", w.issued.Add(1))
	return fc.Credentials{AccessKeyID: id, AccessKeySecret: SecretKey, SecurityToken: w.Issue(id, last)}
}

// Lines returns a writer that calls line for each line that is written, without its end.
// It may be written to by several goroutines; line is called by one at a time.
func Lines(line func([]byte)) io.Writer { return &lines{line: line} }

type lines struct {
	line func([]byte)
	mu   sync.Mutex
	part []byte // of a line whose end is not written yet
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.line(line)
		l.part = bytes.Clone(rest)
	}
}
