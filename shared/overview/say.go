package overview

import (
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/limit"
	"kodoferry/shared/overview/reading"
	"kodoferry/shared/pipeline/events"
)

// foldState fills in how far the run is, where listing says that some shard is not listed.
func foldState(r *reading.Reader, v *Overview, listing bool) {
	switch {
	case r.Started.Events: // more may come until its day is over
		v.State = Following
	case listing || v.Shards.Known == 0:
		v.State = Listing
	case v.Counts.Open.Objects > 0 || v.Batches.Ended < v.Batches.Sealed:
		v.State = Copying
	case v.Shards.Verified < v.Shards.Known:
		v.State = Verifying
	default:
		v.State = Reporting
	}
}

// foldWords fills in how the run stands, in words, and what to do.
func foldWords(r *reading.Reader, v *Overview) {
	c := v.Counts
	goesOn := r.Standing == ledger.Going || r.Standing == ledger.Resuming
	switch {
	case r.Standing == ledger.Paused:
		v.Says, v.Next = say("state.paused", at("since", r.Since)), say("next.resume", command("ferry resume "+v.Run))
	case r.Standing == ledger.Cancelled:
		v.Says, v.Next = say("state.cancelling", at("since", r.Since)), say("next.cancel", command("ferry cancel "+v.Run))
	case r.Standing == ledger.Sealed:
		v.Says, v.Next = say("state.sealed", at("since", r.Since)), say("next.seal", command("ferry seal "+v.Job))
	case goesOn && r.Outage.Side != "":
		v.Says = say("state.waits", word("side", r.Outage.Side), at("since", r.Outage.Since))
		v.Next = say("next.side", word("side", r.Outage.Side), at("asked", r.Outage.Asked), text("why", r.Outage.Why))
	case goesOn && !r.Stalled.IsZero():
		v.Says, v.Next = say("state.stalled", at("since", r.Stalled)), say("next.stalled")
	case goesOn && v.Work.Nobody:
		sayNobody(r, v)
	case v.State == Following:
		v.Says = say("state.following", number("listed", c.Listed.Objects), number("open", c.Open.Objects))
		if due, ok := events.Due(v.Run); ok {
			v.Next = say("next.events", at("due", due))
		}
	case r.Standing == ledger.Resuming:
		v.Says = say("state.resuming")
	case v.State == Listing:
		v.Says = say("state.listing", number("listed", c.Listed.Objects), number("ended", c.Ended.Objects), number("to_copy", c.ToCopy.Objects))
	case v.State == Copying:
		v.Says = say("state.copying", number("ended", c.Ended.Objects), number("to_copy", c.ToCopy.Objects))
	case v.State == Verifying:
		v.Says = say("state.verifying", number("checked", c.Checked.Objects), number("listed", c.Listed.Objects))
	default:
		v.Says = say("state.reporting")
	}
}

// sayNobody says that nobody works on the run, and how to go on with it.
func sayNobody(r *reading.Reader, v *Overview) {
	v.Says = say("state.nobody.ever", number("open", v.Counts.Open.Objects))
	if !v.Work.Last.IsZero() {
		v.Says = say("state.nobody", at("since", v.Work.Last), number("open", v.Counts.Open.Objects))
	}
	v.Next = say("next.copy", command("ferry copy '"+r.Job.Source.String()+"' '"+r.Job.Target.String()+"'"))
	if r.Started.Deployed {
		v.Next = say("next.agent", command("ferry agent"))
	}
}

// foldLeft fills in how much longer the run takes: of objects and bytes whichever takes longer.
func foldLeft(r *reading.Reader, v *Overview) {
	c, rate := v.Counts, v.Rate
	switch {
	case r.Standing.Stopped(), v.Work.Nobody:
		v.Left.Rests = say("left.stopped")
	case v.State == Listing || v.State == Following:
		v.Left.Rests = say("left.listing")
	case v.State == Reporting:
		v.Left = Left{Known: true, Rests: say("left.nothing")}
	case v.State == Verifying:
		v.Left.Rests = say("left.none")
		if per := v.Verification.Rate.Objects; per > 0 {
			v.Left = Left{Known: true, Time: seconds(float64(c.Listed.Objects-c.Checked.Objects) / per), Rests: say("left.verifying")}
		}
	default:
		v.LeftAt(rate)
	}
}

// LeftAt fills in how much longer the run takes at a rate: of objects and bytes whichever
// takes longer.
func (v *Overview) LeftAt(rate Rate) {
	c := v.Counts
	if v.Left = (Left{Rests: say("left.none")}); rate.Over == 0 || rate.Objects <= 0 && rate.Bytes <= 0 {
		return
	}
	longest := 0.0
	if rate.Objects > 0 {
		longest = float64(c.Open.Objects) / rate.Objects
	}
	if rate.Bytes > 0 {
		longest = max(longest, float64(c.Open.Bytes)/rate.Bytes)
	}
	v.Left = Left{Known: true, Time: seconds(longest), Rests: say("left.rate", span("over", rate.Over), number("objects", int64(rate.Objects+0.5)), bytes("bytes", int64(rate.Bytes)))}
}

// mostLeft bounds what is told of the time left: beyond it the rate tells nothing.
const mostLeft = 10 * 365 * 24 * time.Hour

func seconds(s float64) time.Duration {
	return time.Duration(min(s, mostLeft.Seconds()) * float64(time.Second)).Round(time.Second)
}

// binds fills in what bounds the speed of the run now: what most of those bound tell who copy.
func (v *Overview) binds(signs map[string]*reading.Sign, o live.Outage) {
	by, inFlight := map[string]int{}, int64(0)
	for _, w := range v.Work.Workers {
		if w.Does != Copies {
			continue
		}
		v.Binds.All++
		inFlight += int64(w.InFlight)
		if w.Binds != "" {
			by[w.Binds]++
		}
	}
	for _, code := range []string{limit.ByThrottle, limit.ByBandwidth, limit.ByRequests, limit.ByInstances, limit.ByCapacity, limit.ByParallel, limit.ByWindow, limit.ByTasks} {
		if by[code] > v.Binds.Of {
			v.Binds.Code, v.Binds.Of = code, by[code]
			v.Binds.Says = say("binds."+code, number("most", inFlight))
		}
	}
	if o.Side != "" {
		v.Binds.Code, v.Binds.Says = "outage", say("binds.outage", word("side", o.Side))
	}
}

// foldNotes fills in what else is odd.
func foldNotes(r *reading.Reader, v *Overview) {
	if !v.Exact {
		v.Notes = append(v.Notes, say("note.scaled", number("read", int64(v.Read)), number("records", int64(v.Records))))
	}
	if n := len(r.Damaged); n > 0 {
		v.Notes = append(v.Notes, say("note.damaged", number("records", int64(n)), Arg{Name: "name", Kind: Key, Text: r.Damaged[0]}))
	}
	if v.Shards.GivenUp > 0 {
		v.Notes = append(v.Notes, say("note.givenup", number("shards", int64(v.Shards.GivenUp))))
	}
}
