// Package live is what the processes of a run tell one another: that they work on
// it, hold it or wait for it, what they do, how fast they copy, which side does not answer. No
// outcome depends on any of it. work.go has what each tells of its work, sign.go has the signs of life, pulling.go those of a
// deployment's long invocations, holder.go who does a run alone.
//
// All of it is files below a run's folder, or a ledger's, that are replaced in place;
// they may be dropped once no process works on the run.
package live

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// For is how long a process counts as living after its last sign of life.
const For = time.Minute

// Sign is a process at work on a run: `live/<what>/<since>-<process>`. Its
// name tells all of it, so that one listing finds everybody, in the order in
// which they began. Lifecycle rules drop what is left of old ones.
type Sign struct {
	Process string    `json:"process"`
	Since   time.Time `json:"since"` // when it began to work on the run, to the second, by its own clock
	Copies  bool      `json:"copies,omitempty"`
	Waits   bool      `json:"waits,omitempty"` // for a place among those that may copy, and does nothing else
	Seen    time.Time `json:"seen"`            // its last sign of life, by the store's clock
	Copied  time.Time `json:"copied,omitzero"` // its last sign that it copies, if that is at most For old
}

// record is the file itself, for people who look.
type record struct {
	V       int       `json:"v"`
	Process string    `json:"process"`
	Since   time.Time `json:"since"`
	At      time.Time `json:"at"`
}

// The folders of live/. A process that copies and does other things, too, is in the first.
const (
	liveCopying = "live/copy/"
	liveOther   = "live/other/"
	liveWaiting = "live/wait/"
)

// WriteSign writes a sign of life of p; its Seen is left to the store. at is the
// time by p's own clock.
func WriteSign(ctx context.Context, dir files.Folder, p Sign, at time.Time) error {
	return files.WriteRecord(ctx, dir, signName(p), record{files.Version, p.Process, p.Since.UTC(), at.UTC()})
}

// EmptySign empties a sign of life of p: it copies, or waits, or does anything else,
// no longer. Its record is emptied, not deleted, so that its role needs no
// permission to delete.
func EmptySign(ctx context.Context, dir files.Folder, p Sign) error {
	return dir.Write(ctx, signName(p), nil)
}

// StopCopying empties the sign that p copies.
func StopCopying(ctx context.Context, dir files.Folder, p Sign) error {
	p.Copies, p.Waits = true, false
	return EmptySign(ctx, dir, p)
}

func signName(p Sign) string {
	folder := liveOther
	switch {
	case p.Copies:
		folder = liveCopying
	case p.Waits:
		folder = liveWaiting
	}
	return folder + p.Since.UTC().Format(files.Time) + "-" + p.Process
}

// ReadSigns lists the processes at work on the run, those that copy first and those
// that wait for that last, and each of them in the order in which they began: those whose last sign of life
// is at most For older than the newest one's. Both times are the store's,
// so a process whose own clock is wrong neither drops out nor drops others; one
// that has just given a sign of life need compare with nothing else and leaves
// now zero. A caller that only looks passes the time: where the newest sign is older
// than For by that, too, no process is at work.
func ReadSigns(ctx context.Context, dir files.Folder, now time.Time) ([]Sign, error) {
	all, err := signs(ctx, dir)
	if err != nil {
		return nil, err
	}
	var living []Sign
	at := map[string]int{} // in living, by process
	for _, p := range alive(all, now) {
		i, known := at[p.Process]
		switch {
		case known && p.Waits: // the process has done something else, which tells when it was at work
		case known:
			living[i].Seen = later(living[i].Seen, p.Seen)
		default:
			at[p.Process] = len(living)
			living = append(living, p)
		}
	}
	return living, nil
}

// signs lists every sign of life that there is.
func signs(ctx context.Context, dir files.Folder) ([]Sign, error) {
	return files.ListAll(ctx, dir, store.Range{Prefix: "live/"}, func(name string, o store.Object) (Sign, bool) {
		folder, name := path.Split(name)
		p, ok := signOf(name, o)
		switch folder {
		case liveCopying:
			p.Copies, p.Copied = true, p.Seen
		case liveWaiting:
			p.Waits = true
		case liveOther:
		default:
			return p, false
		}
		return p, ok && o.Size > 0 // what no version of ours wrote says nothing; an empty one is of a process that stopped
	})
}

// signOf reads the sign of life whose name is <since>-<process>.
func signOf(name string, o store.Object) (Sign, bool) {
	began, process, ok := strings.Cut(name, "-")
	since, err := time.Parse(files.Time, began)
	return Sign{Process: process, Since: since, Seen: o.Modified}, ok && err == nil
}

// alive leaves of the signs those that are at most For older than the newest.
func alive(all []Sign, now time.Time) []Sign {
	newest := now.Add(-For)
	for _, p := range all {
		newest = later(newest, p.Seen)
	}
	if !now.IsZero() && !newest.After(now.Add(-For)) {
		return nil
	}
	return slices.DeleteFunc(all, func(p Sign) bool { return newest.Sub(p.Seen) > For })
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
