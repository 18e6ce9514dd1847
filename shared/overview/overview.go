// Package overview is how a run stands: one model of it, as plain data, for whoever shows
// it: `ferry status`, `runs`, `watch`, the progress of `copy`, the console and the metrics.
//
//	overview.go  Overview: all that is told of a run
//	sentence.go  Sentence: what is said in words, as a code with arguments, for any language
//	viewer.go    Viewer: reads a run's ledger, first as far as few requests go, then what is new
//	viewers.go   Viewers: one Viewer a run, for all who look at it in a process
//	list.go      List: the runs of a job, or of all jobs, each in a line
//	  reading/   what the ledger has that is new
//	  curve/     what happened over time
//	fold.go      what was read as an Overview; space, failures, work, say, money: parts of it
//
// It reads the ledger and writes nothing.
package overview

import (
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/overview/curve"
	"kodoferry/shared/plan/forecast"
)

// State is how far a run is.
type State string

// The states of a run, in their order. Over is that of a run whose report is written;
// Following that of a run of one day's events, until its day is reported.
const (
	Listing   State = "listing"
	Copying   State = "copying"
	Verifying State = "verifying"
	Reporting State = "reporting"
	Following State = "following"
	Over      State = "over"
)

// Overview is how a run stands. Everything in it is plain data: it is encoded as JSON as it
// is, and shares nothing with the Viewer that returned it.
type Overview struct {
	Run    string `json:"run"`
	Job    string `json:"job"`
	Source string `json:"source"` // its place, as "kodo://photos/2019/"
	Target string `json:"target"`

	State    State           `json:"state"`
	Standing ledger.Standing `json:"standing"`       // whether its tasks are done: going, resuming, paused, cancelled, sealed, over
	Result   string          `json:"result"`         // of a run that is over: verified, unproved, incomplete, cancelled; else ""
	Deployed bool            `json:"deployed"`       // functions or agents do it, not one process
	Says     Sentence        `json:"says"`           // how it stands
	Next     Sentence        `json:"next,omitzero"`  // what a person is to do; zero: nothing
	Notes    []Sentence      `json:"notes,omitzero"` // what else is odd: damaged records, stretches given up

	At       time.Time `json:"at"` // when the figures were read, by the clock of the process that read them
	Started  time.Time `json:"started"`
	Newest   time.Time `json:"newest"`             // when its newest record was seen to be written, by the store's clock
	Finished time.Time `json:"finished,omitzero"`  // zero while it is not over
	Exact    bool      `json:"exact"`              // every record there is was read; else the figures are scaled up from Read of Records
	Read     int       `json:"read"`               // records read so far
	Records  int       `json:"records"`            // records there are to read
	Requests int       `json:"requests,omitempty"` // requests to the ledger that this refresh took

	Shards       Shards       `json:"shards"`
	Batches      Batches      `json:"batches"`
	Counts       Counts       `json:"counts"`
	Rate         Rate         `json:"rate"` // of the last minute
	Left         Left         `json:"left"`
	Series       Series       `json:"series"`
	Books        Books        `json:"books"`
	Space        []Stretch    `json:"space"` // the key space in order, at most MaxStretches of them
	Work         Work         `json:"work"`
	Binds        Binding      `json:"binds,omitzero"` // what bounds its speed now; zero: not known
	Money        *Money       `json:"money,omitempty"`
	Failures     []Failure    `json:"failures"` // by cause, the largest group first
	Verification Verification `json:"verification"`
}

// Shards counts the shards of a run.
type Shards struct {
	Known    int `json:"known"`
	Listed   int `json:"listed"`
	Verified int `json:"verified"`
	GivenUp  int `json:"given_up"` // among the listed: nothing is known of what they hold, or nothing is proved
}

// Batches counts the batches of a run that hold something to copy. Of a run of events each
// event is one.
type Batches struct {
	Sealed   int64 `json:"sealed"`
	Ended    int64 `json:"ended"`
	UnderWay int64 `json:"under_way"` // that somebody works at now, as far as they told
}

// Counts are the objects and bytes of a run so far.
type Counts struct {
	Listed   ledger.Tally `json:"listed"`
	Excluded ledger.Tally `json:"excluded"`  // seen at the source and not chosen by the job: not among Listed
	ToCopy   ledger.Tally `json:"to_copy"`   // of what was listed, what had to be copied
	Ended    ledger.Tally `json:"ended"`     // of ToCopy, what ended, be it copied or not; what ended of batches under way is in it
	UnderWay ledger.Tally `json:"under_way"` // of Ended, what ended of batches under way: no record tells of it yet
	Open     ledger.Tally `json:"open"`      // of ToCopy, what did not end
	Settled  ledger.Tally `json:"settled"`   // of Listed, what ended or needed no copy: Listed less Open
	Verified ledger.Tally `json:"verified"`  // of Listed, what both listings proved
	Checked  ledger.Tally `json:"checked"`   // of Listed, what verification went over, whatever it found
	Failed   ledger.Tally `json:"failed"`    // failed, in conflict or different, as far as it is known

	Throttled int64 `json:"throttled"` // answers of a service to slow down, each waited for
}

// Rate is what ended each second.
type Rate struct {
	Objects float64       `json:"objects"`
	Bytes   float64       `json:"bytes"`
	Over    time.Duration `json:"over"` // the time that it is of, nanoseconds; 0: no rate is known
}

// Left is how much longer a run takes.
type Left struct {
	Known bool          `json:"known"`
	Time  time.Duration `json:"time"`  // nanoseconds, of what is to be copied; what is verified meanwhile needs no more
	Rests Sentence      `json:"rests"` // what that rests on, or why it is not known
}

// MaxPoints is how many points a Series has at most.
const MaxPoints = curve.MaxPoints

// Series is what happened when: counts by stretches of time of one width, one behind the
// other. Each of its lists is of the same length; to have a rate divide by Each. All of it
// is from the times that records have, so that a run that ended long ago has it, too.
type Series struct {
	From      time.Time `json:"from"` // when the first stretch begins
	Each      int64     `json:"each"` // seconds of one stretch; 0: nothing is known
	Objects   []int64   `json:"objects"`
	Bytes     []int64   `json:"bytes"`
	Failed    []int64   `json:"failed"`
	Throttled []int64   `json:"throttled"` // answers to slow down, as far as records or those at work told
}

// Books are how what was listed ended: listed is the sum of the lines.
type Books struct {
	Listed   ledger.Tally `json:"listed"`
	Lines    []Line       `json:"lines"`    // those that have objects, in the order of the report
	Off      ledger.Tally `json:"off"`      // what the sum is off by
	Balanced bool         `json:"balanced"` // Off is zero, of everything that is verified so far
	Final    bool         `json:"final"`    // the run is over: these are the books of its report
}

// Line is a line of the books.
type Line struct {
	State ledger.State `json:"state"` // a final one; "open" of what did not end yet
	ledger.Tally
	Share float64 `json:"share"` // of what was listed, 0 to 1
}

// The States of a Line that no object ends in: OpenLine is what did not end yet, and EndedLine
// what ended, or needed no copy, and is not verified: in which state that is is known then.
const (
	OpenLine  ledger.State = "open"
	EndedLine ledger.State = "ended"
)

// MaxStretches is how many stretches the key space is told in at most: neighbours are
// joined where there are more.
const MaxStretches = 400

// Progress is how far a stretch of the key space is.
type Progress string

// In the order of their progress. GivenUp is of what could not be listed or verified;
// Unlisted of what a listing that is under way, or is to come, has still to go over.
const (
	Unlisted      Progress = "unlisted"
	Listed        Progress = "listed" // and not all of it copied
	Copied        Progress = "copied" // or nothing of it was to be
	VerifiedProof Progress = "verified"
	GivenUp       Progress = "given_up"
)

// Stretch is a stretch of keys: behind After up to and with UpTo; "" is an open end.
type Stretch struct {
	After    string       `json:"after"`
	UpTo     string       `json:"up_to"`
	Progress Progress     `json:"progress"` // of the least advanced of its shards
	Shards   int          `json:"shards"`
	Listed   ledger.Tally `json:"listed"`
	Done     float64      `json:"done"`              // of what of it was to be copied, 0 to 1
	Failed   int64        `json:"failed"`            // objects
	Reason   string       `json:"reason,omitempty"`  // why it was given up
	Mixed    bool         `json:"mixed,omitempty"`   // its shards are at different Progress
	GivenUp  int          `json:"given_up,omitzero"` // of its shards
}

// Work is who works on a run.
type Work struct {
	Workers []Worker  `json:"workers"`          // those alive, at most MaxWorkers; those that copy first
	Alive   int       `json:"alive"`            // how many there are
	Copying int       `json:"copying"`          // of these
	Last    time.Time `json:"last,omitzero"`    // the last sign of life of anybody, by the store's clock
	Nobody  bool      `json:"nobody,omitempty"` // the run is to go on and nobody has given a sign of life for NobodyAfter
	Bounded bool      `json:"bounded"`          // a limit bounds the run
}

// MaxWorkers is how many of those who work are named.
const MaxWorkers = 100

// Worker is a process, or an instance of a function, that works on a run.
type Worker struct {
	Process   string       `json:"process"`
	Host      string       `json:"host,omitempty"` // as its people call it, and its process number, where it is a machine's
	PID       int          `json:"pid,omitempty"`
	Does      string       `json:"does"` // copies, works (lists, verifies, deletes), waits (for a place among those that copy, or to go on)
	Since     time.Time    `json:"since"`
	Seen      time.Time    `json:"seen"`                 // its last sign of life, by the store's clock
	Ended     ledger.Tally `json:"ended,omitzero"`       // what it has brought to an end since Since, as far as it told
	Minute    ledger.Tally `json:"last_minute,omitzero"` // of that, what in the last minute before Seen
	Throttled int64        `json:"throttled,omitempty"`
	Batches   []string     `json:"batches,omitempty"`   // under way
	InFlight  int          `json:"in_flight,omitempty"` // objects at a time, as it has found best or is bounded to
	Binds     string       `json:"binds,omitempty"`     // code of what bounds it: see Binding
}

// Binding is what bounds the speed of a run now.
type Binding struct {
	// Code is window (as many objects at a time as are best: the services or the network give
	// no more), parallel (limits.parallel), capacity (the processes' memory or files), throttle
	// (a service asks to slow down), bandwidth, requests, instances (the job's limits, or
	// ferry limits), outage (a side does not answer), tasks (there are too few batches).
	Code string   `json:"code"`
	Says Sentence `json:"says"`
	Of   int      `json:"of"` // workers that are bounded by it
	All  int      `json:"all"`
}

// Money is what a run has cost so far, about, by the price file.
type Money struct {
	Sum      float64         `json:"sum"`
	Currency string          `json:"currency"`
	Prices   string          `json:"prices"`  // the file
	Checked  string          `json:"checked"` // when its prices were looked up
	Lines    []forecast.Cost `json:"lines"`
	Without  string          `json:"without,omitempty"` // what costs, too, and has no price in the file
}

// BuiltIn reports whether no file changed the prices.
func (m Money) BuiltIn() bool { return m.Prices == forecast.BuiltIn }

// MaxKeys is how many keys a Failure names.
const MaxKeys = 10

// Failure is the objects that have one cause, and so one cure.
type Failure struct {
	State   string   `json:"state"` // failed, conflict, mismatch
	Cause   string   `json:"cause"`
	Cure    string   `json:"cure"`
	Objects int64    `json:"objects"`  // known so far: of a run that is over, of its first 1,000 failures
	AtLeast bool     `json:"at_least"` // there may be more of it than Objects
	Keys    []string `json:"keys"`     // the first
}

// Verification is the part of verifying in a run: most of it is done while others copy.
type Verification struct {
	First time.Time     `json:"first,omitzero"` // when the first shard was verified
	Last  time.Time     `json:"last,omitzero"`  // and the last one so far
	Alone time.Duration `json:"alone"`          // how long it went on behind the last object that was copied, nanoseconds
	Rate  Rate          `json:"rate"`           // objects a second that it went over, between First and Last
}
