package ledger

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// Standing says whether the tasks of a run are to be done.
type Standing string

const (
	Going     Standing = "going"     // they are done
	Resuming  Standing = "resuming"  // they are done, and whoever resumed the run has yet to say that all open ones are sent
	Paused    Standing = "paused"    // they are dropped until the run is resumed
	Cancelled Standing = "cancelled" // they are dropped for good
	Sealed    Standing = "sealed"    // they are dropped for good: the run's job was ended
	Over      Standing = "over"      // they are dropped for good: the run's report is written
)

// Stopped reports whether tasks are dropped.
func (s Standing) Stopped() bool { return s == Paused || s.Final() }

// Final reports whether nothing can let the run go on again.
func (s Standing) Final() bool { return s == Cancelled || s == Sealed || s == Over }

// steer is `state.json`.
type steer struct {
	V     int       `json:"v"`
	State Standing  `json:"state"`
	At    time.Time `json:"at"`
}

// Steer replaces `state.json`, which like limits.json is changed in place: it
// steers those at work, and no record depends on it. s is Going, Resuming,
// Paused or Cancelled; the others follow from other files. One that is cancelled
// is marked as not over: should its canceller go away, others close its books.
// All runs of a job's events of one day have one state: its owner steers the
// day, and a job that is changed meanwhile has another run of it.
func (r *Run) Steer(ctx context.Context, s Standing, at time.Time) error {
	data, err := json.Marshal(steer{Version, s, at.UTC()})
	if err != nil {
		return fault.New(fault.Invalid, "ledger.Steer", r.Name, err)
	}
	if s == Cancelled {
		if err := r.markOpen(ctx); err != nil {
			return err
		}
	}
	return r.day().write(ctx, "state.json", data)
}

// Standing tells whether the run's tasks are to be done, and since when, by the
// clock of whoever decided it, that is so; zero where it is so from the beginning, or ended. It costs three
// requests, made at the same time. Whether the run exists it does not tell.
func (r *Run) Standing(ctx context.Context) (Standing, time.Time, error) {
	var said steer
	var sealed time.Time
	var isSealed, over bool
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if said, err = readRecord[steer](ctx, r.day(), "state.json"); Missing(err) {
			err = nil
		}
		return err
	})
	g.Go(func() (err error) {
		sealed, isSealed, err = r.ledger.Sealed(ctx, r.Job())
		return err
	})
	g.Go(func() (err error) {
		over, err = r.Over(ctx)
		return err
	})
	if err := g.Wait(); err != nil {
		return "", time.Time{}, err
	}
	switch {
	case over:
		return Over, time.Time{}, nil
	case said.State == Cancelled:
		return Cancelled, said.At, nil
	case isSealed:
		return Sealed, sealed, nil
	case said.State == "":
		return Going, time.Time{}, nil
	}
	return said.State, said.At, nil
}

// WrittenAt tells when it was written that the run stands so, by the store's clock:
// the time that Standing returns is by that of whoever wrote it. NotFound where it
// was not written.
func (r *Run) WrittenAt(ctx context.Context, s Standing) (time.Time, error) {
	if s == Sealed {
		return r.ledger.sealedAbout(ctx, r.Job())
	}
	o, err := try(ctx, func() (store.Object, error) { return r.ledger.bucket.Stat(ctx, r.day().Path("state.json")) })
	return o.Modified, err
}

// stallTime is how a stall's note writes since when, as precise as a store
// dates what it lists.
const stallTime = "20060102T150405.000Z"

// Stall notes that the run has made no progress since then, and reports whether
// nobody had noted that: `stalled/<since>`. A run that goes on has newer
// records than its last note, and is stalled no more.
func (r *Run) Stall(ctx context.Context, since, at time.Time) (first bool, err error) {
	data, err := json.Marshal(struct {
		V  int       `json:"v"`
		At time.Time `json:"at"`
		By string    `json:"by"` // tells one writer from another
	}{Version, at.UTC(), Nonce()})
	if err != nil {
		return false, fault.New(fault.Invalid, "ledger.Stall", r.Name, err)
	}
	_, first, err = r.create(ctx, "stalled/"+since.UTC().Format(stallTime), data)
	return first, err
}

// Moved tells when the newest record was written that a big object's upload
// leaves, by the store's clock. What else a run leaves, a walk tells.
func (r *Run) Moved(ctx context.Context) (newest time.Time, err error) {
	for _, prefix := range []string{"uploads/", "parts/"} {
		err = r.objects(ctx, store.Range{Prefix: prefix}, func(_ string, o store.Object) { newest = later(newest, o.Modified) })
		if err != nil {
			return newest, err
		}
	}
	return newest, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
