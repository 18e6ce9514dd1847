package overview

import (
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// ended fills in what the report of a run tells that is over.
func (o *Overview) ended(rep report.Report) {
	both := func(of func(report.Totals) int64) ledger.Tally {
		return ledger.Tally{Objects: of(rep.Objects), Bytes: of(rep.Bytes)}
	}
	o.State, o.Standing, o.Result, o.Started, o.Finished = Over, ledger.Over, string(rep.Result), rep.Started, rep.Finished
	c := &o.Counts
	c.Listed = both(func(t report.Totals) int64 { return t.Listed })
	c.Excluded = both(func(t report.Totals) int64 { return t.Excluded })
	c.Open = both(func(t report.Totals) int64 { return t.Open })
	c.Ended = both(func(t report.Totals) int64 { return t.Copied + t.Updated + t.Failed })
	c.ToCopy = ledger.Tally{Objects: c.Ended.Objects + c.Open.Objects, Bytes: c.Ended.Bytes + c.Open.Bytes}
	c.Settled = both(func(t report.Totals) int64 { return t.Listed - t.Open })
	c.Verified = both(func(t report.Totals) int64 { return t.Verified })
	c.Checked = c.Settled
	c.Failed = both(func(t report.Totals) int64 { return t.Failed + t.Conflict + t.Mismatch })
	o.booksOf(rep)
	o.sayEnded(rep)
}

// booksOf are the books of a report.
func (o *Overview) booksOf(rep report.Report) {
	n, b := rep.Objects, rep.Bytes
	o.Books = Books{Listed: ledger.Tally{Objects: n.Listed, Bytes: b.Listed}, Balanced: rep.Balanced, Final: true}
	o.Books.Off = ledger.Tally{Objects: n.Listed - n.Sum(), Bytes: b.Listed - b.Sum()}
	for _, l := range []struct {
		state          ledger.State
		objects, bytes int64
	}{
		{ledger.Copied, n.Copied, b.Copied}, {ledger.Updated, n.Updated, b.Updated}, {ledger.Unchanged, n.Unchanged, b.Unchanged}, {ledger.Present, n.Present, b.Present},
		{ledger.Skipped, n.Skipped, b.Skipped}, {ledger.Conflict, n.Conflict, b.Conflict}, {ledger.Gone, n.Gone, b.Gone}, {ledger.Failed, n.Failed, b.Failed}, {OpenLine, n.Open, b.Open},
	} {
		o.Books.add(l.state, ledger.Tally{Objects: l.objects, Bytes: l.bytes})
	}
}

// add adds a line that has objects.
func (b *Books) add(state ledger.State, t ledger.Tally) {
	if t.Objects == 0 {
		return
	}
	l := Line{State: state, Tally: t}
	if b.Listed.Objects > 0 {
		l.Share = float64(t.Objects) / float64(b.Listed.Objects)
	}
	b.Lines = append(b.Lines, l)
}

// sayEnded says what a run came to that is over.
func (o *Overview) sayEnded(rep report.Report) {
	n := rep.Objects
	bad := n.Failed + n.Conflict + n.Mismatch
	reportIt := "ferry report " + o.Run
	o.Next = say("next.report", command(reportIt))
	switch {
	case rep.Result == report.Verified:
		o.Says = say("state.verified", number("listed", n.Listed))
	case rep.Result == report.Unproved:
		o.Says, o.Next = say("state.unproved", number("present", n.Present)), say("next.unproved")
	case rep.Result == report.Cancelled:
		o.Says = say("state.cancelled", number("ended", n.Listed-n.Open), number("listed", n.Listed))
		o.Next = say("next.cancelled")
	case bad > 0:
		o.Says = say("state.incomplete", number("failed", bad))
		o.Next = say("next.failures", command(reportIt))
		if n.Failed+n.Mismatch > 0 {
			retry := Arg{Name: "retry", Kind: Command, Text: "ferry retry " + o.Run}
			o.Next = say("next.retry", retry, command(reportIt))
			if cure := cureOf(rep.Failures); cure != "" {
				o.Next = say("next.cure", text("cure", cure), retry, command(reportIt))
			}
		}
	default:
		o.Says = incomplete(rep)
	}
}

// incomplete says why a run is not verified of which no object needs a person.
func incomplete(rep report.Report) Sentence {
	m := rep.Mirror
	switch {
	case rep.Reason != "":
		return say("state.incomplete.other", text("reason", rep.Reason))
	case rep.Stretches() > 0:
		return say("state.incomplete.unknown", number("shards", rep.Stretches()))
	case !rep.Balanced:
		return say("state.incomplete.books")
	case m != nil && m.Refused != "":
		return say("state.incomplete.other", text("reason", m.Refused))
	case m != nil && m.Failed.Objects > 0:
		return say("state.incomplete.kept", number("failed", m.Failed.Objects))
	}
	return say("state.incomplete.unverified", number("verified", rep.Objects.Verified), number("held", rep.Objects.Held()))
}

// cureOf is what to do before the failures are tried again, or else some fail again, of the cause
// of the most; "" where no cause names a cure. Conflicts are not tried again.
func cureOf(failures []ledger.Failure) string {
	for _, g := range report.Causes(failures) { // the largest first
		if g.Advised && g.State != string(ledger.Conflict) {
			return g.Cure
		}
	}
	return ""
}
