package runs

import (
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/task"
)

// ProgressKind says what happened.
type ProgressKind = transfer.Kind

const (
	Listed  ProgressKind = "listed"         // N objects of Bytes were sealed in a batch
	Settled ProgressKind = transfer.Settled // Row reached a final state; an object that went in parts by its Task
	Caught  ProgressKind = transfer.Caught  // a fault was met and dealt with: Key, Err
	Slowed  ProgressKind = transfer.Slowed  // a service asked to slow down: Key, Err
	Moved   ProgressKind = transfer.Moved   // Bytes of a big object were copied
	Proven  ProgressKind = "proven"         // verification went over N more objects
	Down    ProgressKind = "down"           // a whole side, or the ledger, does not answer and is waited for: Task, Err
	Up      ProgressKind = "up"             // what Task waited for answers again
	GaveUp  ProgressKind = "gave up"        // Task was given up: Err
)

// Progress is something that a process did or met. It is for display alone: what
// counts is in the ledger.
type Progress struct {
	Kind  ProgressKind
	Key   string
	Row   ledger.Row
	Task  task.Task
	N     int64
	Bytes int64
	Err   error
}
