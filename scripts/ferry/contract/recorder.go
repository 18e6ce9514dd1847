package contract

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
)

// recorder stands in for a test: it is a storetest.T and a queuetest.T.
type recorder struct {
	ctx context.Context

	mu       sync.Mutex
	failures []string
	skipped  string
	found    string
}

// run runs f to its end, to its first Fatalf, or to its Skipf. A case that
// panics has failed: an answer was not what it took for granted.
func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("the answer was not of the expected form: %v", p)
			}
		}()
		f()
	}()
	<-done
}

// Helper is for go test alone.
func (r *recorder) Helper() {}

// Context ends when the time is up.
func (r *recorder) Context() context.Context { return r.ctx }

// Errorf notes a failure.
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// Fatalf notes a failure and ends the case.
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// Skipf notes why the case cannot be asked, and ends it.
func (r *recorder) Skipf(format string, args ...any) {
	r.mu.Lock()
	r.skipped = fmt.Sprintf(format, args...)
	r.mu.Unlock()
	runtime.Goexit()
}

// see notes what was seen.
func (r *recorder) see(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = fmt.Sprintf(format, args...)
}

// shownFailures is how many failures of a case its row tells.
const shownFailures = 3

// text is what failed, in one line.
func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.failures[:min(len(r.failures), shownFailures)], "; ")
	if more := len(r.failures) - shownFailures; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
