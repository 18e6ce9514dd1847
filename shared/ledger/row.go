package ledger

import (
	"maps"
	"slices"
	"time"

	"kodoferry/shared/store"
)

// State says where an object stands.
type State string

const (
	Pending   State = "pending"   // sealed, to be copied
	Copied    State = "copied"    // its bytes were proved on the way and stored
	Updated   State = "updated"   // the target held its bytes; its attributes alone were set
	Unchanged State = "unchanged" // the target already holds it
	Present   State = "present"   // the object was in the target before Ferry, of equal size; nothing proves its bytes
	Skipped   State = "skipped"   // the object cannot be read by its owner's will: disabled, or archived and not thawed
	Conflict  State = "conflict"  // the target holds what Ferry did not write; left alone
	Gone      State = "gone"      // the object was deleted at the source since it was listed
	Deleted   State = "deleted"   // removed from the target because the source no longer has it
	Failed    State = "failed"    // given up; the reason names the cure
)

// Finals lists the states a listed object can end in: together they are the
// right side of the balance. Deleted objects were never listed.
var Finals = [...]State{Copied, Updated, Unchanged, Present, Skipped, Conflict, Gone, Failed}

// Holds reports whether the target holds the source's bytes by an object that ended in
// this state.
func (s State) Holds() bool { return s == Copied || s == Updated || s == Unchanged }

// Wrote reports whether the run that ends an object in this state wrote the target's.
func (s State) Wrote() bool { return s == Copied || s == Updated }

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
	ByTime  Proof = "time"  // an earlier version's guess, of equal size and a newer target: it proves nothing, and nothing writes it
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
	Author   string       `json:"author,omitempty"`    // the run that wrote the target's object; its job where the run is not known, or NotOurs; "": this one where the state says so, else none is known
	Prover   string       `json:"prover,omitempty"`    // the run that tied the bytes to the source; "": this one
	Attrs    string       `json:"attrs,omitempty"`     // digest of the attributes that the source told; "" where it told none
	At       time.Time    `json:"at,omitzero"`         // when it reached this state

	// Need is what a pending row needs in place of a copy; "": a copy.
	Need     Need   `json:"need,omitempty"`
	Hashed   string `json:"hashed,omitempty"`   // of a row that needs a proof: how far its target object is read (digest.Progress), where that did not fit an invocation
	Restored bool   `json:"restored,omitempty"` // an earlier run copied it, and it was deleted in the target since

	Was  *Known `json:"was,omitempty"`  // what was known of the key before the row was judged; nil where nothing was, and of a row that Holds
	Thaw *Thaw  `json:"thaw,omitempty"` // how far an archived object is restored; nil of any other

	// Then is what is to be done with the object though its state may be final.
	// It is not kept with the row: the batch that the row is sealed in tells.
	Then Then `json:"-"`
}

// Need says what is done about a pending row.
type Need string

const (
	NeedsProof      Need = "proof"      // the target's object is read, and held against the source's hash
	NeedsAttributes Need = "attributes" // the target holds its bytes: type, headers, metadata and class are set in place
)

// NotOurs is the author of an object that another writer has written over one of the
// job's, with the same bytes.
const NotOurs = "-"

// Then says which stage a row is handed on to.
type Then string

const (
	Remove Then = "remove" // the target's object is to be removed: bytes of ours that are damaged, or, of a Gone row, the copy
	Look   Then = "look"   // an event's key is to be looked at once more
)

// Thaw is how far the restoring of an archived object is.
type Thaw struct {
	Since time.Time `json:"since"`           // when it was first asked for
	Times int       `json:"times"`           // how often it was asked for
	Ready bool      `json:"ready,omitempty"` // the object could be read when it was last looked at
}

// Known is what an earlier run, round or look left of a key, in words of a row whose
// Author and Prover are named. Size, Hash, MD5 and Modified are of the source's object.
type Known struct {
	Size     int64     `json:"size"`
	Hash     string    `json:"hash,omitempty"`
	MD5      string    `json:"md5,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
	Dst      Dst       `json:"dst"`
	State    State     `json:"state"`
	Proof    Proof     `json:"proof,omitempty"`
	Author   string    `json:"author,omitempty"`
	Prover   string    `json:"prover,omitempty"`
	Attrs    string    `json:"attrs,omitempty"`
}

// Dst is what is known of the target's object.
type Dst struct {
	ETag  string `json:"etag,omitempty"`
	CRC64 string `json:"crc64,omitempty"` // ECMA-182, decimal
	Size  int64  `json:"size"`
	// Modified is when it was written, as the target lists it. In a row of what this run
	// wrote, until that is verified, it is when the target answered, or zero.
	Modified time.Time `json:"modified,omitzero"`
	// Mark is that of the writing that made it, which its metadata have, too; "" where it is
	// not known, or another writer's.
	Mark string `json:"mark,omitempty"`
}

// NeedsPerson reports whether a person has to look at the object.
func (r Row) NeedsPerson() bool {
	return r.State == Failed || r.State == Conflict || r.Verdict == Mismatch
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
	Provers  map[string]Tally  `json:"provers,omitempty"`  // among the proved: those that earlier runs proved, by run; of MaxProvers runs, those of others under ""
	Causes   map[Cause]Tally   `json:"causes,omitempty"`   // of what was skipped or is gone
	Warned   int64             `json:"warned,omitempty"`   // objects with a warning
	Restored Tally             `json:"restored,omitzero"`  // among the copied: an earlier run had copied them, and they were deleted in the target since
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
func (c *Counts) Count(r *Row) {
	one := Tally{1, r.Src.Size}
	if r.State == Deleted && r.Dst != nil {
		one.Bytes = r.Dst.Size // the source has it no more
	}
	bump(&c.States, r.State, one)
	if r.Verdict != "" {
		bump(&c.Verdicts, r.Verdict, one)
	}
	if r.Restored && r.State == Copied {
		c.Restored.add(one)
	}
	if r.Proof != "" && r.State.Holds() {
		bump(&c.Proofs, r.Proof, one)
		if r.Prover != "" {
			c.bumpProver(r.Prover, one)
		}
	}
	if r.State == Skipped || r.State == Gone {
		bump(&c.Causes, r.Cause.known(), one)
	}
	if len(r.Src.Warnings)+len(r.Warnings) > 0 {
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
	c.Restored.add(o.Restored)
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
	for _, k := range slices.Sorted(maps.Keys(o.Provers)) {
		c.bumpProver(k, o.Provers[k])
	}
	for k, v := range o.Causes {
		bump(&c.Causes, k.known(), v)
	}
}

// MaxProvers is how many earlier runs Counts names.
const MaxProvers = 20

func (c *Counts) bumpProver(run string, by Tally) {
	named := len(c.Provers)
	if _, others := c.Provers[""]; others {
		named--
	}
	if _, known := c.Provers[run]; !known && named >= MaxProvers {
		run = ""
	}
	bump(&c.Provers, run, by)
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
