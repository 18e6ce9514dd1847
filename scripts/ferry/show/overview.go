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

// row adds a line with a label, in as many lines as its text takes.
func (p *page) row(label, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
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
	p.text("%s: %s", s.paint(bold, o.Run), s.paint(colourOf(o), Say(o.Says)))
	p.row("moves", "%s to %s", o.Source, o.Target)
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
		p.row("money", "%s %.2f so far, about, at list prices of %s", m.Currency, m.Sum, m.Checked)
	}
	for _, n := range o.Notes {
		p.row("note", "%s", s.paint(yellow, Say(n)))
	}
	if !o.Next.IsZero() {
		p.text("Next: %s", Say(o.Next))
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
		p.row("ran", "%s, from %s to %s", words.Duration(o.Finished.Sub(o.Started)), Moment(o.Started), Moment(o.Finished))
		return
	}
	p.row("started", "%s (%s ago)", Moment(o.Started), words.Duration(o.At.Sub(o.Started)))
}

// tally writes objects and bytes.
func tally(t ledger.Tally) string {
	return words.Count(t.Objects, "object", "objects") + ", " + words.Size(t.Bytes)
}

// percent is how much a part is of all.
func percent(part, all int64) string {
	if all <= 0 {
		return ""
	}
	return fmt.Sprintf(" (%d %%)", part*100/all)
}

func (p *page) counts(o overview.Overview) {
	c, about := o.Counts, ""
	if !o.Exact {
		about = "about "
	}
	if o.State == overview.Following || strings.HasSuffix(o.Run, "-events") {
		p.row("events", "%s looked at, %s not through", humanize.Comma(c.Listed.Objects), humanize.Comma(c.Open.Objects))
		return
	}
	shards := words.Count(int64(o.Shards.Known), "shard", "shards")
	if n := o.Shards.Known - o.Shards.Listed; n > 0 {
		shards += fmt.Sprintf(", %s not listed yet", humanize.Comma(int64(n)))
	}
	p.row("listed", "%s%s, in %s", about, tally(c.Listed), shards)
	if c.Excluded.Objects > 0 {
		p.row("", "%s more not chosen by the filter", humanize.Comma(c.Excluded.Objects))
	}
	batches := ""
	if o.Batches.UnderWay > 0 {
		batches = fmt.Sprintf("; %s under way, in which %s", words.Count(o.Batches.UnderWay, "batch", "batches"), tally(c.UnderWay))
	}
	if c.ToCopy.Objects > 0 {
		p.row("to copy", "%s%s", about, tally(c.ToCopy))
		p.row("ended", "%s%s%s%s", about, tally(c.Ended), percent(c.Ended.Objects, c.ToCopy.Objects), batches)
	}
	if c.Open.Objects > 0 {
		p.row("open", "%s%s in %s", about, tally(c.Open), words.Count(o.Batches.Sealed-o.Batches.Ended, "batch", "batches"))
	}
	if c.ToCopy.Objects == 0 && c.Listed.Objects > 0 {
		p.row("to copy", "nothing")
	}
	verified := tally(c.Verified)
	if p := o.Verification; p.Alone >= time.Second {
		verified += fmt.Sprintf("; %s of it behind the last copy", words.Duration(p.Alone))
	}
	p.row("verified", "%s%s%s", about, verified, percent(c.Verified.Objects, c.Listed.Objects))
}

// perSecond writes a rate.
func perSecond(r overview.Rate) string {
	return humanize.Comma(int64(r.Objects+0.5)) + " objects/s, " + words.Size(int64(r.Bytes)) + "/s"
}

func (p *page) speed(o overview.Overview) {
	if o.Rate.Over > 0 {
		of := "in the last minute"
		if o.Rate.Over < time.Minute {
			of = "in the last " + words.Duration(o.Rate.Over)
		}
		p.row("rate", "%s %s", perSecond(o.Rate), of)
	}
	switch {
	case o.Left.Known && o.Left.Time > 0:
		p.row("left", "about %s, %s", words.Duration(o.Left.Time), Say(o.Left.Rests))
	case o.Left.Rests.Code == "left.stopped":
	case !o.Left.Rests.IsZero() && !o.Left.Known && o.Rate.Over > 0:
		p.row("left", "%s", Say(o.Left.Rests))
	}
	if !o.Binds.Says.IsZero() {
		p.row("bound by", "%s", Say(o.Binds.Says))
	}
}

// shownFailures is how many groups of failures are told; shownKeys how many keys of each.
const shownFailures, shownKeys = 5, 2

func (p *page) troubles(o overview.Overview, watched bool) {
	c := o.Counts
	if c.Throttled > 0 {
		p.row("throttled", "%s to slow down, each waited for", words.Count(c.Throttled, "answer", "answers"))
	}
	if c.Failed.Objects > 0 {
		p.row("failed", "%s", p.style.paint(red, words.Count(c.Failed.Objects, "object needs", "objects need")+" a person"))
	}
	for i, f := range o.Failures {
		if i == shownFailures {
			p.row("", "and %s more causes: ferry report %s names them", humanize.Comma(int64(len(o.Failures)-i)), o.Run)
			break
		}
		p.failure(f, watched)
	}
}

// failure tells the failures of one cause.
func (p *page) failure(f overview.Failure, watched bool) {
	least := ""
	if f.AtLeast {
		least = "at least "
	}
	p.row("", "%s%s %s: %s", least, humanize.Comma(f.Objects), f.State, words.Printable(f.Cause))
	p.row("", "  %s", words.Printable(f.Cure))
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
		p.row("at work", "nobody; the last sign of life is of %s", Moment(w.Last))
		return
	}
	p.row("at work", "%s, %s copying", words.Count(int64(w.Alive), "process", "processes"), humanize.Comma(int64(w.Copying)))
	for i, one := range w.Workers {
		if i == shownWorkers {
			p.row("", "and %s more", humanize.Comma(int64(w.Alive-i)))
			break
		}
		name := one.Process
		if one.Host != "" {
			name = fmt.Sprintf("%s (process %d)", one.Host, one.PID)
		}
		did := ""
		if one.Ended.Objects > 0 {
			did = fmt.Sprintf(": %s", tally(one.Ended))
		}
		p.row("", "%s %s since %s, last seen %s%s", name, one.Does, Clock(one.Since), Clock(one.Seen), did)
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
	p.lines = append(p.lines, cut("  "+pad(p.style.paint(dim, "objects"), labelled-2)+p.style.paint(cyan, sparkline(s.Objects, columns))+
		fmt.Sprintf("  at most %s/s", humanize.Comma(int64(most(s.Objects, s.Each)+0.5))), p.width()))
	p.lines = append(p.lines, cut("  "+pad(p.style.paint(dim, "bytes"), labelled-2)+p.style.paint(cyan, sparkline(s.Bytes, columns))+
		fmt.Sprintf("  at most %s/s", words.Size(int64(most(s.Bytes, s.Each)))), p.width()))
}

func (p *page) books(o overview.Overview) {
	b := o.Books
	if b.Listed.Objects == 0 {
		return
	}
	var parts []string
	for _, l := range b.Lines {
		parts = append(parts, humanize.Comma(l.Objects)+" "+lineWord(l.State))
	}
	balance := p.style.paint(green, "balanced")
	if b.Balanced && !b.Final {
		balance = p.style.paint(green, "balanced so far")
	}
	if !b.Balanced {
		balance = p.style.paint(red, fmt.Sprintf("off by %s objects", humanize.Comma(b.Off.Objects)))
	}
	p.row("books", "%s listed = %s: %s", humanize.Comma(b.Listed.Objects), strings.Join(parts, " + "), balance)
}

func lineWord(s ledger.State) string {
	if s == overview.EndedLine {
		return "ended, not verified"
	}
	return string(s)
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
	p.lines = append(p.lines, "  "+pad(p.style.paint(dim, "keys"), labelled-2)+out.String())
	p.row("", "· to list  ░ listed  ▒ copied  █ verified  ! given up")
}

// OverviewLine is how a run stands in one line, for where nothing is redrawn.
func OverviewLine(o overview.Overview) string {
	c := o.Counts
	text := fmt.Sprintf("%s  %s, %s listed, %s of %s ended (%s), %s verified", Clock(o.At), o.State, humanize.Comma(c.Listed.Objects), humanize.Comma(c.Ended.Objects), humanize.Comma(c.ToCopy.Objects), words.Size(c.Ended.Bytes), humanize.Comma(c.Verified.Objects))
	if o.Rate.Over > 0 {
		text += ", " + perSecond(o.Rate)
	}
	if o.Left.Known && o.Left.Time > 0 {
		text += ", about " + words.Duration(o.Left.Time) + " left"
	}
	if c.Failed.Objects > 0 {
		text += ", " + humanize.Comma(c.Failed.Objects) + " failed"
	}
	if c.Throttled > 0 {
		text += ", " + humanize.Comma(c.Throttled) + " throttled"
	}
	return text
}

// Runs prints a list of runs.
func Runs(w io.Writer, entries []overview.Entry) error {
	p := &page{style: StyleOf(w)}
	for _, e := range entries {
		o := overview.Overview{Says: e.Says}
		p.text("%s: %s", p.style.paint(bold, e.Run), p.style.paint(colourOf(o), cmp.Or(Say(e.Says), e.Error)))
		if e.Error != "" {
			continue
		}
		when := "started " + Moment(e.Started)
		if !e.Finished.IsZero() {
			when += ", took " + words.Duration(e.Finished.Sub(e.Started))
		}
		p.text("  %s; %s listed", when, tally(e.Counts.Listed))
		if !e.Next.IsZero() {
			p.text("  Next: %s", Say(e.Next))
		}
	}
	_, err := io.WriteString(w, strings.Join(p.lines, "\n")+"\n")
	return err
}
