package outage

import (
	"context"
	"sync"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
)

const (
	// forgotten is how long after an outage was met last another one begins: tasks
	// that wait ask again within a quarter of an hour.
	forgotten = time.Hour
	// noteEvery is how often an outage is noted while it goes on.
	noteEvery = time.Minute
	// noteLasts is how long a note of an outage tells that it goes on: the longest
	// wait of a task and a quarter, and what a task may take.
	noteLasts = 25 * time.Minute
)

// Notes is what a process knows of the outages of one side, or of the ledger. The zero
// value knows of none. It is safe for concurrent use.
type Notes struct {
	mu        sync.Mutex
	since, at time.Time
}

// Met takes in that there was no answer now, and returns since when there is none as far
// as this process knows.
func (n *Notes) Met(now time.Time) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.at) > forgotten {
		n.since = now
	}
	n.at = now
	return n.since
}

// Due reports whether an outage, which some task met at since, is to be noted now, as it
// is once a minute, and since when it lasts as far as this process knows.
func (n *Notes) Due(now, since time.Time) (time.Time, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.at) > forgotten || since.Before(n.since) {
		n.since = since
	}
	if now.Sub(n.at) < noteEvery {
		return n.since, false
	}
	n.at = now
	return n.since, true
}

// OfSides is what a process knows of the outages of both sides of a run.
type OfSides [2]Notes

// Write leaves a note of o, which some task met, for who asks how far the run is, where one
// is due now.
func (n *OfSides) Write(ctx context.Context, run *ledger.Run, o *Outage, now time.Time) error {
	since, due := n[o.Side].Due(now, o.Since)
	if !due {
		return nil
	}
	return live.WriteOutage(ctx, run.Folder(), live.Outage{Side: o.Side.String(), Since: since, Asked: now.UTC(), Why: ledger.Reason(o.Last)})
}

// Of returns a run's outage that tasks wait for, zero where there is none as far as
// their notes tell: tasks that wait ask again within a quarter of an hour, and note
// it. newest is when the newest record of the run was written, by the clock of the store.
func Of(ctx context.Context, run *ledger.Run, newest, now time.Time) (live.Outage, error) {
	o, err := live.ReadOutage(ctx, run.Folder(), Source.String(), Target.String())
	if err != nil || now.Sub(o.Asked) > noteLasts || newest.Sub(o.Written) > time.Minute {
		return live.Outage{}, err
	}
	return o, nil
}
