package ledger

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Started is the record of a run's start: `job.json`. It holds what the whole
// run is measured against.
type Started struct {
	V         int             `json:"v"`
	Run       string          `json:"run"`
	Job       json.RawMessage `json:"job"` // the frozen job
	At        time.Time       `json:"at"`  // by the clock of the process that began the run
	Written   time.Time       `json:"-"`   // by the store's, where it was read
	Root      ShardRef        `json:"root"`
	Keys      []KeySegment    `json:"keys,omitempty"`      // the keys to look up, where the job names them; then nothing is listed
	Chain     bool            `json:"chain,omitempty"`     // the source cannot be listed from a key that does not exist: one chain of shards
	Events    bool            `json:"events,omitempty"`    // a run of one day's events: no shard is listed, each event is a batch of its own
	Deployed  bool            `json:"deployed,omitempty"`  // its tasks are in a deployment's queues, not in one process
	Kept      *bool           `json:"kept,omitempty"`      // whether the ledger kept a job of that name when the run began; nil: an older version does not tell
	Versioned bool            `json:"versioned,omitempty"` // the target ignores conditional PUTs: look before every PUT
}

// OfKept reports whether the ledger kept the run's job when it began: such a run
// removes nothing once the job is kept no more, and of events it writes nothing.
func (s Started) OfKept() bool {
	if s.Kept == nil {
		return s.Events // which kept jobs alone follow
	}
	return *s.Kept
}

// ShardRef names a shard before it is walked.
type ShardRef struct {
	Shard  string      `json:"shard"`
	Range  store.Range `json:"range"`
	Before string      `json:"before,omitempty"` // of a chain: keys of the source ahead of Range.After, at most 6, with U+0000 in between
}

// BatchRef names a batch.
type BatchRef struct {
	ID      string `json:"id"`
	First   string `json:"first"` // key of its first row
	Last    string `json:"last"`
	Rows    int    `json:"rows"`
	Pending int    `json:"pending"`          // rows to be copied; 0: the batch was finished when it was sealed
	Bytes   int64  `json:"bytes"`            // of the pending rows
	Parts   bool   `json:"parts,omitempty"`  // its one pending object goes in parts
	Remove  bool   `json:"remove,omitempty"` // the target's objects of its rows are to be removed first, by the deleting stage
}

// Closed is the outcome of a List task: `closed/<shard>`.
type Closed struct {
	V        int         `json:"v"`
	Shard    string      `json:"shard"`
	Range    store.Range `json:"range"`            // what was really covered
	Before   string      `json:"before,omitempty"` // as in its ShardRef
	Counts   Counts      `json:"counts"`
	Batches  []BatchRef  `json:"batches,omitempty"`
	Deletes  []BatchRef  `json:"deletes,omitempty"`  // the job's copies of what the source no longer has, if deletions are mirrored
	Others   Tally       `json:"others,omitzero"`    // copies of other jobs, or of an earlier version, of what the source does not have, if deletions are mirrored
	Held     int64       `json:"held,omitempty"`     // objects of the target that the job chooses, if deletions are mirrored
	Children []ShardRef  `json:"children,omitempty"` // what is left
	Round    int         `json:"round,omitempty"`    // 0 for what List closed; n for what verification sealed in its n-th round
	Failed   string      `json:"failed,omitempty"`   // given up: the count is unknown, and why
	At       time.Time   `json:"at"`
}

// DeleteDecision is the outcome of a Decide task: `gate.json`. Nothing is deleted before
// it stands and allows it.
type DeleteDecision struct {
	V          int       `json:"v"`
	Allowed    bool      `json:"allowed"`
	Reason     string    `json:"reason,omitempty"` // why not
	Candidates Tally     `json:"candidates"`       // what would be deleted
	Others     Tally     `json:"others,omitzero"`  // what the target alone has, and Ferry copied, but not known to be for this job: it stays
	At         time.Time `json:"at"`
}

// Proved is the outcome of a Verify task: `verified/<shard>`.
type Proved struct {
	V        int       `json:"v"`
	Shard    string    `json:"shard"`
	Counts   Counts    `json:"counts"`             // of the rows that ended here; Listed leaves out those handed on
	Failures []Failure `json:"failures,omitempty"` // the first of them
	Objects  File      `json:"objects,omitzero"`   // every row, as CSV
	Next     *Closed   `json:"next,omitempty"`     // what had changed at the source, sealed again
	Was      *Was      `json:"was,omitempty"`      // what the shard's closing said, in short
	Failed   string    `json:"failed,omitempty"`   // given up: nothing is proved, and why
	At       time.Time `json:"at"`
}

// Was is what a shard's closing said in short. Its verification repeats it, so
// that who looks how far a run is need not read both records.
type Was struct {
	Range    store.Range `json:"range"`
	Listed   Tally       `json:"listed"`
	Sealed   Sealing     `json:"sealed"`
	Children []ShardRef  `json:"children,omitempty"`
	Deletes  bool        `json:"deletes,omitempty"` // there are batches of them
	Others   Tally       `json:"others,omitzero"`
	Held     int64       `json:"held,omitempty"`
	Failed   string      `json:"failed,omitempty"`
}

// Was is c in short.
func (c Closed) Was() *Was {
	return &Was{Range: c.Range, Listed: c.Counts.Listed, Sealed: c.sealed(), Children: c.Children, Deletes: len(c.Deletes) > 0, Others: c.Others, Held: c.Held, Failed: c.Failed}
}

func (w Was) closed(shard string) Closed {
	return Closed{Shard: shard, Range: w.Range, Counts: Counts{Listed: w.Listed}, Children: w.Children, Others: w.Others, Held: w.Held, Failed: w.Failed}
}

func (c Closed) sealed() (s Sealing) {
	for _, b := range c.Batches {
		if b.Pending > 0 {
			s.Batches++
			s.Pending.Add(int64(b.Pending), b.Bytes)
		}
	}
	return s
}

// Failure is one object that needs a human.
type Failure struct {
	Key     string  `json:"key"`
	State   State   `json:"state"`
	Verdict Verdict `json:"verdict,omitempty"`
	Reason  string  `json:"reason"`
	Cause   Cause   `json:"cause,omitempty"`
}

// File names a file of the run.
type File struct {
	Name   string `json:"name"` // below the run's prefix
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // hex
}

// Start creates the run's first record and returns the one that stands. A run
// of a deployment is marked as not over before that: whatever is begun is found.
func (r *Run) Start(ctx context.Context, s Started) (Started, error) {
	s.V, s.Run = Version, r.Name
	if s.Events {
		s.V = newest
	}
	if s.Deployed {
		if err := r.markOpen(ctx); err != nil {
			return Started{}, err
		}
	}
	return createRecord(ctx, r, "job.json", s)
}

// Started reads the run's first record. A run that was never started is NotFound.
func (r *Run) Started(ctx context.Context) (Started, error) {
	if s := r.started.Load(); s != nil {
		return *s, nil
	}
	s, at, err := readDated[Started](ctx, r, "job.json")
	if s.Written = at; err == nil {
		r.started.Store(&s)
	}
	return s, err
}

// Close creates a shard's outcome and returns the one that stands.
func (r *Run) Close(ctx context.Context, c Closed) (Closed, error) {
	c.V = Version
	return createRecord(ctx, r, "closed/"+c.Shard, c)
}

// Closed reads a shard's outcome. NotFound while it is open.
func (r *Run) Closed(ctx context.Context, shard string) (Closed, error) {
	parent, again := parentOf(shard)
	if !again {
		return readRecord[Closed](ctx, r, "closed/"+shard)
	}
	p, err := r.Proved(ctx, parent)
	if err != nil {
		return Closed{}, err
	}
	if p.Next == nil || p.Next.Shard != shard {
		return Closed{}, fault.New(fault.NotFound, "ledger.Closed", shard, nil)
	}
	return *p.Next, nil
}

// CreateDeleteDecision creates the run's decision on deletions and returns the one that
// stands.
func (r *Run) CreateDeleteDecision(ctx context.Context, d DeleteDecision) (DeleteDecision, error) {
	d.V = Version
	return createRecord(ctx, r, "gate.json", d)
}

// ReadDeleteDecision reads the run's decision on deletions. NotFound before it is made.
func (r *Run) ReadDeleteDecision(ctx context.Context) (DeleteDecision, error) {
	return readRecord[DeleteDecision](ctx, r, "gate.json")
}

// Prove creates a shard's verification and returns the one that stands.
func (r *Run) Prove(ctx context.Context, p Proved) (Proved, error) {
	p.V = Version
	return createRecord(ctx, r, "verified/"+p.Shard, p)
}

// Proved reads a shard's verification. NotFound while it is open.
func (r *Run) Proved(ctx context.Context, shard string) (Proved, error) {
	return readRecord[Proved](ctx, r, "verified/"+shard)
}

// WriteObjects writes a shard's rows as compressed CSV. The name is the
// caller's own, so that two verifications never mix.
func (r *Run) WriteObjects(ctx context.Context, shard string, data []byte) (name string, err error) {
	name = "objects/" + shard + "-" + Nonce() + ".csv.gz"
	return name, r.write(ctx, name, data)
}

// Finish creates `report.json` and returns the one that stands. The run is over then.
func (r *Run) Finish(ctx context.Context, report []byte) ([]byte, error) {
	standing, _, err := r.create(ctx, "report.json", report)
	if s := r.started.Load(); err == nil && (s == nil || s.Deployed) {
		_ = r.MarkOver(ctx) // else Open does
	}
	return standing, err
}

// Report reads `report.json`. NotFound while the run goes on.
func (r *Run) Report(ctx context.Context) ([]byte, error) { return r.read(ctx, "report.json") }

// Over reports whether the run has ended: its report is there.
func (r *Run) Over(ctx context.Context) (bool, error) {
	_, err := try(ctx, func() (store.Object, error) { return r.ledger.bucket.Stat(ctx, r.Path("report.json")) })
	if Missing(err) {
		return false, nil
	}
	return err == nil, err
}

// WriteFile writes a file beside the report.
func (r *Run) WriteFile(ctx context.Context, name string, data []byte) error {
	return r.write(ctx, name, data)
}

func createRecord[T any](ctx context.Context, r *Run, name string, record T) (T, error) {
	var none T
	data, err := json.Marshal(record)
	if err != nil {
		return none, fault.New(fault.Invalid, "ledger.create", name, err)
	}
	standing, won, err := r.create(ctx, name, data)
	if err != nil {
		return none, err
	}
	if won {
		return record, nil
	}
	return decodeRecord[T](standing, name)
}

func readRecord[T any](ctx context.Context, r *Run, name string) (T, error) {
	record, _, err := readDated[T](ctx, r, name)
	return record, err
}

// readDated reads a record, and when it was written, by the store's clock.
func readDated[T any](ctx context.Context, r *Run, name string) (record T, at time.Time, err error) {
	f, err := r.readFile(ctx, name)
	if err != nil {
		return record, at, err
	}
	record, err = decodeRecord[T](f.data, name)
	return record, f.at, err
}

func decodeRecord[T any](data []byte, name string) (T, error) {
	var record T
	err := decode(data, name, &record)
	if c, ok := any(record).(checked); ok && err == nil {
		if bad := c.check(); bad != nil {
			err = unreadable(name, bad)
		}
	}
	return record, err
}

// Nonce returns eight characters that no other process or delivery will
// return. Whatever a task writes before its record carries one, so two
// deliveries never write the same name.
func Nonce() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, since Go 1.24)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// RootShard is the name of every run's first shard.
const RootShard = "0"

// AgainShard returns a new name for what verification of shard seals again.
func AgainShard(shard string) string { return shard + "~" + Nonce() }

// parentOf returns the shard whose verification sealed this one.
func parentOf(shard string) (string, bool) {
	i := strings.LastIndexByte(shard, '~')
	if i < 0 {
		return "", false
	}
	return shard[:i], true
}
