package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

func statusCommand() *cobra.Command {
	var at string
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "status RUN",
		Short: "Show how far a run is",
		Long: `Status reads from the ledger how far a run is, whoever is working on it. RUN is
<job>/<time> as ferry copy prints it, or <job> for its newest run. With --watch
it goes on until the run is over; it only looks, so Ctrl-C stops nothing else.`,
		Example: "  ferry status photos-to-photos-new-1c5a0d/20260101T120000Z --ledger 'oss://photos-new/.ferry/?region=cn-hangzhou'",
		Args:    exactly("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			run, err := findRun(c.Context(), at, args[0])
			if err != nil {
				return err
			}
			form := status.print
			if asJSON {
				form = status.printJSON
			}
			s, err := statusOf(c.Context(), run)
			if err != nil {
				return err
			}
			if watch {
				return watchRun(c.Context(), run, s, c.OutOrStdout(), form)
			}
			return form(s, c.OutOrStdout())
		},
	}
	ledgerFlag(c, &at)
	c.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON")
	c.Flags().BoolVar(&watch, "watch", false, "look again until the run is over")
	return c
}

// watchEvery is how often a run is looked at: each look costs a listing of its records.
const watchEvery = 2 * time.Second

// watchRun shows a run until it is over: in a terminal each picture in place
// of the one before, elsewhere one after the other when something has changed.
func watchRun(ctx context.Context, run *ledger.Run, s status, out io.Writer, form func(status, io.Writer) error) error {
	file, _ := out.(*os.File)
	redraw := file != nil && show.IsTerminal(file)
	var last status
	for lines := 0; ; {
		if s != last {
			var picture strings.Builder
			if redraw && lines > 0 {
				fmt.Fprintf(&picture, "\x1b[%dA\x1b[J", lines)
			}
			before := strings.Count(picture.String(), "\n")
			if err := form(s, &picture); err != nil {
				return err
			}
			lines, last = strings.Count(picture.String(), "\n")-before, s
			if _, err := io.WriteString(out, picture.String()); err != nil {
				return err
			}
		}
		if s.State == stateOver {
			return nil
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return errInterrupted
		}
		var err error
		if s, err = statusOf(ctx, run); ctx.Err() != nil {
			return errInterrupted
		} else if err != nil {
			return err
		}
	}
}

func (s status) printJSON(w io.Writer) error { return json.NewEncoder(w).Encode(s) }

// status is how far a run is.
type status struct {
	Run     string    `json:"run"`
	State   string    `json:"state"`                  // listing, copying, verifying, reporting, over; of a run of events following, over
	Goes    string    `json:"goes"`                   // going, resuming, paused, cancelled, sealed, over
	Stalled time.Time `json:"stalled_since,omitzero"` // a sweep found that nothing had been written down since
	Waits   outage    `json:"waits,omitzero"`         // a bucket that does not answer, for which tasks wait
	Started time.Time `json:"started"`
	Shards  struct {
		Known    int `json:"known"`
		Listed   int `json:"listed"`
		Verified int `json:"verified"`
		GivenUp  int `json:"given_up"`
	} `json:"shards"`
	Batches struct {
		Known int64 `json:"known"`
		Open  int64 `json:"open"`
	} `json:"batches"`
	Listed   ledger.Tally `json:"listed"`
	ToCopy   ledger.Tally `json:"to_copy"`  // of what was listed, what had to be copied
	Open     ledger.Tally `json:"open"`     // of that, what is not written off yet
	Verified ledger.Tally `json:"verified"` // proved so far
}

// outage is a side of a run that does not answer.
type outage struct {
	Side  string    `json:"side"`  // source, target
	Since time.Time `json:"since"` // when it was first met
	Asked time.Time `json:"asked"` // when it last did not answer
	Why   string    `json:"why"`   // what came in place of an answer
}

// stateOver is the state of a run whose report is written.
const stateOver = "over"

// statusOf looks how far a run is: a glance at its records, and a few requests.
func statusOf(ctx context.Context, run *ledger.Run) (status, error) {
	p, err := run.Glance(ctx)
	if err != nil {
		return status{}, err
	}
	s := standing(run.Name, p)
	goes, _, err := run.Standing(ctx)
	if err != nil {
		return s, err
	}
	s.Goes = string(goes)
	if goes.Stopped() {
		return s, nil
	}
	o, err := pipeline.OutageOf(ctx, run, p.Newest, time.Now())
	if err != nil {
		return s, err
	}
	s.Waits = outage{o.Side, o.Since, o.Asked, o.Why}
	if p.StalledSince().IsZero() {
		return s, nil
	}
	// The parts of a big object may have come since.
	moved, err := run.Moved(ctx)
	if !moved.Truncate(time.Millisecond).After(p.Stalled) {
		s.Stalled = p.Stalled
	}
	return s, err
}

// standing sums up a walk.
func standing(run string, p ledger.Progress) status {
	s := status{Run: run, Started: p.Started.At}
	for _, shard := range p.Shards {
		s.Shards.Known++
		if shard.Closed == nil {
			continue
		}
		s.Shards.Listed++
		if shard.Closed.Failed != "" {
			s.Shards.GivenUp++
		}
		s.Listed.Objects += shard.Closed.Counts.Listed.Objects
		s.Listed.Bytes += shard.Closed.Counts.Listed.Bytes
		s.Batches.Known += shard.Sealed.Batches
		s.Batches.Open += shard.Left.Batches
		s.ToCopy.Add(shard.Sealed.Pending.Objects, shard.Sealed.Pending.Bytes)
		s.Open.Add(shard.Left.Pending.Objects, shard.Left.Pending.Bytes)
		if shard.Proved != nil {
			s.Shards.Verified++
			v := shard.Proved.Counts.Verdicts[ledger.Verified]
			s.Verified.Objects += v.Objects
			s.Verified.Bytes += v.Bytes
		}
	}
	switch {
	case p.Reported:
		s.State = stateOver
	case p.Started.Events: // what comes next is known to nobody
		s.State = "following"
	case s.Shards.Listed < s.Shards.Known:
		s.State = "listing"
	case s.Batches.Open > 0:
		s.State = "copying"
	case s.Shards.Verified < s.Shards.Known:
		s.State = "verifying"
	default:
		s.State = "reporting"
	}
	return s
}

func (s status) print(w io.Writer) error {
	var text strings.Builder
	if ledger.OfEvents(s.Run) {
		return s.printEvents(w)
	}
	state := s.State
	switch {
	case state == stateOver:
	case s.Waits != outage{}:
		state += fmt.Sprintf(", waiting: the %s has not answered since %s", s.Waits.Side, s.Waits.Since.Local().Format(time.DateTime))
	case !s.Stalled.IsZero():
		state += ", STALLED: nothing was written down since " + s.Stalled.Local().Format(time.DateTime)
	case s.Goes != string(ledger.Going):
		state += ", " + s.Goes
	}
	fmt.Fprintf(&text, "%s: %s, started %s (%s ago)\n", s.Run, state, s.Started.Local().Format(time.DateTime), words.Duration(time.Since(s.Started)))
	fmt.Fprintf(&text, "  shards    %s, %s listed, %s verified\n", humanize.Comma(int64(s.Shards.Known)), humanize.Comma(int64(s.Shards.Listed)), humanize.Comma(int64(s.Shards.Verified)))
	if s.Shards.GivenUp > 0 {
		fmt.Fprintf(&text, "            %s given up: their count is not known\n", humanize.Comma(int64(s.Shards.GivenUp)))
	}
	fmt.Fprintf(&text, "  listed    %s, %s\n", words.Count(s.Listed.Objects, "object", "objects"), words.Size(s.Listed.Bytes))
	fmt.Fprintf(&text, "  to copy   %s, %s in %s\n", words.Count(s.ToCopy.Objects, "object", "objects"), words.Size(s.ToCopy.Bytes), words.Count(s.Batches.Known, "batch", "batches"))
	fmt.Fprintf(&text, "  open      %s, %s in %s\n", words.Count(s.Open.Objects, "object", "objects"), words.Size(s.Open.Bytes), words.Count(s.Batches.Open, "batch", "batches"))
	fmt.Fprintf(&text, "  verified  %s, %s\n", words.Count(s.Verified.Objects, "object", "objects"), words.Size(s.Verified.Bytes))
	switch {
	case s.State == stateOver:
		fmt.Fprintf(&text, "Next: ferry report %s\n", s.Run)
	case s.Goes == string(ledger.Paused):
		fmt.Fprintf(&text, "Next: ferry resume %s\n", s.Run)
	case s.Goes == string(ledger.Cancelled):
		fmt.Fprintf(&text, "Next: ferry cancel %s, which writes the report\n", s.Run)
	case s.Waits != outage{}:
		fmt.Fprintf(&text, "Next: see to the %s, and the run goes on by itself; asked last at %s, it said: %s\n", s.Waits.Side, s.Waits.Asked.Local().Format(time.DateTime), s.Waits.Why)
	case !s.Stalled.IsZero():
		fmt.Fprintf(&text, "Next: look for errors in the functions' logs and at the queues, dead letters too; the sweeper sends again what is lost\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// printEvents prints how far a run of events is: they come one by one, and
// their day is verified and reported once it is over.
func (s status) printEvents(w io.Writer) error {
	next := ""
	switch due, _ := pipeline.Due(s.Run); {
	case s.State == stateOver:
		next = "Next: ferry report " + s.Run + "\n"
	case s.Goes == "" || s.Goes == string(ledger.Going):
		next = "the day is reported after " + due.Local().Format(time.DateTime) + "\n"
	}
	how := s.State
	if s.Goes != "" && s.Goes != string(ledger.Going) && s.State != stateOver {
		how = s.Goes
	}
	_, err := fmt.Fprintf(w, "%s: %s since %s\n  events    %s looked at, %s not through\n%s",
		s.Run, how, s.Started.Local().Format(time.DateTime), humanize.Comma(s.Listed.Objects), humanize.Comma(s.Batches.Open), next)
	return err
}
