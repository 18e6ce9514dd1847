package faas_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/emulator/journal"
)

// platform speaks the runtime API of Function Compute (paths below
// /2020-11-11) and of Lambda (below /2018-06-01), as their SDKs call them.
type platform struct {
	prefix  string // "/2020-11-11" or "/2018-06-01"
	timeout time.Duration
	jobs    chan job
	mu      sync.Mutex
	waiting map[string]chan answer
	n       int
}

type job struct {
	id      string
	event   []byte
	headers map[string]string
}

// answer is what a function sent back. failed tells /error from /response.
type answer struct {
	failed bool
	body   string
}

// variables name each platform's runtime API.
var variables = map[string]string{"/2020-11-11": "FC_RUNTIME_API", "/2018-06-01": "AWS_LAMBDA_RUNTIME_API"}

// start runs this test binary as a function of a platform, and returns the
// platform and what the function logs. Both end with the test.
func start(t testing.TB, prefix string) (*platform, *journal.Journal) {
	t.Helper()
	p := &platform{prefix: prefix, timeout: time.Minute, jobs: make(chan job), waiting: map[string]chan answer{}}
	srv := httptest.NewServer(p)
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{child + "=1", variables[prefix] + "=" + strings.TrimPrefix(srv.URL, "http://")}
	log := &journal.Journal{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // before the server ends: Function Compute's SDK asks again without a pause
		_ = cmd.Wait()
		srv.CloseClientConnections()
		srv.Close()
	})
	return p, log
}

// invoke hands event to the function and returns its answer.
func (p *platform) invoke(t testing.TB, event []byte, headers map[string]string) answer {
	t.Helper()
	p.mu.Lock()
	p.n++
	id := fmt.Sprintf("req-%d", p.n)
	done := make(chan answer, 1)
	p.waiting[id] = done
	p.mu.Unlock()
	out := time.After(20 * time.Second)
	select {
	case p.jobs <- job{id, event, headers}:
	case <-out:
		t.Error("the function did not ask for an invocation")
		return answer{}
	}
	select {
	case a := <-done:
		return a
	case <-out:
		t.Errorf("the function did not answer %s", id)
		return answer{}
	}
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, p.prefix+"/runtime/invocation/")
	id, what, _ := strings.Cut(rest, "/")
	switch {
	case !ok:
		http.NotFound(w, r)
	case r.Method == http.MethodGet && rest == "next":
		select {
		case j := <-p.jobs:
			p.hand(w, j)
		case <-r.Context().Done():
		}
	case r.Method == http.MethodPost && (what == "response" || what == "error"):
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		done, known := p.waiting[id]
		delete(p.waiting, id)
		p.mu.Unlock()
		if !known {
			http.Error(w, "answered before, or never asked", http.StatusBadRequest)
			return
		}
		if p.prefix == "/2018-06-01" {
			w.WriteHeader(http.StatusAccepted)
		}
		done <- answer{what == "error", string(body)}
	default:
		http.NotFound(w, r)
	}
}

func (p *platform) hand(w http.ResponseWriter, j job) {
	deadline := fmt.Sprint(time.Now().Add(p.timeout).UnixMilli())
	h := w.Header()
	if p.prefix == "/2018-06-01" {
		h.Set("Lambda-Runtime-Aws-Request-Id", j.id)
		h.Set("Lambda-Runtime-Deadline-Ms", deadline)
	} else {
		h.Set("x-fc-request-id", j.id)
		h.Set("x-fc-function-deadline", deadline)
		h.Set("x-fc-function-timeout", "60")
	}
	for k, v := range j.headers {
		h.Set(k, v)
	}
	_, _ = w.Write(j.event)
}
