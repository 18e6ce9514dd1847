// Package ledger is the truth of a migration: rows, and outcome records, kept
// as objects in a bucket. Start with Ledger and Run; row.go says what is kept
// of an object, record.go what is kept of a task, steer.go whether its tasks are done.
// A run's records are in parts, so that a caller that needs one kind takes that alone: Shards,
// Batches, Pieces (of a verification), Results, and Steering.
//
// Below it, progress walks over the records of a run and tells how far it is, index
// which runs there are, sent which messages were done, removals what a day of events
// has removed, upload what goes in parts; kept and live are what a ledger holds besides; eventnames names what it has
// of events; files is how any of it is read and written.
//
// Every task that yields work leaves exactly one outcome record, created by a
// conditional PUT. The loser of the race reads the winner's record. A segment
// of rows exists only if a record names it. Nothing is updated in place.
package ledger

import (
	"context"
	"strings"
	"sync/atomic"

	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/files"
)

// Version is the format of records and rows this code writes.
const Version = files.Version

// RunTime is how a run's name writes when it began, in UTC, so that names sort by time.
const RunTime = files.Time

// Bucket is what a ledger is kept in.
type Bucket = files.Bucket

// Ledger is a prefix of a bucket.
type Ledger struct {
	files files.Folder
	begun begun
}

// Open returns the ledger under prefix, which is empty or ends in "/".
func Open(b Bucket, prefix string) *Ledger {
	return &Ledger{files: files.Open(b, prefix)}
}

// Folder is the ledger's, for what belongs to no run.
func (l *Ledger) Folder() files.Folder { return l.files }

// Check fails with Invalid if records cannot be trusted in this bucket.
func (l *Ledger) Check(ctx context.Context) error { return l.files.Check(ctx) }

// Run returns the run of that name, which need not exist.
func (l *Ledger) Run(name string) *Run {
	return &Run{Name: name, ledger: l, files: l.files.Below("runs/" + name + "/")}
}

// Run is one run's part of the ledger. It has the records that there is one of; those of
// which there are many are below it.
type Run struct {
	Name   string // <job>/<UTC time>
	ledger *Ledger
	files  files.Folder

	started atomic.Pointer[Started] // the one record that every walk needs and that never changes
}

// Job is the name of the job that it is a run of.
func (r *Run) Job() string {
	job, _, _ := strings.Cut(r.Name, "/")
	return job
}

// Day returns the run that has what all runs of a job's events of one day have
// in common: the first of them. Any other run is alone.
func (r *Run) Day() *Run {
	at, ok := eventnames.Day(r.Name)
	if !ok {
		return r
	}
	return r.ledger.Run(eventnames.Run(r.Job(), at, 1))
}

// Folder is the run's part of the ledger.
func (r *Run) Folder() files.Folder { return r.files }

// Path returns where the run's file of that name is: the bucket's key.
func (r *Run) Path(name string) string { return r.files.Path(name) }

// Read returns the run's file of that name: "report.json", "report.html",
// "manifest.json", or one the manifest names. A missing one is NotFound.
func (r *Run) Read(ctx context.Context, name string) ([]byte, error) { return r.files.Read(ctx, name) }

// Missing reports whether err says that a record is not there yet.
func Missing(err error) bool { return files.Missing(err) }

// Unreadable reports whether err says that a record is there and cannot be read:
// it is damaged (Corrupt), or a newer version wrote it (Newer).
func Unreadable(err error) bool { return files.Unreadable(err) }

// IsTrouble reports whether err is what a ledger's bucket answered, or its not answering.
func IsTrouble(err error) bool { return files.IsTrouble(err) }
