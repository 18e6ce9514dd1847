package pipeline

import (
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/task"
)

// EventKind says what happened.
type EventKind = transfer.Kind

const (
	Listed  EventKind = "listed"         // N objects of Bytes were sealed in a batch
	Settled EventKind = transfer.Settled // Row reached a final state; an object that went in parts by its Task
	Caught  EventKind = transfer.Caught  // a fault was met and dealt with: Key, Err
	Slowed  EventKind = transfer.Slowed  // a service asked to slow down: Key, Err
	Moved   EventKind = transfer.Moved   // Bytes of a big object were copied
	Proven  EventKind = "proven"         // verification went over N more objects
	Down    EventKind = "down"           // a whole side, or the ledger, does not answer and is waited for: Task, Err
	Up      EventKind = "up"             // what Task waited for answers again
	GaveUp  EventKind = "gave up"        // Task was given up: Err
)

// Event tells whoever watches a process at work. It is for eyes only: what
// counts is in the ledger.
type Event struct {
	Kind  EventKind
	Key   string
	Row   ledger.Row
	Task  task.Task
	N     int64
	Bytes int64
	Err   error
}
