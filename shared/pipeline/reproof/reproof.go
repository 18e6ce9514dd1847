// Package reproof verifies the rows of a run that is over once more, at any time after
// it. It knows no tasks, and creates no records but the first and the report.
//
//	begin.go    Begin: the first record
//	reproof.go  Piece: Prove, and what it comes to
//	cut.go      the pieces that many processes look at
//	sample.go   which objects are looked at
//	rows.go     the rows of a shard, out of its files
//	walk.go     rows and listings side by side, several objects at a time, in key order
//	look.go     a row beside what is listed, or what a HEAD describes
//	read.go     the bytes of the target, hashed
//	record.go   LookOrCut: a piece by its records, and what it came to as the record of it
//	report.go   Report: what a whole verification came to
package reproof

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

// Mode is what a row is held against.
type Mode string

const (
	Rows Mode = "rows" // both sides, listed again: no request an object
	Head Mode = "head" // CRC64, ETag and kept hash of the target's object: one HEAD each
	Read Mode = "read" // the bytes of the target's object, hashed, beside the source, listed again
)

// Modes lists every mode, the cheapest first.
var Modes = [...]Mode{Rows, Head, Read}

// ParseMode reads a mode. The error is Invalid and names all.
func ParseMode(text string) (Mode, error) {
	for _, m := range Modes {
		if string(m) == text {
			return m, nil
		}
	}
	return "", fault.New(fault.Invalid, "reproof.ParseMode", text, fmt.Errorf("%q is no way to verify: it is rows (both sides are listed again), head (one HEAD of each object in the target) or read (its bytes are read)", text))
}

// Piece is rows that are verified by one task.
type Piece struct {
	Range  store.Range // of source keys
	Mode   Mode
	Sample Sample
	Job    job.Job
	Run    string // whose rows they are
	Chain  bool   // the source is listed one key after the other: none is jumped over

	Source store.Source
	Target store.Source // speaks source keys
	// Rows yields the rows of the objects that the run proved, in key order. Those
	// outside Range are passed over.
	Rows func(ctx context.Context) iter.Seq2[ledger.Row, error]

	Rules *verdict.Rules
	Asker *verdict.Asker
	Slots *limit.AIMD // objects in flight
	Pace  *limit.Pace
	Carry []byte // how far the first object was read, as Sum.Carry told
	// Near reports whether there is no time left to look at an object of so many bytes.
	Near func(size int64) bool
	Saw  func(key string, n, bytes int64) // called when n more objects of bytes were looked at; may be nil
}

// Sum is what a piece came to.
type Sum struct {
	Counts   ledger.Reproof
	Failures []ledger.Failure // the first of them
	Table    *table.Writer    // a line for every row that is not verified
	// More says that the time was over: what is left is the keys behind Last, the whole
	// piece where Last is "", and Carry is how far the first of it was read.
	More  bool
	Last  string
	Carry []byte
}

// outcome is what was found of one row.
type outcome struct {
	row     ledger.Row
	finding ledger.Finding
	by      ledger.Proof // of one that holds: by what
	why     string       // of any other
	carry   []byte       // of an object that was not read to its end: how far it was
	cut     bool         // its time was over before anything was found
}

// Prove looks at the objects of the piece, and returns what it comes to. Where ctx ends
// first, that is as far as it came. The error is that of a listing, of Rows, or of a
// question to the target that is not about one object alone.
func (s *Piece) Prove(ctx context.Context) (Sum, error) {
	b := book{sum: Sum{Table: table.NewWriter(s.Job, s.Run)}}
	for o, err := range s.walk(ctx) {
		if err != nil {
			return b.sum, err
		}
		if o.cut {
			b.sum.More, b.sum.Carry = true, o.carry
			break
		}
		if err := b.take(o); err != nil {
			return b.sum, err
		}
	}
	if !b.sum.More {
		return b.sum, b.settle()
	}
	if b.sum.Last == "" && len(b.tail) == 0 && len(b.sum.Carry) <= len(s.Carry) && string(b.sum.Carry) == string(s.Carry) {
		return b.sum, fault.New(fault.Temporary, "reproof.Prove", s.Range.After, errors.New("there was no time to look at a single object"))
	}
	if len(b.tail) > 0 { // these are looked at again, for a piece cannot begin behind them
		b.sum.Carry = nil
	}
	return b.sum, nil
}

// book adds up outcomes. Those behind the last key at which a piece can be cut are
// in tail.
type book struct {
	sum  Sum
	tail []outcome
}

func (b *book) take(o outcome) error {
	b.tail = append(b.tail, o)
	if !listing.IsBorder(o.row.Key()) {
		return nil
	}
	b.sum.Last = o.row.Key()
	return b.settle()
}

// settle adds up the outcomes in tail.
func (b *book) settle() error {
	for _, o := range b.tail {
		b.sum.Counts.Rows.Add(1, o.row.Src.Size)
		if o.finding == "" {
			continue // the row is not in the sample
		}
		b.sum.Counts.Find(o.finding, o.by, o.row.Src.Size)
		if o.finding == ledger.Holds {
			continue
		}
		row := o.row
		row.Verdict = ""
		if o.finding == ledger.Differs || o.finding == ledger.Lost {
			row.Verdict = ledger.Mismatch
		}
		row.Because("", o.why)
		if o.finding != ledger.Vanish && len(b.sum.Failures) < ledger.MaxFailures {
			b.sum.Failures = append(b.sum.Failures, row.Failure())
		}
		if err := b.sum.Table.Add(row); err != nil {
			return err
		}
	}
	b.tail = b.tail[:0]
	return nil
}

// timeOf is how precise a time is that two listings of an object may tell apart.
const timeOf = time.Second

// sameSource reports whether the source lists the version that a row is of.
func sameSource(row, now store.Object) bool {
	if row.Size != now.Size || row.Hash != now.Hash {
		return false
	}
	return row.Hash != "" || row.Modified.Truncate(timeOf).Equal(now.Modified.Truncate(timeOf))
}
