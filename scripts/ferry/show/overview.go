package show

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// Queue is what a queue of a deployment holds.
type Queue struct {
	Name                     string
	Ready, InFlight, Delayed int
	Unknown                  string // why that is not known, "" where it is
}

// Overview prints how a run stands, what queues hold that it may wait in, and what to do next.
func Overview(w io.Writer, o overview.Overview, queues ...Queue) error {
	lines := Lines(o, StyleOf(w), false, queues...)
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// Lines are how a run stands, in lines of a style. watched adds what one looks at while it
// goes on: curves, the books and the failures by cause.
func Lines(o overview.Overview, s Style, watched bool, queues ...Queue) []string {
	p := &page{style: s}
	p.text("%s", s.say("head", s.paint(bold, o.Run), s.paint(colourOf(o), s.sentence(o.Says))))
	p.row("moves", s.say("moves", o.Source, o.Target))
	p.times(o)
	p.counts(o)
	if o.State != overview.Over {
		p.speed(o)
	}
	p.troubles(o, watched)
	if o.State != overview.Over {
		p.workers(o)
	}
	p.queues(queues)
	if watched {
		p.curves(o)
		p.books(o)
		p.space(o)
	}
	if m := o.Money; m != nil && m.Sum >= 0.005 {
		p.row("money", s.say("money", m.Currency, fmt.Sprintf("%.2f", m.Sum), m.Checked))
	}
	for _, n := range o.Notes {
		p.row("note", s.paint(yellow, s.sentence(n)))
	}
	if !o.Next.IsZero() {
		p.text("%s", s.say("next", s.sentence(o.Next)))
	}
	return p.lines
}

// colourOf is the colour of how a run stands.
func colourOf(o overview.Overview) string {
	switch o.Says.Code {
	case "state.verified":
		return green
	case "state.incomplete", "state.incomplete.other", "state.incomplete.unknown", "state.incomplete.books", "state.incomplete.kept", "state.incomplete.unverified",
		"state.stalled", "state.nobody", "state.nobody.ever", "state.waits":
		return red
	case "state.unproved", "state.paused", "state.cancelled", "state.cancelling", "state.sealed":
		return yellow
	}
	return cyan
}

func (p *page) times(o overview.Overview) {
	if o.State == overview.Over {
		p.row("ran", p.style.say("ran", p.style.span(o.Finished.Sub(o.Started)), Moment(o.Started), Moment(o.Finished)))
		return
	}
	p.row("started", p.style.say("started", Moment(o.Started), p.style.span(o.At.Sub(o.Started))))
}

// tally writes objects and bytes.
func (s Style) tally(t ledger.Tally) string {
	return s.say("tally", s.count("objects", t.Objects), words.Size(t.Bytes))
}

// percent is how much a part is of all.
func percent(part, all int64) string {
	if all <= 0 {
		return ""
	}
	return fmt.Sprintf(" (%d %%)", part*100/all)
}

func (p *page) counts(o overview.Overview) {
	c, say := o.Counts, p.style.say
	about := func(text string) string {
		if o.Exact {
			return text
		}
		return say("about", text)
	}
	if o.State == overview.Following || strings.HasSuffix(o.Run, "-events") {
		p.row("events", say("events", humanize.Comma(c.Listed.Objects), humanize.Comma(c.Open.Objects)))
		return
	}
	shards := p.style.count("shards", int64(o.Shards.Known))
	if n := o.Shards.Known - o.Shards.Listed; n > 0 {
		shards = say("shards", shards, humanize.Comma(int64(n)))
	}
	p.row("listed", about(say("in", p.style.tally(c.Listed), shards)))
	if c.Excluded.Objects > 0 {
		p.row("", say("unchosen", humanize.Comma(c.Excluded.Objects)))
	}
	if c.ToCopy.Objects > 0 {
		p.row("to_copy", about(p.style.tally(c.ToCopy)))
		ended := p.style.tally(c.Ended) + percent(c.Ended.Objects, c.ToCopy.Objects)
		if o.Batches.UnderWay > 0 {
			ended = say("under_way", ended, p.style.count("batches", o.Batches.UnderWay), p.style.tally(c.UnderWay))
		}
		p.row("ended", about(ended))
	}
	if c.Open.Objects > 0 {
		p.row("open", about(say("in", p.style.tally(c.Open), p.style.count("batches", o.Batches.Sealed-o.Batches.Ended))))
	}
	if c.ToCopy.Objects == 0 && c.Listed.Objects > 0 {
		p.row("to_copy", say("nothing"))
	}
	verified := p.style.tally(c.Verified)
	if v := o.Verification; v.Alone >= time.Second {
		verified = say("alone", verified, p.style.span(v.Alone))
	}
	p.row("verified", about(verified+percent(c.Verified.Objects, c.Listed.Objects)))
}

// perSecond writes a rate.
func (s Style) perSecond(r overview.Rate) string {
	return s.say("per_second", humanize.Comma(int64(r.Objects+0.5)), words.Size(int64(r.Bytes)))
}

func (p *page) speed(o overview.Overview) {
	s := p.style
	if o.Rate.Over > 0 {
		of := s.say("last_minute")
		if o.Rate.Over < time.Minute {
			of = s.say("last", s.span(o.Rate.Over))
		}
		p.row("rate", s.say("rate", s.perSecond(o.Rate), of))
	}
	switch {
	case o.Left.Known && o.Left.Time > 0:
		p.row("left", s.say("left", s.span(o.Left.Time), s.sentence(o.Left.Rests)))
	case o.Left.Rests.Code == "left.stopped":
	case !o.Left.Rests.IsZero() && !o.Left.Known && o.Rate.Over > 0:
		p.row("left", s.sentence(o.Left.Rests))
	}
	if !o.Binds.Says.IsZero() {
		p.row("bound_by", s.sentence(o.Binds.Says))
	}
}

// shownFailures is how many groups of failures are told; shownKeys how many keys of each.
const shownFailures, shownKeys = 5, 2

func (p *page) troubles(o overview.Overview, watched bool) {
	c := o.Counts
	if c.Throttled > 0 {
		p.row("throttled", p.style.say("throttled", p.style.count("answers", c.Throttled)))
	}
	if c.Failed.Objects > 0 {
		p.row("failed", p.style.paint(red, p.style.say("person", p.style.count("need", c.Failed.Objects))))
	}
	for i, f := range o.Failures {
		if i == shownFailures {
			p.row("", p.style.say("more_causes", humanize.Comma(int64(len(o.Failures)-i)), o.Run))
			break
		}
		p.failure(f, watched)
	}
}

// failure tells the failures of one cause.
func (p *page) failure(f overview.Failure, watched bool) {
	n := humanize.Comma(f.Objects)
	if f.AtLeast {
		n = p.style.say("at_least", n)
	}
	p.row("", p.style.say("failure", n, p.style.state(ledger.State(f.State)), translated(p.style.lang(), f.Cause)))
	p.row("", "  "+translated(p.style.lang(), f.Cure))
	if !watched {
		return
	}
	for _, k := range f.Keys[:min(len(f.Keys), shownKeys)] {
		p.lines = append(p.lines, cut(strings.Repeat(" ", labelled+2)+strconv.Quote(k), p.width()))
	}
}

// shownWorkers is how many of those at work are named.
const shownWorkers = 5

func (p *page) workers(o overview.Overview) {
	w := o.Work
	switch {
	case w.Alive == 0 && w.Last.IsZero():
		return
	case w.Alive == 0:
		p.row("at_work", p.style.say("nobody", Moment(w.Last)))
		return
	}
	p.row("at_work", p.style.say("at_work", p.style.count("processes", int64(w.Alive)), humanize.Comma(int64(w.Copying))))
	for i, one := range w.Workers {
		if i == shownWorkers {
			p.row("", p.style.say("and_more", humanize.Comma(int64(w.Alive-i))))
			break
		}
		name := one.Process
		if one.Host != "" {
			name = p.style.say("host", one.Host, one.PID)
		}
		did := ""
		if one.Ended.Objects > 0 {
			did = p.style.say("worker_did", p.style.tally(one.Ended))
		}
		p.row("", p.style.say("worker", name, p.style.say("does."+string(one.Does)), Clock(one.Since), Clock(one.Seen), did))
	}
}

func (p *page) queues(all []Queue) {
	var parts []string
	why := map[string]bool{}
	for _, q := range all {
		switch {
		case q.Unknown != "":
			parts = append(parts, p.style.say("queue.unknown", q.Name))
			if !why[q.Unknown] {
				why[q.Unknown] = true
				defer p.row("", translated(p.style.lang(), q.Unknown))
			}
		case q.InFlight+q.Delayed == 0:
			parts = append(parts, p.style.say("queue.ready", q.Name, humanize.Comma(int64(q.Ready))))
		default:
			parts = append(parts, p.style.say("queue.holds", q.Name, humanize.Comma(int64(q.Ready)), humanize.Comma(int64(q.InFlight)), humanize.Comma(int64(q.Delayed))))
		}
	}
	if len(parts) > 0 {
		p.row("queues", strings.Join(parts, p.style.say("semicolon")))
	}
}
