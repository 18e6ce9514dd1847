package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/limit"
)

// Limits is what bounds a run, and the processes that its limits are shared among.
type Limits struct {
	Run     string       `json:"run"`
	Limits  limit.Bounds `json:"limits"`
	Changed bool         `json:"changed"` // since the run began
	Living  []live.Sign  `json:"living"`  // not nil; known only where a limit is set
}

// LimitsOf reads what bounds a run now.
func LimitsOf(ctx context.Context, run *ledger.Run) (Limits, error) {
	l := Limits{Run: run.Name, Living: []live.Sign{}}
	var err error
	if l.Limits, l.Changed, err = limit.Read(ctx, run); err != nil {
		return l, err
	}
	living, err := live.ReadSigns(ctx, run.Folder(), time.Now())
	l.Living = append(l.Living, living...)
	return l, err
}

// LimitChange is what is to bound a run, as a person writes it: "" leaves a limit as it
// is, Lifted or 0 takes it away.
type LimitChange struct{ Bandwidth, Requests, Instances string }

// Lifted is the word, beside 0, for a limit that bounds nothing.
const Lifted = "none"

// LimitMistake is a limit that cannot be read.
type LimitMistake struct {
	Limit string // bandwidth, requests or instances
	Err   error
}

func (m LimitMistake) Error() string { return m.Limit + ": " + m.Err.Error() }

// Unwrap returns what is wrong with the limit.
func (m LimitMistake) Unwrap() error { return m.Err }

// Apply changes b as o says. Its error joins a LimitMistake for each mistake.
func (o LimitChange) Apply(b limit.Bounds) (limit.Bounds, error) {
	var errs []error
	number := func(name, text string, most int, to *int) {
		switch n, err := strconv.Atoi(text); {
		case text == "":
		case text == Lifted:
			*to = 0
		case err != nil || n < 0 || n > most:
			errs = append(errs, LimitMistake{name, fmt.Errorf("%q: want a whole number from 0 to %d, or none", text, most)})
		default:
			*to = n
		}
	}
	switch o.Bandwidth {
	case "":
	case Lifted, "0":
		b.Bandwidth = job.Bandwidth{}
	default:
		bandwidth, err := job.ParseBandwidth(o.Bandwidth)
		if err != nil {
			errs = append(errs, LimitMistake{"bandwidth", err})
		} else {
			b.Bandwidth = bandwidth
		}
	}
	number("requests", o.Requests, 1_000_000, &b.Requests)
	number("instances", o.Instances, 100_000, &b.Instances)
	return b, errors.Join(errs...)
}

// ChangeLimits changes what bounds a run while it goes on. A run that is over, and what
// Apply refuses, is Invalid.
func ChangeLimits(ctx context.Context, run *ledger.Run, o LimitChange, now time.Time) error {
	over, err := run.Over(ctx)
	if err != nil {
		return err
	}
	if over {
		return fault.New(fault.Invalid, "control.ChangeLimits", run.Name, fmt.Errorf("run %s is over: its limits bound nothing any more", run.Name))
	}
	b, _, err := limit.Read(ctx, run)
	if err != nil {
		return err
	}
	if b, err = o.Apply(b); err != nil {
		return fault.New(fault.Invalid, "control.ChangeLimits", run.Name, err)
	}
	return limit.Change(ctx, run, b, now)
}
