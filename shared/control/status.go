package control

import (
	"context"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

// Status is how far a run is, as its ledger has it.
type Status struct {
	Run     string    `json:"run"`
	State   string    `json:"state"`                  // listing, copying, verifying, reporting, over; of a run of events following, over
	Goes    string    `json:"goes"`                   // going, resuming, paused, cancelled, sealed, over
	Stalled time.Time `json:"stalled_since,omitzero"` // a sweep found no record since
	Waits   Outage    `json:"waits,omitzero"`         // the bucket that does not answer and that tasks wait for
	Started time.Time `json:"started"`
	Shards  struct {
		Known    int `json:"known"`
		Listed   int `json:"listed"`
		Verified int `json:"verified"`
		GivenUp  int `json:"given_up"`
	} `json:"shards"`
	Batches struct {
		Known int64 `json:"known"`
		Open  int64 `json:"open"`
	} `json:"batches"`
	Listed   ledger.Tally `json:"listed"`
	ToCopy   ledger.Tally `json:"to_copy"`  // of what was listed, what had to be copied
	Open     ledger.Tally `json:"open"`     // of that, what has no outcome yet
	Verified ledger.Tally `json:"verified"` // proved so far
}

// Outage is a side of a run that does not answer.
type Outage struct {
	Side  string    `json:"side"`  // source, target
	Since time.Time `json:"since"` // when it first did not answer
	Asked time.Time `json:"asked"` // when it last did not answer
	Why   string    `json:"why"`   // what came in place of an answer
}

// StateOver is the state of a run whose report is written.
const StateOver = "over"

// StatusOf reads how far a run is: by one listing of its records, and a few requests.
func StatusOf(ctx context.Context, run *ledger.Run) (Status, error) {
	p, err := run.Glance(ctx)
	if err != nil {
		return Status{}, err
	}
	s := standing(run.Name, p)
	goes, _, err := run.Standing(ctx)
	if err != nil {
		return s, err
	}
	s.Goes = string(goes)
	if goes.Stopped() {
		return s, nil
	}
	o, err := pipeline.OutageOf(ctx, run, p.Newest, time.Now())
	if err != nil {
		return s, err
	}
	s.Waits = Outage{o.Side, o.Since, o.Asked, o.Why}
	if p.StalledSince().IsZero() {
		return s, nil
	}
	// The parts of a big object may have come since.
	moved, err := run.Moved(ctx)
	if !moved.Truncate(time.Millisecond).After(p.Stalled) {
		s.Stalled = p.Stalled
	}
	return s, err
}

// standing sums up the records of a run.
func standing(run string, p ledger.Progress) Status {
	s := Status{Run: run, Started: p.Started.At}
	for _, shard := range p.Shards {
		s.Shards.Known++
		if shard.Closed == nil {
			continue
		}
		s.Shards.Listed++
		if shard.Closed.Failed != "" {
			s.Shards.GivenUp++
		}
		s.Listed.Objects += shard.Closed.Counts.Listed.Objects
		s.Listed.Bytes += shard.Closed.Counts.Listed.Bytes
		s.Batches.Known += shard.Sealed.Batches
		s.Batches.Open += shard.Left.Batches
		s.ToCopy.Add(shard.Sealed.Pending.Objects, shard.Sealed.Pending.Bytes)
		s.Open.Add(shard.Left.Pending.Objects, shard.Left.Pending.Bytes)
		if shard.Proved != nil {
			s.Shards.Verified++
			v := shard.Proved.Counts.Verdicts[ledger.Verified]
			s.Verified.Objects += v.Objects
			s.Verified.Bytes += v.Bytes
		}
	}
	switch {
	case p.Reported:
		s.State = StateOver
	case p.Started.Events: // more may come until its day is over
		s.State = "following"
	case s.Shards.Listed < s.Shards.Known:
		s.State = "listing"
	case s.Batches.Open > 0:
		s.State = "copying"
	case s.Shards.Verified < s.Shards.Known:
		s.State = "verifying"
	default:
		s.State = "reporting"
	}
	return s
}
