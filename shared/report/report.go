// Package report holds what a run came to: the report that it ends with, and what
// is told from its records afterwards. It reads the ledger and writes nothing.
//
//	report.go      Report, its files, and Read
//	fold.go        Fold: a report from the records of a run's shards
//	deletions.go   what became of deletions
//	doubt.go       why a run whose books balance is not verified
//	page.go        Page: the report as HTML; words.go spells keys and sizes
//	causes.go      Causes: failures grouped by what caused them
//	notmoved.go    what was skipped or is gone, and the cure
//	retriable.go   Retriable: the keys that another run may bring further
//	why.go         Why: all that the records tell of one object
package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
)

// Result is how a run ended.
type Result string

const (
	// Verified: something was listed, or the job allows that nothing is; every
	// listed object ended, none failed, conflicts or differs, every copied or
	// unchanged one was proved, and nothing speaks against the source's listing.
	Verified Result = "verified"
	// Incomplete: the run ended, and something needs a human.
	Incomplete Result = "incomplete"
	// Cancelled: a person ended the run before its end.
	Cancelled Result = "cancelled"
)

// Summary is the part of a Report that commands print.
type Summary struct {
	Run      string  `json:"run"`
	Result   Result  `json:"result"`
	Reason   string  `json:"reason,omitempty"` // why it is not verified, where no object tells
	Seconds  float64 `json:"seconds"`
	NotMoved int64   `json:"not_moved,omitempty"` // objects that were skipped or are gone: the report names why
	Objects  Totals  `json:"objects"`
	Bytes    Totals  `json:"bytes"`
}

// Totals are the numbers of a run, of objects or of bytes. Listed is the sum
// of copied, unchanged, skipped, conflict, gone, failed and open; verified and
// mismatch are among the copied and the unchanged.
type Totals struct {
	Listed    int64 `json:"listed"`
	Copied    int64 `json:"copied"`
	Unchanged int64 `json:"unchanged"`
	Skipped   int64 `json:"skipped"`
	Conflict  int64 `json:"conflict"`
	Gone      int64 `json:"gone"`
	Deleted   int64 `json:"deleted"`
	Failed    int64 `json:"failed"`
	Verified  int64 `json:"verified"`
	Mismatch  int64 `json:"mismatch"`
	Open      int64 `json:"open,omitempty"`     // of a cancelled run: not written off as anything when it ended
	Excluded  int64 `json:"excluded,omitempty"` // seen at the source and not chosen by the job's filter: not among listed
}

// Report is `report.json`.
type Report struct {
	V int `json:"v"`
	Summary
	Source   string                        `json:"source"`
	Target   string                        `json:"target"`
	Started  time.Time                     `json:"started"`
	Finished time.Time                     `json:"finished"`
	Balanced bool                          `json:"balanced"` // listed = copied + unchanged + skipped + conflict + gone + failed + open
	Proofs   map[ledger.Proof]ledger.Tally `json:"proofs,omitempty"`
	Causes   map[ledger.Cause]ledger.Tally `json:"causes,omitempty"`   // of what was skipped or is gone
	Warned   int64                         `json:"warned"`             // objects with a warning, as of metadata that could not be kept
	Behind   int64                         `json:"behind,omitempty"`   // how often the source ended its listing early: what was behind was listed
	Unlisted int64                         `json:"unlisted,omitempty"` // objects that the source had all the time, and that one of its listings did not show
	Absent   int64                         `json:"absent,omitempty"`   // keys that the job's list names and the source did not have
	Shards   int                           `json:"shards"`
	Failures []ledger.Failure              `json:"failures,omitempty"` // the first 1,000; the CSV files have all
	Unknown  []Unknown                     `json:"unknown,omitempty"`  // the first 1,000 of the stretches given up, whose count is not known
	Unknowns int                           `json:"unknowns,omitempty"` // how many of these there are, where not all are named
	Mirror   *Mirror                       `json:"mirror,omitempty"`   // what became of deletions, where they are mirrored

	absent []string // some of the keys that Absent counts
}

// Mirror is what became of the target's copies of what the source no longer has.
type Mirror struct {
	Candidates ledger.Tally `json:"candidates"`
	Refused    string       `json:"refused,omitempty"` // why nothing was deleted
	Deleted    ledger.Tally `json:"deleted"`
	Kept       ledger.Tally `json:"kept"`            // at the source again, written by someone else meanwhile, or not to be deleted any more
	Others     ledger.Tally `json:"others,omitzero"` // copies that the source does not have and that stay: another job made them, or an earlier version of Ferry, which did not say which
	Failed     ledger.Tally `json:"failed"`          // could not be deleted
	Open       ledger.Tally `json:"open,omitzero"`   // of a cancelled run: their turn had not come
}

// Unknown is a stretch of the key space of which nothing is proved.
type Unknown struct {
	Shard  string `json:"shard"`
	After  string `json:"after,omitempty"`
	UpTo   string `json:"up_to,omitempty"`
	Reason string `json:"reason"`
}

// Manifest is `manifest.json`: every file with rows and its SHA-256, so that the proof can be kept.
type Manifest struct {
	V     int           `json:"v"`
	Run   string        `json:"run"`
	Files []ledger.File `json:"files"`
}

// Stretches counts the stretches that were given up, named or not.
func (rep Report) Stretches() int64 { return int64(max(len(rep.Unknown), rep.Unknowns)) }

// The files of a run beside report.json.
const (
	ManifestFile = "manifest.json"
	PageFile     = "report.html"
	// Deletions names the file of the rows of deletions, where a file of listed
	// objects is named after its shard.
	Deletions = "deleted"
)

// Files are the files that a run ends with, as they are to be written.
type Files struct {
	Report, Manifest, Page []byte
}

// Encode returns the files of a report. The error is Invalid.
func Encode(rep Report, m Manifest) (Files, error) {
	manifest, merr := json.MarshalIndent(m, "", "  ")
	report, rerr := json.MarshalIndent(rep, "", "  ")
	page, perr := Page(rep, m)
	if err := errors.Join(merr, rerr, perr); err != nil {
		return Files{}, fault.New(fault.Invalid, "report.Encode", rep.Run, err)
	}
	return Files{Report: append(report, '\n'), Manifest: append(manifest, '\n'), Page: page}, nil
}

// Read reads the report of a run. The error is NotFound while the run goes on, and
// Corrupt where the report is damaged.
func Read(ctx context.Context, run *ledger.Run) (Report, error) {
	var rep Report
	data, err := run.Report(ctx)
	if err != nil {
		return rep, err
	}
	if err := json.Unmarshal(data, &rep); err != nil {
		return rep, fault.New(fault.Corrupt, "report.Read", run.Name, fmt.Errorf("report.json: %w", err))
	}
	return rep, nil
}

// ReadManifest reads the manifest of a run. Its errors are those of Read.
func ReadManifest(ctx context.Context, run *ledger.Run) (Manifest, error) {
	var m Manifest
	data, err := run.Read(ctx, ManifestFile)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fault.New(fault.Corrupt, "report.ReadManifest", ManifestFile, err)
	}
	return m, nil
}
