package ledger

import (
	"context"
	"encoding/json"
	"path"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// LiveFor is how long a process counts as living after its last sign of life.
const LiveFor = time.Minute

// Living is a process at work on a run: `live/<what>/<since>-<process>`. Its
// name tells all of it, so that one listing finds everybody, in the order in
// which they began. Lifecycle rules drop what is left of old ones.
type Living struct {
	Process string    `json:"process"`
	Since   time.Time `json:"since"` // when it began to work on the run, to the second, by its own clock
	Copies  bool      `json:"copies,omitempty"`
	Waits   bool      `json:"waits,omitempty"` // for a place among those that may copy, and does nothing else
	Seen    time.Time `json:"seen"`            // its last sign of life, by the store's clock
	Copied  time.Time `json:"copied,omitzero"` // its last sign that it copies, if that is at most LiveFor old
}

// live is the record itself, for people who look.
type live struct {
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

// Live gives a sign of life of p; its Seen is left to the store. at is the
// time by p's own clock.
func (r *Run) Live(ctx context.Context, p Living, at time.Time) error {
	data, err := json.Marshal(live{Version, p.Process, p.Since.UTC(), at.UTC()})
	if err != nil {
		return fault.New(fault.Invalid, "ledger.Live", p.Process, err)
	}
	return r.write(ctx, signName(p), data)
}

// Unlive takes a sign of life of p back: it copies, or waits, or does anything else,
// no longer. Its record is emptied, not deleted, so that its role needs no
// permission to delete.
func (r *Run) Unlive(ctx context.Context, p Living) error {
	return r.write(ctx, signName(p), nil)
}

// StopCopying says that p copies no longer.
func (r *Run) StopCopying(ctx context.Context, p Living) error {
	p.Copies, p.Waits = true, false
	return r.Unlive(ctx, p)
}

func signName(p Living) string {
	folder := liveOther
	switch {
	case p.Copies:
		folder = liveCopying
	case p.Waits:
		folder = liveWaiting
	}
	return folder + p.Since.UTC().Format(RunTime) + "-" + p.Process
}

// Living lists the processes at work on the run, those that copy first and those
// that wait for that last, and each of them in the order in which they began: those whose last sign of life
// is at most LiveFor older than the newest one's. Both times are the store's,
// so a process whose own clock is wrong neither drops out nor drops others; one
// that has just given a sign of life need compare with nothing else and leaves
// now zero. Whoever only looks passes the time: where the newest sign is older
// than LiveFor by that, too, nobody is at work.
func (r *Run) Living(ctx context.Context, now time.Time) ([]Living, error) {
	all, err := try(ctx, func() ([]Living, error) { return r.signs(ctx) })
	if err != nil {
		return nil, err
	}
	var living []Living
	at := map[string]int{} // in living, by process
	for _, p := range alive(all, now) {
		i, known := at[p.Process]
		switch {
		case known && p.Waits: // it has done something else, which tells when it was at work
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
func (r *Run) signs(ctx context.Context) (all []Living, err error) {
	for o, err := range r.ledger.bucket.List(ctx, store.Range{Prefix: r.base + "live/"}) {
		if err != nil {
			return nil, err
		}
		folder, name := path.Split(strings.TrimPrefix(o.Key, r.base))
		p, ok := signOf(name, o)
		if !ok || o.Size == 0 {
			continue // what no version of ours wrote says nothing; an empty one is of a process that stopped
		}
		switch folder {
		case liveCopying:
			p.Copies, p.Copied = true, p.Seen
		case liveWaiting:
			p.Waits = true
		case liveOther:
		default:
			continue
		}
		all = append(all, p)
	}
	return all, nil
}

// limits is `limits.json`.
type limits struct {
	V      int             `json:"v"`
	Limits json.RawMessage `json:"limits"`
	At     time.Time       `json:"at"`
}

// WriteLimits replaces `limits.json`, the one file of a run that is changed in
// place: it steers those at work and no record depends on it. Of two writers
// the later one wins.
func (r *Run) WriteLimits(ctx context.Context, l json.RawMessage, at time.Time) error {
	data, err := json.Marshal(limits{Version, l, at.UTC()})
	if err != nil {
		return fault.New(fault.Invalid, "ledger.WriteLimits", r.Name, err)
	}
	return r.write(ctx, "limits.json", data)
}

// ReadLimits reads what WriteLimits wrote last. NotFound where those of the
// run's frozen job hold.
func (r *Run) ReadLimits(ctx context.Context) (json.RawMessage, error) {
	l, err := readRecord[limits](ctx, r, "limits.json")
	return l.Limits, err
}
