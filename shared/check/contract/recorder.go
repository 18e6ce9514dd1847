package contract

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
)

// recorder is a storetest.T and a queuetest.T that records the result of a case. It
// is safe for concurrent use.
type recorder struct {
	ctx context.Context

	mu       sync.Mutex
	failures []string
	skipped  string
	found    string
}

// run runs f to its end, to its first Fatalf, or to its Skipf. A panic is a failure:
// an answer had a form that the case does not handle.
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

// Helper does nothing.
func (r *recorder) Helper() {}

// Context returns the context of the case, which ends after timeLimit.
func (r *recorder) Context() context.Context { return r.ctx }

// Errorf records a failure.
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// Fatalf records a failure and ends the case.
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// Skipf records why the case cannot be tested, and ends it.
func (r *recorder) Skipf(format string, args ...any) {
	r.mu.Lock()
	r.skipped = fmt.Sprintf(format, args...)
	r.mu.Unlock()
	runtime.Goexit()
}

// see records the answer to a question.
func (r *recorder) see(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = fmt.Sprintf(format, args...)
}

// shownFailures is how many failures of a case its row has.
const shownFailures = 3

// text returns the failures in one line.
func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.failures[:min(len(r.failures), shownFailures)], "; ")
	if more := len(r.failures) - shownFailures; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
