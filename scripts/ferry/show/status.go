package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/control"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
)

// Status prints how far a run is, and what to do next where it does not go on by itself.
func Status(w io.Writer, s control.Status) error {
	var text strings.Builder
	if ledger.OfEvents(s.Run) {
		return eventsStatus(w, s)
	}
	state := s.State
	switch {
	case state == control.StateOver:
	case s.Waits != control.Outage{}:
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
	case s.State == control.StateOver:
		fmt.Fprintf(&text, "Next: ferry report %s\n", s.Run)
	case s.Goes == string(ledger.Paused):
		fmt.Fprintf(&text, "Next: ferry resume %s\n", s.Run)
	case s.Goes == string(ledger.Cancelled):
		fmt.Fprintf(&text, "Next: ferry cancel %s, which writes the report\n", s.Run)
	case s.Waits != control.Outage{}:
		fmt.Fprintf(&text, "Next: see to the %s, and the run goes on by itself; asked last at %s, it said: %s\n", s.Waits.Side, s.Waits.Asked.Local().Format(time.DateTime), s.Waits.Why)
	case !s.Stalled.IsZero():
		fmt.Fprintf(&text, "Next: look for errors in the functions' logs and at the queues, dead letters too; the sweeper sends again what is lost\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// eventsStatus prints how far a run of events is: they come one by one, and their day is
// verified and reported once it is over.
func eventsStatus(w io.Writer, s control.Status) error {
	next := ""
	switch due, _ := pipeline.Due(s.Run); {
	case s.State == control.StateOver:
		next = "Next: ferry report " + s.Run + "\n"
	case s.Goes == "" || s.Goes == string(ledger.Going):
		next = "the day is reported after " + due.Local().Format(time.DateTime) + "\n"
	}
	how := s.State
	if s.Goes != "" && s.Goes != string(ledger.Going) && s.State != control.StateOver {
		how = s.Goes
	}
	_, err := fmt.Fprintf(w, "%s: %s since %s\n  events    %s looked at, %s not through\n%s",
		s.Run, how, s.Started.Local().Format(time.DateTime), humanize.Comma(s.Listed.Objects), humanize.Comma(s.Batches.Open), next)
	return err
}
