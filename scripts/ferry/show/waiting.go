package show

import (
	"fmt"
	"io"
	"time"

	"kodoferry/shared/job"
)

// patience is how long a command may be silent.
const patience = 2 * time.Second

// What a command may wait for.
const (
	ForEnds       = "wait.ends"       // whether source and target answer
	ForPlaces     = "wait.places"     // and the ledger
	ForLedger     = "wait.ledger"     // whether the ledger does
	ForDeployment = "wait.deployment" // and the queues
	ForAnswer     = "wait.answer"     // what a place answers to a question of a check, both by name
)

// Waiting prints on w what a command waits for, filled in, where that takes longer than 2 seconds. over is
// to be called when it has come, and returns once nothing is printed any more.
func Waiting(w io.Writer, what string, args ...any) (over func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-time.After(patience):
			_, _ = fmt.Fprintln(w, Style{Tongue: spoken()}.say(what, args...)) // a failed write stops nothing
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
		_, _ = fmt.Fprintln(w, Style{Tongue: spoken()}.say("remark", Translated(r.Says))) // a failed write stops nothing
	}
}
