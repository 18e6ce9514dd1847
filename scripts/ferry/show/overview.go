package show

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// Overview prints how a run stands, and what to do next.
func Overview(w io.Writer, o overview.Overview) error {
	lines := Lines(o, StyleOf(w), false)
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// labelled is how wide the labels of lines are.
const labelled = 12

// page is lines under way, of one style.
type page struct {
	style Style
	lines []string
}

// row adds a line with the label of that name ("" is none), in as many lines as its text takes.
func (p *page) row(label, text string) {
	if label != "" {
		label = p.style.say("label." + label)
	}
	head := "  " + pad(p.style.paint(dim, label), labelled-2)
	for i, line := range wrap(text, p.width()-labelled, len(text)-len(strings.TrimLeft(text, " "))) {
		if i > 0 {
			head = strings.Repeat(" ", labelled)
		}
		p.lines = append(p.lines, cut(head+line, p.width()))
	}
}

// width is how many columns a line has; where it is not a terminal's, any number.
func (p *page) width() int {
	if p.style.Width <= 0 {
		return math.MaxInt32
	}
	return p.style.Width - 1
}

// text adds text as it is, broken at the width.
func (p *page) text(format string, args ...any) {
	p.lines = append(p.lines, wrap(fmt.Sprintf(format, args...), p.width(), 2)...)
}

// Lines are how a run stands, in lines of a style. watched adds what one looks at while it
// goes on: curves, the books and the failures by cause.
func Lines(o overview.Overview, s Style, watched bool) []string {
	p := &page{style: s}
	p.text("%s: %s", s.paint(bold, o.Run), s.paint(colourOf(o), s.sentence(o.Says)))
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
	case "state.incomplete", "state.incomplete.other", "state.stalled", "state.nobody", "state.nobody.ever", "state.waits":
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
	p.row("", p.style.say("failure", n, p.style.state(ledger.State(f.State)), words.Printable(f.Cause)))
	p.row("", "  "+words.Printable(f.Cure))
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
			did = ": " + p.style.tally(one.Ended)
		}
		p.row("", p.style.say("worker", name, p.style.say("does."+string(one.Does)), Clock(one.Since), Clock(one.Seen), did))
	}
}

// levels are the bars of a sparkline.
var levels = []rune("▁▂▃▄▅▆▇█")

// sparkline draws counts in so many columns.
func sparkline(counts []int64, columns int) string {
	if len(counts) == 0 || columns <= 0 {
		return ""
	}
	n := min(columns, len(counts))
	sums := make([]float64, n)
	most := 0.0
	for i := range n {
		from, to := i*len(counts)/n, (i+1)*len(counts)/n
		for _, c := range counts[from:to] {
			sums[i] += float64(c)
		}
		sums[i] /= float64(to - from)
		most = max(most, sums[i])
	}
	var out strings.Builder
	for _, s := range sums {
		level := 0
		if most > 0 {
			level = int(s/most*float64(len(levels)-1) + 0.5)
		}
		if s == 0 {
			out.WriteRune(' ')
			continue
		}
		out.WriteRune(levels[level])
	}
	return out.String()
}

// most is the most of a second of a series.
func most(counts []int64, each int64) (top float64) {
	for _, n := range counts {
		top = max(top, float64(n)/float64(max(each, 1)))
	}
	return top
}

func (p *page) curves(o overview.Overview) {
	s := o.Series
	if len(s.Objects) < 2 {
		return
	}
	columns := min(p.width()-labelled-28, 100)
	if columns < 10 {
		columns = p.width() - labelled
	}
	p.lines = append(p.lines, cut("  "+pad(p.style.paint(dim, p.style.say("label.objects")), labelled-2)+p.style.paint(cyan, sparkline(s.Objects, columns))+
		"  "+p.style.say("at_most", humanize.Comma(int64(most(s.Objects, s.Each)+0.5))), p.width()))
	p.lines = append(p.lines, cut("  "+pad(p.style.paint(dim, p.style.say("label.bytes")), labelled-2)+p.style.paint(cyan, sparkline(s.Bytes, columns))+
		"  "+p.style.say("at_most", words.Size(int64(most(s.Bytes, s.Each)))), p.width()))
}

func (p *page) books(o overview.Overview) {
	b := o.Books
	if b.Listed.Objects == 0 {
		return
	}
	var parts []string
	for _, l := range b.Lines {
		parts = append(parts, humanize.Comma(l.Objects)+" "+p.style.lineWord(l.State))
	}
	balance := p.style.paint(green, p.style.say("balanced"))
	if b.Balanced && !b.Final {
		balance = p.style.paint(green, p.style.say("balanced_so_far"))
	}
	if !b.Balanced {
		balance = p.style.paint(red, p.style.say("off", humanize.Comma(b.Off.Objects)))
	}
	p.row("books", p.style.say("books", humanize.Comma(b.Listed.Objects), strings.Join(parts, " + "), balance))
}

func (s Style) lineWord(state ledger.State) string {
	if state == overview.EndedLine {
		return s.say("state.ended")
	}
	return s.state(state)
}

// stretches are the marks of the key space.
var stretchMarks = map[overview.Progress]string{overview.Unlisted: "·", overview.Listed: "░", overview.Copied: "▒", overview.VerifiedProof: "█", overview.GivenUp: "!"}

func (p *page) space(o overview.Overview) {
	if len(o.Space) < 2 {
		return
	}
	columns := min(p.width()-labelled, 60)
	var out strings.Builder
	for i := range columns {
		one := o.Space[i*len(o.Space)/columns]
		colour := ""
		switch one.Progress {
		case overview.VerifiedProof:
			colour = green
		case overview.GivenUp:
			colour = red
		default:
			colour = cyan
		}
		out.WriteString(p.style.paint(colour, stretchMarks[one.Progress]))
	}
	p.lines = append(p.lines, "  "+pad(p.style.paint(dim, p.style.say("label.keys")), labelled-2)+out.String())
	p.row("", p.style.say("space"))
}

// OverviewLine is how a run stands in one line, for where nothing is redrawn.
func OverviewLine(o overview.Overview) string {
	c, s := o.Counts, Style{Tongue: spoken()}
	text := s.say("line", Clock(o.At), s.say("run."+string(o.State)), humanize.Comma(c.Listed.Objects), humanize.Comma(c.Ended.Objects), humanize.Comma(c.ToCopy.Objects), words.Size(c.Ended.Bytes), humanize.Comma(c.Verified.Objects))
	parts := []string{text}
	if o.Rate.Over > 0 {
		parts = append(parts, s.perSecond(o.Rate))
	}
	if o.Left.Known && o.Left.Time > 0 {
		parts = append(parts, s.say("time_left", s.span(o.Left.Time)))
	}
	return strings.Join(append(parts, s.troubles(o)...), s.say("comma"))
}

// Runs prints a list of runs.
func Runs(w io.Writer, entries []overview.Entry) error {
	p := &page{style: StyleOf(w)}
	for _, e := range entries {
		o := overview.Overview{Says: e.Says}
		p.text("%s: %s", p.style.paint(bold, e.Run), p.style.paint(colourOf(o), cmp.Or(p.style.sentence(e.Says), e.Error)))
		if e.Error != "" {
			continue
		}
		when := p.style.say("began", Moment(e.Started))
		if !e.Finished.IsZero() {
			when = p.style.say("took", Moment(e.Started), p.style.span(e.Finished.Sub(e.Started)))
		}
		p.text("  %s", p.style.say("run_line", when, p.style.tally(e.Counts.Listed)))
		if !e.Next.IsZero() {
			p.text("  %s", p.style.say("next", p.style.sentence(e.Next)))
		}
	}
	_, err := io.WriteString(w, strings.Join(p.lines, "\n")+"\n")
	return err
}
