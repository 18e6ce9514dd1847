package ledger

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/ledger/files"
)

// Standing says whether the tasks of a run are to be done.
type Standing string

const (
	Going     Standing = "going"     // tasks are done
	Resuming  Standing = "resuming"  // tasks are done, and the command that resumed the run has yet to say that all open ones are sent
	Paused    Standing = "paused"    // tasks are dropped until the run is resumed
	Cancelled Standing = "cancelled" // tasks are dropped for good
	Sealed    Standing = "sealed"    // tasks are dropped for good: the run's job was ended
	Over      Standing = "over"      // tasks are dropped for good: the run's report is written
)

// Stopped reports whether tasks are dropped.
func (s Standing) Stopped() bool { return s == Paused || s.Final() }

// Final reports whether nothing can let the run go on again.
func (s Standing) Final() bool { return s == Cancelled || s == Sealed || s == Over }

// Steering is what says of a run whether its tasks are done and within which limits: its
// files that are changed in place, and its mark among the runs that are not over.
type Steering struct{ run *Run }

// Steering returns what the run is steered by.
func (r *Run) Steering() Steering { return Steering{r} }

// steer is `state.json`.
type steer struct {
	V     int       `json:"v"`
	State Standing  `json:"state"`
	At    time.Time `json:"at"`
}

// WriteStanding replaces `state.json`, which like limits.json is changed in place: it
// steers those at work, and no record depends on it. to is Going, Resuming,
// Paused or Cancelled; the others follow from other files. One that is cancelled
// is marked as not over: should its canceller go away, others close its books.
// All runs of a job's events of one day have one state: its owner steers the
// day, and a job that is changed meanwhile has another run of it.
func (s Steering) WriteStanding(ctx context.Context, to Standing, at time.Time) error {
	if to == Cancelled {
		if err := s.MarkOpen(ctx); err != nil {
			return err
		}
	}
	return files.WriteRecord(ctx, s.run.Day().files, "state.json", steer{Version, to, at.UTC()})
}

// ReadStanding tells whether the run's tasks are to be done, and since when, by the
// clock of the process that decided it; zero where it is so from the beginning, or ended.
// ReadStanding makes three requests at the same time. It does not tell whether the run exists.
func (s Steering) ReadStanding(ctx context.Context) (Standing, time.Time, error) {
	var said steer
	var sealed time.Time
	var isSealed, over bool
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if said, err = files.ReadRecord[steer](ctx, s.run.Day().files, "state.json"); Missing(err) {
			err = nil
		}
		return err
	})
	g.Go(func() (err error) {
		if IsVerification(s.run.Name) { // which writes nothing for the job, and may be wanted most once that has ended
			return nil
		}
		sealed, isSealed, err = s.run.ledger.ReadSeal(ctx, s.run.Job())
		return err
	})
	g.Go(func() (err error) {
		over, err = s.run.Over(ctx)
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

// StandingWritten tells when it was written that the run stands so, by the store's clock:
// the time that ReadStanding returns is by that of the process that wrote it. NotFound where it
// was not written.
func (s Steering) StandingWritten(ctx context.Context, as Standing) (time.Time, error) {
	if as == Sealed {
		return s.run.ledger.sealedAbout(ctx, s.run.Job())
	}
	o, err := s.run.Day().files.Stat(ctx, "state.json")
	return o.Modified, err
}
