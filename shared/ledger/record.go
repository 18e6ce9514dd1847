package ledger

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
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
	Last      []Last          `json:"last,omitempty"`      // the runs whose rows it believes, newest first
	Versioned bool            `json:"versioned,omitempty"` // the target ignores conditional PUTs: look before every PUT
	Verifies  *Verification   `json:"verifies,omitempty"`  // a run that copies nothing: it verifies the rows of another that is over
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
	By         string    `json:"by,omitempty"`     // whose decision it is: a nonce of the delivery, which sends what follows
	At         time.Time `json:"at"`
}

// Proved is the outcome of a Verify task: `verified/<shard>`.
type Proved struct {
	V        int             `json:"v"`
	Shard    string          `json:"shard"`
	Counts   Counts          `json:"counts"`             // of the rows that ended here; Listed leaves out those handed on
	Failures []Failure       `json:"failures,omitempty"` // the first of them
	Objects  File            `json:"objects,omitzero"`   // every row, as CSV
	Apart    map[string]File `json:"apart,omitempty"`    // by list: the first of its rows that a list beside the report has
	Profile  *Profile        `json:"profile,omitempty"`  // of its rows
	Next     *Closed         `json:"next,omitempty"`     // what had changed at the source, sealed again
	Was      *Was            `json:"was,omitempty"`      // what the shard's closing said, in short
	Failed   string          `json:"failed,omitempty"`   // given up: nothing is proved, and why
	At       time.Time       `json:"at"`
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
	return &Was{Range: c.Range, Listed: c.Counts.Listed, Sealed: c.Sealing(), Children: c.Children, Deletes: len(c.Deletes) > 0, Others: c.Others, Held: c.Held, Failed: c.Failed}
}

// Closed is the closing of that shard as far as w tells it.
func (w Was) Closed(shard string) Closed {
	return Closed{Shard: shard, Range: w.Range, Counts: Counts{Listed: w.Listed}, Children: w.Children, Others: w.Others, Held: w.Held, Failed: w.Failed}
}

// Sealing counts what c sealed to be copied.
func (c Closed) Sealing() (s Sealing) {
	for _, b := range c.Batches {
		if b.Pending > 0 {
			s.Add(b)
		}
	}
	return s
}

// Sealing counts what a closing sealed to be copied.
type Sealing struct {
	Batches int64 `json:"batches"`
	Pending Tally `json:"pending"`
}

// Add counts a batch.
func (s *Sealing) Add(b BatchRef) {
	s.Batches++
	s.Pending.Add(int64(b.Pending), b.Bytes)
}

// MaxFailures is how many failures are named, of a shard and of a run; the CSV
// files have all.
const MaxFailures = 1000

// Failure is one object that needs a human.
type Failure struct {
	Key     string  `json:"key"`
	State   State   `json:"state"`
	Verdict Verdict `json:"verdict,omitempty"`
	Reason  string  `json:"reason"`
	Cause   Cause   `json:"cause,omitempty"`
}

// CreateStarted creates the run's first record and returns the one that stands. A run
// of a deployment is marked as not over before that: whatever is begun is found.
func (r *Run) CreateStarted(ctx context.Context, s Started) (Started, error) {
	s.V, s.Run = Version, r.Name
	switch {
	case s.Verifies != nil:
		s.V = files.Newest
	case s.Events:
		s.V = files.WithEvents
	}
	if s.Deployed {
		if err := r.Steering().MarkOpen(ctx); err != nil {
			return Started{}, err
		}
	}
	stands, err := files.CreateRecord(ctx, r.files, "job.json", s)
	if err == nil {
		r.ledger.begun.add(stands)
	}
	return stands, err
}

// begun has the first records that a process has created, or found when it would create
// them, which never change: at most mostBegun. It is safe for concurrent use.
type begun struct {
	mu   sync.Mutex
	runs map[string]Started
}

const mostBegun = 16

func (b *begun) add(s Started) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runs == nil || len(b.runs) >= mostBegun {
		b.runs = map[string]Started{}
	}
	b.runs[s.Run] = s
}

func (b *begun) get(run string) (Started, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.runs[run]
	return s, ok
}

// Begun is ReadStarted without a request where this process has begun the run. Its Written
// may be zero.
func (r *Run) Begun(ctx context.Context) (Started, error) {
	if s, ok := r.ledger.begun.get(r.Name); ok {
		return s, nil
	}
	return r.ReadStarted(ctx)
}

// ReadStarted reads the run's first record. A run that was never started is NotFound.
func (r *Run) ReadStarted(ctx context.Context) (Started, error) {
	if s := r.started.Load(); s != nil {
		return *s, nil
	}
	s, at, err := files.ReadDatedRecord[Started](ctx, r.files, "job.json")
	if s.Written = at; err == nil {
		r.started.Store(&s)
	}
	return s, err
}

// Shards are the outcomes of a run's shards: as they were listed, verified, and, of a run
// that was cancelled, ended.
type Shards struct{ files files.Folder }

// Shards returns the run's.
func (r *Run) Shards() Shards { return Shards{r.files} }

// CreateListed creates a shard's outcome and returns the one that stands.
func (s Shards) CreateListed(ctx context.Context, c Closed) (Closed, error) {
	c.V = Version
	return files.CreateLasting(ctx, s.files, "closed/"+c.Shard, c)
}

// ReadListed reads a shard's outcome. NotFound while it is open.
func (s Shards) ReadListed(ctx context.Context, shard string) (Closed, error) {
	parent, again := ParentOf(shard)
	if !again {
		return files.ReadRecord[Closed](ctx, s.files, "closed/"+shard)
	}
	p, err := s.ReadVerified(ctx, parent)
	if err != nil {
		return Closed{}, err
	}
	if p.Next == nil || p.Next.Shard != shard {
		return Closed{}, fault.New(fault.NotFound, "ledger.ReadListed", shard, nil)
	}
	return *p.Next, nil
}

// RecallListed is ReadListed without a request where this process remembers the outcome. What
// adds up a run reads it: a record may be damaged after it was created.
func (s Shards) RecallListed(ctx context.Context, shard string) (Closed, error) {
	if _, again := ParentOf(shard); again {
		return s.ReadListed(ctx, shard)
	}
	return files.ReadLasting[Closed](ctx, s.files, "closed/"+shard)
}

// CreateDeleteDecision creates the run's decision on deletions and returns the one that
// stands.
func (r *Run) CreateDeleteDecision(ctx context.Context, d DeleteDecision) (DeleteDecision, error) {
	d.V = Version
	return files.CreateRecord(ctx, r.files, "gate.json", d)
}

// ReadDeleteDecision reads the run's decision on deletions. NotFound before it is made.
func (r *Run) ReadDeleteDecision(ctx context.Context) (DeleteDecision, error) {
	return files.ReadRecord[DeleteDecision](ctx, r.files, "gate.json")
}

// CreateVerified creates a shard's verification and returns the one that stands.
func (s Shards) CreateVerified(ctx context.Context, p Proved) (Proved, error) {
	p.V = Version
	return files.CreateRecord(ctx, s.files, "verified/"+p.Shard, p)
}

// ReadVerified reads a shard's verification. NotFound while it is open.
func (s Shards) ReadVerified(ctx context.Context, shard string) (Proved, error) {
	return files.ReadRecord[Proved](ctx, s.files, "verified/"+shard)
}

// Nonce returns eight characters that no other process or delivery will
// return. Whatever a task writes before its record carries one, so two
// deliveries never write the same name.
func Nonce() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, since Go 1.24)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// EventRef is the batch of an event.
func EventRef(id string) BatchRef { return BatchRef{ID: id, Rows: 1, Pending: 1} }

// RootShard is the name of every run's first shard.
const RootShard = "0"

// AgainShard returns a new name for what verification of shard seals again.
func AgainShard(shard string) string { return shard + "~" + Nonce() }

// ParentOf returns the shard whose verification sealed this one.
func ParentOf(shard string) (string, bool) {
	i := strings.LastIndexByte(shard, '~')
	if i < 0 {
		return "", false
	}
	return shard[:i], true
}
