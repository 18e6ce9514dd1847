package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
)

// limitFlags are the flags of `ferry limits` that change something, as written.
type limitFlags struct{ bandwidth, requests, instances string }

// lifted is the word, beside 0, for a limit that bounds nothing.
const lifted = "none"

func limitsCommand() *cobra.Command {
	var at string
	var asJSON bool
	var o limitFlags
	c := &cobra.Command{
		Use:   "limits RUN",
		Short: "Show what bounds a run, or change it while it goes on",
		Long: `Limits shows what bounds all processes of a run together, and which processes
are at work. With --bandwidth, --requests or --instances it changes that: those
at work, here or in functions, obey within a minute, and nothing is lost or
tried in vain. A limit that is not named stays as it is; none, or 0, lifts one.

Each process takes an equal share, of the bandwidth those that copy; one that
has just begun takes little until the others know of it. A process beyond
--instances, or one that the bandwidth feeds no stream for, copies nothing and
waits for a place. Bandwidth counts bytes read from the source. RUN is
<job>/<time>, or <job> for its newest run.`,
		Example: `  ferry limits photos-to-photos-new-1c5a0d
  ferry limits photos-to-photos-new-1c5a0d --bandwidth 20MiB/s --instances 10
  ferry limits photos-to-photos-new-1c5a0d --bandwidth '200MiB/s; mon-fri 09:00-18:00 20MiB/s; zone Asia/Shanghai'
  ferry limits photos-to-photos-new-1c5a0d --bandwidth none`,
		Args: exactly("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := o.apply(limit.Bounds{}); err != nil {
				return usageError{err}
			}
			run, err := findRun(c.Context(), at, args[0])
			if err != nil {
				return err
			}
			if o != (limitFlags{}) {
				if err := changeLimits(c.Context(), run, o); err != nil {
					return err
				}
			}
			l, err := control.LimitsOf(c.Context(), run)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(l)
			}
			return show.Limits(c.OutOrStdout(), l)
		},
	}
	ledgerFlag(c, &at)
	f := c.Flags()
	f.StringVar(&o.bandwidth, "bandwidth", "", "most bytes a second of all processes together: a `RATE` as 20MiB/s, one with a timetable, or none")
	f.StringVar(&o.requests, "requests", "", "most requests a second of all processes together, to both sides: a `NUMBER`, or none")
	f.StringVar(&o.instances, "instances", "", "most processes that copy at the same time: a `NUMBER`, or none")
	f.BoolVar(&asJSON, "json", false, "print one line of JSON")
	return c
}

// apply changes l as the flags say. Its error names every mistake.
func (o limitFlags) apply(l limit.Bounds) (limit.Bounds, error) {
	var errs []error
	number := func(name, text string, most int, to *int) {
		switch n, err := strconv.Atoi(text); {
		case text == "":
		case text == lifted:
			*to = 0
		case err != nil || n < 0 || n > most:
			errs = append(errs, fmt.Errorf("--%s %q: want a whole number from 0 to %d, or none", name, text, most))
		default:
			*to = n
		}
	}
	if o.bandwidth == lifted || o.bandwidth == "0" {
		l.Bandwidth = job.Bandwidth{}
	} else {
		read(&errs, "bandwidth", o.bandwidth, &l.Bandwidth, job.ParseBandwidth)
	}
	number("requests", o.requests, 1_000_000, &l.Requests)
	number("instances", o.instances, 100_000, &l.Instances)
	return l, errors.Join(errs...)
}

// changeLimits changes what bounds a run that is not over, as the flags say.
func changeLimits(ctx context.Context, run *ledger.Run, o limitFlags) error {
	over, err := run.Over(ctx)
	if err != nil {
		return err
	}
	if over {
		return usageError{fmt.Errorf("run %s is over: its limits bound nothing any more", run.Name)}
	}
	now, _, err := limit.Read(ctx, run)
	if err != nil {
		return err
	}
	if now, err = o.apply(now); err != nil {
		return usageError{err}
	}
	return misconfigured(limit.Change(ctx, run, now, time.Now()))
}
