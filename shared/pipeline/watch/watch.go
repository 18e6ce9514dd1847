// Package watch says what a process did or met, for those who look on: the command's
// display, metrics, tests. What counts is in the ledger.
package watch

import (
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/task"
)

// Kind says what happened.
type Kind = transfer.Kind

const (
	Listed     Kind = "listed"            // N objects of Bytes were sealed in a batch
	Settled    Kind = transfer.Settled    // Row reached a final state; an object that went in parts by its Task
	Caught     Kind = transfer.Caught     // a fault was met and dealt with: Key, Err
	Slowed     Kind = transfer.Slowed     // a service asked to slow down: Key, Err
	PartCopied Kind = transfer.PartCopied // Bytes of a big object were copied
	Proven     Kind = "proven"            // verification went over N more objects
	Down       Kind = "down"              // a whole side, or the ledger, does not answer and is waited for: Task, Err
	Up         Kind = "up"                // what Task waited for answers again
	GaveUp     Kind = "gave up"           // Task was given up: Err
)

// Progress is something that a process did or met.
type Progress struct {
	Kind  Kind
	Key   string
	Row   ledger.Row
	Task  task.Task
	N     int64
	Bytes int64
	Err   error
}
