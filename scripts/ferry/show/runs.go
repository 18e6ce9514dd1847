package show

import (
	"cmp"
	"io"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/overview"
)

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
		p.text("%s", p.style.say("head", p.style.paint(bold, e.Run), p.style.paint(colourOf(o), cmp.Or(p.style.sentence(e.Says), e.Error))))
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
