package ledger

import (
	"slices"
	"time"

	"kodoferry/shared/store"
)

// State says where an object stands.
type State string

const (
	Pending   State = "pending"   // sealed, to be copied
	Copied    State = "copied"    // its bytes were proved on the way and stored
	Unchanged State = "unchanged" // the target already holds it
	Skipped   State = "skipped"   // it cannot be read by its owner's will: disabled, or archived and not thawed
	Conflict  State = "conflict"  // the target holds what Ferry did not write; left alone
	Gone      State = "gone"      // it was deleted at the source since it was listed
	Deleted   State = "deleted"   // removed from the target because the source no longer has it
	Failed    State = "failed"    // given up; the reason names the cure
)

// Finals lists the states a listed object can end in: together they are the
// right side of the balance. Deleted objects were never listed.
var Finals = [...]State{Copied, Unchanged, Skipped, Conflict, Gone, Failed}

// Verdict says what verification found of a copied or unchanged object.
type Verdict string

const (
	Verified Verdict = "verified"
	Mismatch Verdict = "mismatch"
)

// Proof says how the bytes of a copy were tied to the source.
type Proof string

const (
	ByQetag Proof = "qetag" // the stream had Kodo's hash
	ByMD5   Proof = "md5"   // the stream had the listed MD5
	ByCRC   Proof = "crc"   // no usable hash at the source: size, and the CRC64 of what was read is the CRC64 of what is stored
	ByKept  Proof = "kept"  // unchanged: the target carries the source's hash from an earlier run
	ByTime  Proof = "time"  // unchanged: equal size and MD5 where both have one, target newer by more than 15 minutes
)

// Row is one object: what was listed, what was done, and the proof.
type Row struct {
	Src      store.Object `json:"src"`
	Dst      *Dst         `json:"dst,omitempty"` // the target's object: as listed while pending, as stored once copied
	State    State        `json:"state"`
	Verdict  Verdict      `json:"verdict,omitempty"`
	Proof    Proof        `json:"proof,omitempty"`
	Reason   string       `json:"reason,omitempty"`    // why, and the cure; for every state a user may ask about
	Cause    Cause        `json:"cause,omitempty"`     // the same as a value, to group and count by
	Warnings []string     `json:"warnings,omitempty"`  // what could not be kept: metadata over a limit
	Grew     int64        `json:"grew,omitempty"`      // bytes the source object gained since it was listed, where its newer version was copied
	Tries    int          `json:"tries,omitempty"`     // how often copying was tried and failed
	Waits    int          `json:"waits,omitempty"`     // how often it was handed on because a service asked to slow down, or its bucket refused everything
	PartSize int64        `json:"part_size,omitempty"` // bytes of its parts, where it did not fit an invocation as a whole or in larger ones
	Read     string       `json:"read,omitempty"`      // the hash of the last damaged read, to tell a wrong listing from damage
	At       time.Time    `json:"at,omitzero"`         // when it reached this state

	// Then is what is to be done with the object though its state may be final.
	// It is not kept with the row: the batch that the row is sealed in tells.
	Then Then `json:"-"`
}

// Then says which stage a row is handed on to.
type Then string

const (
	Remove Then = "remove" // the target's object is to be removed: bytes of ours that are damaged, or, of a Gone row, the copy
	Look   Then = "look"   // an event's key is to be looked at once more
)

// Dst is what is known of the target's object.
type Dst struct {
	ETag     string    `json:"etag,omitempty"`
	CRC64    string    `json:"crc64,omitempty"` // ECMA-182, decimal
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified,omitzero"`
}

// Key is the source key.
func (r Row) Key() string { return r.Src.Key }

// Tally counts objects and bytes.
type Tally struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

func (t *Tally) add(o Tally) { t.Objects += o.Objects; t.Bytes += o.Bytes }

// Add counts objects of bytes in all.
func (t *Tally) Add(objects, bytes int64) { t.add(Tally{objects, bytes}) }

// Counts tallies rows by state, and apart from that by verdict, proof and warning.
type Counts struct {
	Listed   Tally             `json:"listed"`
	Excluded Tally             `json:"excluded,omitzero"` // seen at the source and not chosen by the job: not among Listed
	States   map[State]Tally   `json:"states,omitempty"`
	Verdicts map[Verdict]Tally `json:"verdicts,omitempty"`
	Proofs   map[Proof]Tally   `json:"proofs,omitempty"`
	Causes   map[Cause]Tally   `json:"causes,omitempty"`   // of what was skipped or is gone
	Warned   int64             `json:"warned,omitempty"`   // objects with a warning
	Behind   int64             `json:"behind,omitempty"`   // how often the source ended its listing early: what was behind is among Listed
	Unlisted int64             `json:"unlisted,omitempty"` // objects that the source had all the time, and that one of its listings did not show
	Absent   int64             `json:"absent,omitempty"`   // keys that the job's list names and the source did not have: among the gone
}

// AllWarnings are those of the object as it was listed, and of the row, each once.
func (r Row) AllWarnings() []string {
	all := slices.Clip(r.Src.Warnings)
	for _, w := range r.Warnings {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

// Count adds one row in its present state. It does not touch Listed, which is
// counted where the listing is read, so that the books can be held against it.
func (c *Counts) Count(r Row) {
	one := Tally{1, r.Src.Size}
	if r.State == Deleted && r.Dst != nil {
		one.Bytes = r.Dst.Size // the source has it no more
	}
	bump(&c.States, r.State, one)
	if r.Verdict != "" {
		bump(&c.Verdicts, r.Verdict, one)
	}
	if r.Proof != "" && (r.State == Copied || r.State == Unchanged) {
		bump(&c.Proofs, r.Proof, one)
	}
	if r.State == Skipped || r.State == Gone {
		bump(&c.Causes, r.Cause.known(), one)
	}
	if len(r.AllWarnings()) > 0 {
		c.Warned++
	}
	if r.Src.EndedEarly() {
		c.Behind++
	}
}

// Add folds o into c.
func (c *Counts) Add(o Counts) {
	c.Listed.add(o.Listed)
	c.Excluded.add(o.Excluded)
	c.Warned += o.Warned
	c.Behind += o.Behind
	c.Unlisted += o.Unlisted
	c.Absent += o.Absent
	for k, v := range o.States {
		bump(&c.States, k, v)
	}
	for k, v := range o.Verdicts {
		bump(&c.Verdicts, k, v)
	}
	for k, v := range o.Proofs {
		bump(&c.Proofs, k, v)
	}
	for k, v := range o.Causes {
		bump(&c.Causes, k.known(), v)
	}
}

// Balanced reports whether everything listed ended in a final state, or is
// still pending in the books of a run that was cancelled.
func (c Counts) Balanced() bool {
	sum := c.States[Pending]
	for _, s := range Finals {
		sum.add(c.States[s])
	}
	return sum == c.Listed
}

func bump[K comparable](m *map[K]Tally, k K, by Tally) {
	if *m == nil {
		*m = map[K]Tally{}
	}
	t := (*m)[k]
	t.add(by)
	(*m)[k] = t
}
