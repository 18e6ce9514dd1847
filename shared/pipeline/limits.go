package pipeline

import (
	"context"
	"encoding/json"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// Limits bound all processes of a run together. The zero value bounds nothing.
type Limits struct {
	Bandwidth job.Bandwidth `json:"bandwidth,omitzero"`  // bytes read from the source
	Requests  int           `json:"requests,omitempty"`  // requests a second to source and target; a listed page is one
	Instances int           `json:"instances,omitempty"` // processes that copy at the same time
}

// Any reports whether l bounds anything.
func (l Limits) Any() bool {
	return l.Bandwidth.Rate > 0 || len(l.Bandwidth.Timetable) > 0 || l.Requests > 0 || l.Instances > 0
}

func limitsOf(l job.Limits) Limits { return Limits{l.Bandwidth, l.Requests, l.Instances} }

// ReadLimits returns what bounds a run now: what ChangeLimits left, else what
// its frozen job says. A run that was never started is NotFound.
func ReadLimits(ctx context.Context, run *ledger.Run) (now Limits, changed bool, err error) {
	data, err := run.ReadLimits(ctx)
	if err == nil {
		if err := json.Unmarshal(data, &now); err != nil {
			return now, true, fault.New(fault.Corrupt, "pipeline.ReadLimits", "limits.json", err)
		}
		return now, true, nil
	}
	if !ledger.Missing(err) {
		return now, false, err
	}
	s, err := run.Started(ctx)
	if err != nil {
		return now, false, err
	}
	j, err := job.Decode(s.Job)
	return limitsOf(j.Limits), false, err
}

// ChangeLimits bounds a run anew. Processes at work obey within half a minute.
func ChangeLimits(ctx context.Context, run *ledger.Run, l Limits, at time.Time) error {
	data, err := json.Marshal(l)
	if err != nil {
		return fault.New(fault.Invalid, "pipeline.ChangeLimits", run.Name, err)
	}
	return run.WriteLimits(ctx, data, at)
}
