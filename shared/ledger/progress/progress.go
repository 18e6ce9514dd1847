// Package progress is how far a run of a ledger is: the walk over the records that
// are named and those that are written. Start with Run and Walk; progress.go says what
// a walk tells, walk.go how it goes, walkread.go what it reads, events.go the same of
// a day of events and reproof.go of a verification, open.go which batches are open,
// stalled.go whether a run moves.
//
// It writes no outcome, and what it holds in memory is bounded.
package progress

import (
	"slices"
	"time"

	"kodoferry/shared/ledger"
)

// Run is one walk over the named and the written records of a run: what
// there is to do, and what of it is done. It costs one listing per thousand
// records and one or two reads per shard.
//
// What a Glance holds is bounded: some 2 KiB a shard (up to 8 KiB where keys are
// as long as they may be), ledger.MaxFailures failures, mostOpen bytes of open batches,
// and mostRead bytes of records that are being read, about twice over. A Walk
// holds the batches of every shard besides, some 200 bytes each.
type Run struct {
	Started  ledger.Started
	Shards   []Shard          // every shard a record names, by the start of its range
	Failures []ledger.Failure // the first MaxFailures of all shards, by key
	Profile  ledger.Profile   // of all shards that are verified
	Damaged  []string         // names of records that cannot be read, at most 100: what they say counts as given up
	Reported bool             // the run is over
	Newest   time.Time        // when its newest record was written, by the store's clock; those of parts of big objects are not looked at
	Stalled  time.Time        // since when the run had made no progress when it was last found stalled; zero where it never was
}

// StalledSince returns since when a run is stalled, zero where it is not: it
// was found so, and no record is newer. Of a run that is stopped it says nothing.
func (p Run) StalledSince() time.Time {
	if p.Reported || p.Newest.Truncate(time.Millisecond).After(p.Stalled) {
		return time.Time{}
	}
	return p.Stalled
}

// Shard is one shard as it stands.
type Shard struct {
	Ref        ledger.ShardRef
	Closed     *ledger.Closed    // nil while it is being listed
	Sealed     ledger.Sealing    // what its closing sealed
	Candidates ledger.Tally      // what its closing sealed to be deleted
	Proved     *ledger.Proved    // nil while its verification is open; without its failures
	Left       ledger.Sealing    // what is sealed and not written off yet
	Open       []ledger.BatchRef // that, batch by batch: of a retried one, the newest retry. A Glance holds mostOpen bytes of them
	Extra      []ledger.BatchRef // the same of what may have to be deleted
}

// Done reports whether nothing of the run is open but its report.
func (p Run) Done() bool {
	return !slices.ContainsFunc(p.Shards, func(s Shard) bool { return !s.Done() })
}

// Done reports whether the shard is closed and proved, or given up at either.
func (s Shard) Done() bool { return s.Closed != nil && s.Proved != nil }
