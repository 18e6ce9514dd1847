package steering

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/limit"
)

// Limits is `ferry limits`.
func Limits() *cobra.Command {
	var at string
	var asJSON bool
	var o control.LimitChange
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
		Args: cli.Exactly("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := o.Apply(limit.Bounds{}); err != nil {
				return limitMistakes(err)
			}
			run, err := cli.FindRun(c.Context(), at, args[0], c.ErrOrStderr())
			if err != nil {
				return err
			}
			if o != (control.LimitChange{}) {
				if err := control.ChangeLimits(c.Context(), run, o, time.Now()); err != nil {
					return cli.Misconfigured(err)
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
	cli.LedgerFlag(c, &at)
	f := c.Flags()
	f.StringVar(&o.Bandwidth, "bandwidth", "", "most bytes a second of all processes together: a `RATE` as 20MiB/s, one with a timetable, or none")
	f.StringVar(&o.Requests, "requests", "", "most requests a second of all processes together, to both sides: a `NUMBER`, or none")
	f.StringVar(&o.Instances, "instances", "", "most processes that copy at the same time: a `NUMBER`, or none")
	f.BoolVar(&asJSON, "json", false, "print one line of JSON")
	return c
}

// limitMistakes names each mistake by its flag.
func limitMistakes(err error) error {
	var errs []error
	for _, e := range cli.Apart(err) {
		m, ok := errors.AsType[control.LimitMistake](e)
		if !ok {
			errs = append(errs, e)
			continue
		}
		for _, why := range cli.Apart(m.Err) {
			errs = append(errs, fmt.Errorf("--%s: %s", m.Limit, fault.Sentence(why)))
		}
	}
	return cli.Usage(errors.Join(errs...))
}
