// Package rules is what must hold in a storm. It watches the world, and fails the storm
// where something is not as it must be.
//
//	changes.go  at each change of the target: whose versions they are, who may be replaced;
//	            chosen.go what the job chooses, silences.go what was stopped
//	records.go  at each write to the ledger and each message; sweeps.go at each of a sweep
//	usage.go    what is taken of what bounds a run
//	audit.go    at a run's end: its rows and its report
package rules

import (
	"io"

	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/queue"
)

// Rules are what must hold. They are the world's Watch.
type Rules struct {
	Changes ChangeRules
	Records RecordRules
	Audit   Audit
	Usage   Usage
}

// New has a world watched.
func New(w *world.World) *Rules {
	r := &Rules{Audit: newAudit(w), Usage: newUsage(w)}
	r.Records = newRecordRules(w, &r.Usage)
	r.Changes = newChangeRules(w, &r.Records)
	w.Watch = r
	return r
}

// TargetChanged implements Watch.
func (r *Rules) TargetChanged(p *world.Process, key, op string, ifAbsent bool) {
	r.Changes.targetChanged(p, key, op, ifAbsent)
}

// RecordChanged implements Watch.
func (r *Rules) RecordChanged(p *world.Process, key, op string, data []byte, ifAbsent bool, err error) {
	r.Records.recordChanged(p, key, op, data, ifAbsent, err)
}

// Sends implements Watch.
func (r *Rules) Sends(p *world.Process, m queue.Outgoing) { r.Records.sends(p, m) }

// Counted implements Watch.
func (r *Rules) Counted(p *world.Process, q *world.Pile) { r.Records.counted(p, q) }

// Opened implements Watch.
func (r *Rules) Opened(p *world.Process, n int64, body io.ReadCloser) io.ReadCloser {
	return r.Usage.opened(p, n, body)
}
