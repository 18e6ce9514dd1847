//go:build unix

package fc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/fc/testdata/behave"
)

// binaries holds the test functions, one for each platform and named as it.
var binaries string

func TestMain(m *testing.M) {
	if helping() {
		return
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "fc-test-")
		if err != nil {
			log.Print(err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./testdata/fc", "./testdata/lambda", "./testdata/custom")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			log.Print("the test functions do not build: ", err)
			return 1
		}
		binaries = dir
		return m.Run()
	}())
}

var platforms = []fc.Platform{fc.FC, fc.Lambda}

// eachPlatform runs a test for each of the platforms, side by side.
func eachPlatform(t *testing.T, test func(t *testing.T, p fc.Platform)) {
	t.Parallel()
	for _, p := range platforms {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

func cloud(t *testing.T, cfg fc.Config) *fc.Cloud {
	t.Helper()
	c, err := fc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// deploy deploys the test function as "f", on FC if f names no platform.
func deploy(t *testing.T, c *fc.Cloud, f fc.Function) {
	t.Helper()
	if f.Name == "" {
		f.Name = "f"
	}
	if f.Platform == "" {
		f.Platform = fc.FC
	}
	if f.Timeout == 0 {
		f.Timeout = time.Minute
	}
	f.Binary = filepath.Join(binaries, string(f.Platform))
	if err := c.Deploy(f); err != nil {
		t.Fatal(err)
	}
}

// one is a cloud with the test function as "f".
func one(t *testing.T, f fc.Function) *fc.Cloud {
	t.Helper()
	c := cloud(t, fc.Config{})
	deploy(t, c, f)
	return c
}

func command(c behave.Command) []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return b
}

// ask has the function do something and report.
func ask(t *testing.T, c *fc.Cloud, do behave.Command) behave.Report {
	t.Helper()
	do.Report = true
	r, err := tryAsk(c, do)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryAsk(c *fc.Cloud, do behave.Command) (r behave.Report, err error) {
	do.Report = true
	body, err := c.Invoke(context.Background(), "f", command(do))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(body, &r)
}

func failureOf(t *testing.T, err error) *fc.Failure {
	t.Helper()
	f, ok := errors.AsType[*fc.Failure](err)
	if !ok {
		t.Fatalf("the error is %v, want a *fc.Failure", err)
	}
	return f
}

// eventually waits until what is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// alive reports whether a process runs, or stands still. One that ended and
// that nobody waited for (in a container without an init) does not count.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if _, rest, ok := bytes.Cut(stat, []byte(") ")); err == nil && ok && rest[0] == 'Z' {
		return false
	}
	return syscall.Kill(pid, 0) == nil
}

// queue is an at-least-once queue in memory.
type queue struct {
	visibility time.Duration // 0 is an hour

	mu       sync.Mutex
	serial   int
	messages []*message
	asked    []int // what each Receive wanted at most
	broken   error // of Receive and Send
}

type message struct {
	fc.Message
	visible time.Time
}

func (q *queue) Send(body []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken != nil {
		return q.broken
	}
	q.serial++
	q.messages = append(q.messages, &message{Message: fc.Message{ID: fmt.Sprintf("M%d", q.serial), Body: bytes.Clone(body), Sent: time.Now()}})
	return nil
}

func (q *queue) Receive(ctx context.Context, most int, wait time.Duration) ([]fc.Message, error) {
	q.mu.Lock()
	q.asked = append(q.asked, most)
	q.mu.Unlock()
	for end := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		got, err := q.take(most)
		if err != nil || len(got) > 0 || ctx.Err() != nil || time.Now().After(end) {
			return got, err
		}
	}
}

func (q *queue) take(most int) (got []fc.Message, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	hidden := q.visibility
	if hidden == 0 {
		hidden = time.Hour
	}
	for _, m := range q.messages {
		if len(got) < most && time.Now().After(m.visible) {
			m.visible = time.Now().Add(hidden)
			m.Dequeues++
			m.Receipt = fmt.Sprintf("%s/%d", m.ID, m.Dequeues)
			got = append(got, m.Message)
		}
	}
	return got, q.broken
}

func (q *queue) Delete(receipt string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, m := range q.messages {
		if m.Receipt == receipt {
			q.messages = append(q.messages[:i], q.messages[i+1:]...)
			return nil
		}
	}
	return fmt.Errorf("no message has the receipt %q", receipt)
}

// bodies are those of the messages in the queue, visible or not.
func (q *queue) bodies() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []string
	for _, m := range q.messages {
		all = append(all, string(m.Body))
	}
	return strings.Join(all, " ")
}

func fill(t *testing.T, q *queue, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		if err := q.Send([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
}
