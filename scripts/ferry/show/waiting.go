package show

import (
	"fmt"
	"io"
	"time"

	"kodoferry/shared/job"
)

// patience is how long a command may be silent.
const patience = 2 * time.Second

// Waiting prints on w what a command waits for where that takes longer than 2 seconds. over is
// to be called when it has come, and returns once nothing is printed any more.
func Waiting(w io.Writer, what string) (over func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-time.After(patience):
			_, _ = fmt.Fprintf(w, "ferry: waiting to hear %s…\n", what) // a failed write stops nothing
		case <-done:
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// Remarks prints what is odd about a job that is run all the same.
func Remarks(w io.Writer, j job.Job) {
	for _, r := range j.Remarks() {
		_, _ = fmt.Fprintf(w, "note: %s\n", r.Says) // a failed write stops nothing
	}
}
