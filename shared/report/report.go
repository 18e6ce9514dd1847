// Package report holds what a run came to: the report that it ends with, and what
// is told from its records afterwards. It reads the ledger and writes nothing.
//
//	report.go      Report, its files, and Read
//	fold.go        Fold: a report from the records of a run's shards
//	lists.go       what failed, and what was there before, as files for spreadsheets
//	deletions.go   what became of deletions
//	doubt.go       why a run whose books balance is not verified
//	page.go        Page: the report as HTML; books.go and plot.go are parts of it, words.go spells keys and sizes
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
	"maps"
	"slices"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
)

// Result is how a run ended.
type Result string

const (
	// Verified: something was listed, or the job allows that nothing is; every
	// listed object ended, none failed, conflicts or differs, every copied or
	// unchanged one was proved, and nothing speaks against the source's listing.
	Verified Result = "verified"
	// Unproved: the run would be Verified, but for objects that were in the target
	// before, of equal size, whose bytes nothing ties to the source, and that the job does
	// not accept.
	Unproved Result = "unproved"
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
// of copied, updated, unchanged, present, skipped, conflict, gone, failed and open;
// verified is among the copied, updated and unchanged, mismatch among all that the target
// was to hold, and restored among the copied.
type Totals struct {
	Listed    int64 `json:"listed"`
	Copied    int64 `json:"copied"`
	Updated   int64 `json:"updated,omitempty"` // their attributes alone were set
	Unchanged int64 `json:"unchanged"`
	Present   int64 `json:"present,omitempty"` // in the target before, and unproved
	Skipped   int64 `json:"skipped"`
	Conflict  int64 `json:"conflict"`
	Gone      int64 `json:"gone"`
	Deleted   int64 `json:"deleted"`
	Failed    int64 `json:"failed"`
	Verified  int64 `json:"verified"`
	Mismatch  int64 `json:"mismatch"`
	Restored  int64 `json:"restored,omitempty"` // an earlier run had copied them, and they were deleted in the target since
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
	Balanced bool                          `json:"balanced"` // listed = copied + updated + unchanged + present + skipped + conflict + gone + failed + open
	Proofs   map[ledger.Proof]ledger.Tally `json:"proofs,omitempty"`
	Provers  map[string]ledger.Tally       `json:"provers,omitempty"`  // among the proved: what earlier runs proved and what is as it was since, by run; of 20 runs, the rest under ""
	Causes   map[ledger.Cause]ledger.Tally `json:"causes,omitempty"`   // of what was skipped or is gone
	Accepted bool                          `json:"accepted,omitempty"` // the job takes what is present as it is
	Warned   int64                         `json:"warned"`             // objects with a warning, as of metadata that could not be kept
	Behind   int64                         `json:"behind,omitempty"`   // how often the source ended its listing early: what was behind was listed
	Unlisted int64                         `json:"unlisted,omitempty"` // objects that the source had all the time, and that one of its listings did not show
	Absent   int64                         `json:"absent,omitempty"`   // keys that the job's list names and the source did not have
	Shards   int                           `json:"shards"`
	Manifest string                        `json:"manifest,omitempty"` // SHA-256 of its manifest, hex
	Profile  ledger.Profile                `json:"profile,omitzero"`   // of all rows: what the page's plots are drawn from
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

// Manifest is `manifest.json`: every file with rows and its SHA-256, so that the proof can
// be kept. The report has the SHA-256 of the manifest.
type Manifest struct {
	V      int           `json:"v"`
	Run    string        `json:"run"`
	Events bool          `json:"events,omitempty"` // of a day of events: keys are in no order and may recur
	Files  []ledger.File `json:"files"`
	Lists  []List        `json:"lists,omitempty"` // those beside the report that have some of the rows once more

	apart map[string][]ledger.File // by list: the files of its rows, of each shard that has some
	of    map[string]int64         // by list: how many rows there are for it
}

// List is a file beside the report that has the first of some rows once more.
type List struct {
	ledger.File
	Of int64 `json:"of"` // how many there are
}

// Held counts the objects that the target is said to hold by a proof.
func (t Totals) Held() int64 { return t.Copied + t.Updated + t.Unchanged }

// Sum adds up how what was listed ended.
func (t Totals) Sum() int64 {
	return t.Held() + t.Present + t.Skipped + t.Conflict + t.Gone + t.Failed + t.Open
}

// EarlierRun is an earlier run, and what of this one it proved.
type EarlierRun struct {
	Name string
	ledger.Tally
}

// EarlierRuns are the runs that Provers names, in order; those that it does not name come last.
func (rep Report) EarlierRuns() (all []EarlierRun) {
	for _, name := range slices.Sorted(maps.Keys(rep.Provers)) {
		if name != "" {
			all = append(all, EarlierRun{name, rep.Provers[name]})
		}
	}
	if others, ok := rep.Provers[""]; ok {
		all = append(all, EarlierRun{"other runs", others})
	}
	return all
}

// Stretches counts the stretches that were given up, named or not.
func (rep Report) Stretches() int64 { return int64(max(len(rep.Unknown), rep.Unknowns)) }

// The files of a run beside report.json.
const (
	ManifestFile = ledger.ManifestFile
	PageFile     = "report.html"
	// Deletions names the file of the rows of deletions, where a file of listed
	// objects is named after its shard.
	Deletions = "deleted"
)

// Files are the files that a run ends with, as they are to be written.
type Files struct {
	Report, Manifest, Page []byte
}

// Encode returns the files of a report, which gets the SHA-256 of its manifest. The error
// is Invalid.
func Encode(rep Report, m Manifest) (Files, error) {
	manifest, merr := json.MarshalIndent(m, "", "  ")
	manifest = append(manifest, '\n')
	rep.Manifest = Sum(manifest)
	report, rerr := json.MarshalIndent(rep, "", "  ")
	page, perr := Page(rep, m)
	if err := errors.Join(merr, rerr, perr); err != nil {
		return Files{}, fault.New(fault.Invalid, "report.Encode", rep.Run, err)
	}
	return Files{Report: append(report, '\n'), Manifest: manifest, Page: page}, nil
}

// Sum is the SHA-256 of a file as a report and a manifest have it.
func Sum(data []byte) string { return ledger.Sum(data) }

// Read reads the report of a run. The error is NotFound while the run goes on, Corrupt
// where the report is damaged, and Newer where a newer version wrote it.
func Read(ctx context.Context, run *ledger.Run) (Report, error) {
	data, err := run.Results().ReadReport(ctx)
	if err != nil {
		return Report{}, err
	}
	return files.DecodeRecord[Report](data, "report.json")
}

// ReadManifest reads the manifest of a run whose report is rep. Its errors are those of Read.
func ReadManifest(ctx context.Context, run *ledger.Run, rep Report) (Manifest, error) {
	var m Manifest
	data, err := run.Results().ReadManifest(ctx, rep.Manifest)
	switch {
	case ledger.Missing(err):
		return m, fault.New(fault.NotFound, "report.ReadManifest", ManifestFile, fmt.Errorf("the ledger has no %s of run %s: put it back from a backup, or run the job again", ManifestFile, run.Name))
	case err != nil:
		return m, err
	}
	if err = json.Unmarshal(data, &m); err == nil && rep.Manifest != "" && Sum(data) != rep.Manifest {
		err = errors.New("its SHA-256 is not the report's")
	}
	if err != nil {
		return m, fault.New(fault.Corrupt, "report.ReadManifest", ManifestFile, fmt.Errorf("the ledger's file %s of run %s is damaged: put it back from a backup: %w", ManifestFile, run.Name, err))
	}
	return m, files.CheckVersion(m.V, ManifestFile)
}

// ReadFile reads a file of a run that has ended, by its report: what lies in the ledger as its page
// or its manifest may be of a process that was cut off before another ended the run. Where report
// or manifest cannot be read, as one of a newer version, a file is as it lies there.
func ReadFile(ctx context.Context, run *ledger.Run, name string) ([]byte, error) {
	if name != ManifestFile && name != PageFile {
		return run.Read(ctx, name)
	}
	rep, err := Read(ctx, run)
	if ledger.Unreadable(err) {
		return run.Read(ctx, name)
	} else if err != nil {
		return nil, err
	}
	if name == ManifestFile {
		return run.Results().ReadManifest(ctx, rep.Manifest)
	}
	m, err := ReadManifest(ctx, run, rep)
	if ledger.Missing(err) || ledger.Unreadable(err) {
		return run.Read(ctx, name)
	} else if err != nil {
		return nil, err
	}
	return Page(rep, m)
}

// JobOf reads the job of a run, and its first record, which has it.
func JobOf(ctx context.Context, run *ledger.Run) (job.Job, ledger.Started, error) {
	started, err := run.ReadStarted(ctx)
	if err != nil {
		return job.Job{}, started, err
	}
	j, err := job.Decode(started.Job)
	return j, started, err
}
