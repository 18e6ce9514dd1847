// Package limit bounds what the processes that work on a run do, and tells each
// whether the run goes on. It knows no tasks and no steps; read it in this order:
//
//	limit.go      Bounds: what bounds all processes of a run together
//	share.go      Share: the part of it that this process takes, read anew as it works
//	heartbeat.go  which processes are at work, by the heartbeats that they leave in the ledger
//	place.go      which of them may copy, where not all may
//	allot.go      what each of them may take
//	limited.go    Source, Target: a run's buckets, kept within the share
//	rate.go       the token bucket that does so, for bytes and for requests
//	streams.go    Streams: how many streams are open at the same time
//	state.go      RunState: whether the run's tasks are to be done
//	binds.go      which of all these binds now, for those who look
//
// What bounds a process by itself:
//
//	aimd.go       AIMD: how many objects are in flight, by what the services bear
//	window/       how many are best, by how soon they are served
//	memory.go     Memory: how many bytes of bodies it has in memory
//	pace.go       Pace: what a stream was measured to move
package limit

import (
	"context"
	"encoding/json"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// Bounds bound all processes of a run together. The zero value bounds nothing.
type Bounds struct {
	Bandwidth job.Bandwidth `json:"bandwidth,omitzero"`  // bytes read from the source
	Requests  int           `json:"requests,omitempty"`  // requests a second to source and target; a listed page is one
	Instances int           `json:"instances,omitempty"` // processes that copy at the same time
}

// Any reports whether b bounds anything.
func (b Bounds) Any() bool {
	return b.Bandwidth.Rate > 0 || len(b.Bandwidth.Timetable) > 0 || b.Requests > 0 || b.Instances > 0
}

func boundsOf(l job.Limits) Bounds { return Bounds{l.Bandwidth, l.Requests, l.Instances} }

// Read returns what bounds a run now: what Change wrote, else what its frozen
// job says. The error is NotFound for a run that was never started, and Corrupt
// where what Change wrote cannot be decoded.
func Read(ctx context.Context, run *ledger.Run) (now Bounds, changed bool, err error) {
	data, err := run.Steering().ReadLimits(ctx)
	if err == nil {
		if err := json.Unmarshal(data, &now); err != nil {
			return now, true, fault.New(fault.Corrupt, "limit.Read", "limits.json", err)
		}
		return now, true, nil
	}
	if !ledger.Missing(err) {
		return now, false, err
	}
	s, err := run.ReadStarted(ctx)
	if err != nil {
		return now, false, err
	}
	j, err := job.Decode(s.Job)
	return boundsOf(j.Limits), false, err
}

// Change bounds a run by b from now on. Processes at work keep to it within
// half a minute. The error is Invalid where b cannot be encoded.
func Change(ctx context.Context, run *ledger.Run, b Bounds, at time.Time) error {
	data, err := json.Marshal(b)
	if err != nil {
		return fault.New(fault.Invalid, "limit.Change", run.Name, err)
	}
	return run.Steering().WriteLimits(ctx, data, at)
}
