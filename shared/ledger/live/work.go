package live

import (
	"context"
	"path"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Work is what a process tells, every WorkEvery while it has tasks, of its work on a run:
// `live/work/<since>-<process>`. It is replaced in place and bounded: a PUT each time of
// some kilobytes. Nothing but what is shown rests on it: a task that is done twice is
// counted twice.
type Work struct {
	V       int       `json:"v"`
	Process string    `json:"process"`
	Host    string    `json:"host,omitempty"` // as its people call it, of a process of a machine
	PID     int       `json:"pid,omitempty"`
	Since   time.Time `json:"since"` // when it began to work on the run, to the second, by its own clock
	At      time.Time `json:"at"`
	Left    bool      `json:"left,omitempty"` // the process no longer works on the run
	Copies  bool      `json:"copies,omitempty"`
	Total   Done      `json:"total"`  // since Since
	Minute  Done      `json:"minute"` // of that, in the last minute before At

	InFlight int         `json:"in_flight,omitempty"`   // objects at a time
	Binds    string      `json:"binds,omitempty"`       // what bounds its speed, as package limit names it
	UnderWay []BatchDone `json:"under_way,omitempty"`   // batches that it works at, at most MaxBatches
	Written  []BatchDone `json:"written_off,omitempty"` // batches that it wrote off last, at most MaxBatches
	Failures []Failed    `json:"failures,omitempty"`    // at most MaxCauses

	Seen time.Time `json:"-"` // when it was written, by the store's clock
}

// Done is what was done.
type Done struct {
	Objects   int64 `json:"objects,omitempty"` // that ended
	Bytes     int64 `json:"bytes,omitempty"`   // that were copied
	Failed    int64 `json:"failed,omitempty"`  // of Objects, those that need a person
	Throttled int64 `json:"throttled,omitempty"`
}

// BatchDone is what was done of a batch.
type BatchDone struct {
	ID string `json:"id"`
	Done
}

// Failed is objects that failed for one cause.
type Failed struct {
	State   string   `json:"state"`
	Cause   string   `json:"cause"`
	Reason  string   `json:"reason"` // of one of them
	Objects int64    `json:"objects"`
	Keys    []string `json:"keys"` // the first MaxKeys
}

const (
	// WorkEvery is how often a process that has tasks tells what it has done.
	WorkEvery = 10 * time.Second
	// WorkFor is how long after it has told so last a process counts as living.
	WorkFor = 3*WorkEvery + WorkEvery/2

	// MaxBatches, MaxCauses and MaxKeys bound a record.
	MaxBatches = 64
	MaxCauses  = 20
	MaxKeys    = 3
)

const liveWork = "live/work/"

func workName(w Work) string { return liveWork + w.Since.UTC().Format(files.Time) + "-" + w.Process }

// WriteWork writes what a process tells.
func WriteWork(ctx context.Context, dir files.Folder, w Work) error {
	w.V, w.Since, w.At = files.Version, w.Since.UTC(), w.At.UTC()
	return files.WriteRecord(ctx, dir, workName(w), w)
}

// ReadWork reads what a process tells that At lists.
func ReadWork(ctx context.Context, dir files.Folder, of Sign) (Work, error) {
	w, at, err := files.ReadDatedRecord[Work](ctx, dir, workName(Work{Process: of.Process, Since: of.Since}))
	w.Seen = at
	return w, err
}

// At is everybody who ever gave a sign of life of a run, or of whom none was dropped yet.
type At struct {
	Signs  []Sign // of those that share limits, whether they live or not
	Work   []Sign // of those that tell what they do, the same
	Holder Holder // the last that held the run, of N and Seen alone; N is 0 where none did
}

// List lists everybody by one listing.
func List(ctx context.Context, dir files.Folder) (At, error) {
	var found At
	_, err := files.ListAll(ctx, dir, store.Range{Prefix: "live/"}, func(name string, o store.Object) (struct{}, bool) {
		folder, base := path.Split(name)
		p, ok := signOf(base, o)
		ok = ok && o.Size > 0
		switch folder {
		case liveWork:
			if ok {
				found.Work = append(found.Work, p)
			}
		case holding:
			if n, err := strconv.Atoi(base); err == nil && n >= found.Holder.N {
				found.Holder.N, found.Holder.Seen = n, o.Modified
			}
		case liveCopying, liveOther, liveWaiting:
			p.Copies, p.Waits = folder == liveCopying, folder == liveWaiting
			if ok {
				found.Signs = append(found.Signs, p)
			}
		}
		return struct{}{}, false
	})
	return found, err
}

// ReadHolder reads the n-th holder of a run. One that cannot be read has no Process.
func ReadHolder(ctx context.Context, dir files.Folder, n int, seen time.Time) (Holder, error) {
	h, err := files.ReadRecord[Holder](ctx, dir, holderName(n))
	if files.Missing(err) || files.Unreadable(err) {
		err = nil
	}
	h.N, h.Seen = n, seen
	return h, err
}

// Key is what tells a process from another that is listed.
func (s Sign) Key() string {
	return strings.Join([]string{s.Since.UTC().Format(files.Time), s.Process}, "-")
}
