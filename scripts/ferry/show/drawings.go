package show

import (
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

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

// stretchMarks are the marks of the key space.
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
