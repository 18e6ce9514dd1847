package ledger

import (
	"context"
	"errors"
	"strings"
	"time"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Verification is what a verification of a run that is over was asked for. It has
// records of its own, below those of the run, and is steered, swept and ended as a run
// is: its name is `<run>/verifications/<time>`.
type Verification struct {
	Run    string `json:"run"`              // whose rows are verified
	Mode   string `json:"mode"`             // what each row is held against: as package reproof names it
	Prefix string `json:"prefix,omitempty"` // of the source keys that are looked at; the job's own at least
	Sample int64  `json:"sample"`           // so many objects of a million are looked at
	Seed   string `json:"seed"`             // which ones: by a hash of it and the key
}

// Verifications is the folder of a run's verifications.
const Verifications = "verifications"

// VerificationName names the verification of a run that begins at that time.
func VerificationName(run string, at time.Time) string {
	return run + "/" + Verifications + "/" + at.UTC().Format(RunTime)
}

// IsVerification reports whether that is the name of a verification.
func IsVerification(run string) bool { return strings.Contains(run, "/"+Verifications+"/") }

// VerifiedRun is the run that a verification of that name is of; any other name is its own.
func VerifiedRun(name string) string {
	run, _, _ := strings.Cut(name, "/"+Verifications+"/")
	return run
}

// Finding is what a verification found of one object.
type Finding string

const (
	Holds         Finding = "verified" // the target has what the source has, as the mode proves it
	Differs       Finding = "differs"  // the target has other bytes than were proved
	Lost          Finding = "missing"  // the target does not have it
	SourceChanged Finding = "changed"  // the source has another version since
	Vanish        Finding = "gone"     // the source does not have it any more, and nothing speaks against the copy
	Unproved      Finding = "unproved" // nothing could be found out, and the reason tells why
)

// Findings lists every finding in the order to show them.
var Findings = [...]Finding{Holds, Differs, Lost, SourceChanged, Unproved, Vanish}

// Reproof counts what a verification found.
type Reproof struct {
	Rows     Tally             `json:"rows"`               // objects that the run proved
	Sampled  Tally             `json:"sampled"`            // those of them that were looked at: the sum of Findings
	Findings map[Finding]Tally `json:"findings,omitempty"` //
	Evidence map[Proof]Tally   `json:"evidence,omitempty"` // of what was found verified: by what
}

// Find counts an object that was looked at.
func (p *Reproof) Find(f Finding, by Proof, size int64) {
	one := Tally{1, size}
	p.Sampled.add(one)
	bump(&p.Findings, f, one)
	if f == Holds {
		bump(&p.Evidence, by, one)
	}
}

// Add folds o into p.
func (p *Reproof) Add(o Reproof) {
	p.Rows.add(o.Rows)
	p.Sampled.add(o.Sampled)
	for f, n := range o.Findings {
		bump(&p.Findings, f, n)
	}
	for by, n := range o.Evidence {
		bump(&p.Evidence, by, n)
	}
}

// Reproved is the outcome of a Reprove task: `reproved/<shard>`.
type Reproved struct {
	V        int         `json:"v"`
	Shard    string      `json:"shard"`
	Range    store.Range `json:"range"` // as it was asked for; what of it is left is in Next
	Counts   Reproof     `json:"counts"`
	Failures []Failure   `json:"failures,omitempty"` // the first objects that are not verified
	Objects  File        `json:"objects,omitzero"`   // all of these, as CSV
	Next     []ShardRef  `json:"next,omitempty"`     // what is left
	Failed   string      `json:"failed,omitempty"`   // given up, and why
	At       time.Time   `json:"at"`
}

// Check says what cannot be.
func (p Reproved) Check() error {
	if p.Shard == "" {
		return errors.New("it names no shard")
	}
	for _, s := range p.Next {
		if s.Shard == "" {
			return errors.New("what is left has no name")
		}
	}
	return nil
}

// Pieces are the outcomes of a verification's tasks, and what one carries over to the next.
type Pieces struct{ files files.Folder }

// Pieces returns the run's: a verification has some, any other run none.
func (r *Run) Pieces() Pieces { return Pieces{r.files} }

// CreateReproved creates the outcome of a piece and returns the one that stands.
func (p Pieces) CreateReproved(ctx context.Context, r Reproved) (Reproved, error) {
	r.V = Version
	return files.CreateRecord(ctx, p.files, "reproved/"+r.Shard, r)
}

// ReadReproved reads the outcome of a piece. NotFound while it is open.
func (p Pieces) ReadReproved(ctx context.Context, shard string) (Reproved, error) {
	return files.ReadRecord[Reproved](ctx, p.files, "reproved/"+shard)
}

// WriteCarry keeps how far the first object of a piece was read. The piece exists
// once a record names it.
func (p Pieces) WriteCarry(ctx context.Context, shard string, data []byte) error {
	return p.files.Write(ctx, "carry/"+shard, data)
}

// ReadCarry returns what WriteCarry kept; NotFound where the piece begins with an object
// of which nothing was read.
func (p Pieces) ReadCarry(ctx context.Context, shard string) ([]byte, error) {
	return p.files.Read(ctx, "carry/"+shard)
}

// Verification returns the run's verification of that name.
func (r *Run) Verification(name string) *Run { return r.ledger.Run(name) }

// Of returns the run that a verification is of, itself of any other run.
func (r *Run) Of() *Run { return r.ledger.Run(VerifiedRun(r.Name)) }

// splitOff parts the name of a piece of a verification from that of the shard whose
// rows it is of.
const splitOff = "."

// PieceOf returns a new name for a piece of the shard that the piece of that name is of.
func PieceOf(piece string) string { return RowsShard(piece) + splitOff + Nonce() }

// RowsShard is the shard whose rows a piece of that name is of.
func RowsShard(piece string) string {
	shard, _, _ := strings.Cut(piece, splitOff)
	return shard
}

// RowFiles are the files with the rows of a shard, of all its rounds. The shard was verified.
func (s Shards) RowFiles(ctx context.Context, shard string) (all []File, err error) {
	for range maxRounds {
		p, err := s.ReadVerified(ctx, shard)
		if err != nil {
			return nil, err
		}
		if p.Objects.Name != "" {
			all = append(all, p.Objects)
		}
		if p.Next == nil {
			return all, nil
		}
		shard = p.Next.Shard
	}
	return nil, files.Corrupt("verified/"+shard, errors.New("its rounds have no end"))
}

// maxRounds bounds the rounds of a shard's verification: a job allows fewer.
const maxRounds = 100
