// Package sheet writes a forecast for people, in the language and at the width of whoever reads
// it.
//
//	sheet.go   Reader, and Text: all that is said
//	shares.go  which class and size has which fate
//	bill.go    what it costs; timing.go how long it takes
//	words.go   what is said in the language of the reader
//	grid.go    rows in columns, however narrow the terminal is
package sheet

import (
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/columns"
	"kodoferry/shared/console/language"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/plan/forecast"
)

// Reader is who reads a forecast.
type Reader struct {
	Lang  *language.Language
	Width int                     // columns; 0: any number
	Key   func(key string) string // a key as it may be shown
	Now   time.Time               // the age of prices counts from it
}

// page is a forecast under way.
type page struct {
	strings.Builder
	words
	reader Reader
	f      forecast.Forecast
}

// Text is the forecast for r.
func (r Reader) Text(f forecast.Forecast) string {
	p := &page{words: words{r.Lang}, reader: r, f: f}
	p.line("", "", p.say("places", f.Source, f.Target))
	p.headline()
	p.shares()
	p.reasons()
	for _, n := range f.Plan.Notes {
		p.WriteString("\n")
		p.line("", "  ", p.say("note", p.tell(n)))
	}
	p.bill()
	p.timing()
	return p.String()
}

// width is how many columns a line may have.
func (p *page) width() int {
	if p.reader.Width <= 0 {
		return math.MaxInt32
	}
	return p.reader.Width
}

// line writes text under an indent, in as many lines as it takes; those behind the first stand
// under more.
func (p *page) line(indent, more, text string) {
	for _, l := range columns.Wrap(indent+text, p.width(), len(indent)+len(more)) {
		p.WriteString(l + "\n")
	}
}

// about is text of a number that is an estimate, or as it is where it is none.
func (p *page) about(text string) string {
	if p.f.Plan.Estimated {
		return p.say("about", text)
	}
	return text
}

// count writes a number of objects, rounded where it is an estimate.
func (p *page) count(n int64) string {
	if p.f.Plan.Estimated {
		n = forecast.Rounded(n)
	}
	return humanize.Comma(n)
}

func (p *page) objects(n int64) string {
	if n == 1 {
		return p.say("objects.one", p.count(n))
	}
	return p.say("objects.many", p.count(n))
}

// fated is a number of objects with their fate.
func (p *page) fated(n int64, fate plan.Fate) string {
	return p.say("fated", p.count(n), p.fate(fate))
}

// sized is n bytes in the unit that suits it.
func sized(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// headline writes what would be done, in few lines.
func (p *page) headline() {
	of := p.f.Plan
	switch {
	case of.Partial:
		p.line("", "", p.say("partial"))
	case of.Estimated:
		p.line("", "", p.say("quick"))
	default:
		p.line("", "", p.say("full"))
	}
	p.WriteString("\n")
	copied, gone := of.Sum(plan.ToCopy, "", ""), of.Sum(plan.ToDelete, "", "")
	p.line("", "  ", p.say("copy", p.about(p.objects(copied.Objects)), p.about(sized(copied.Bytes))))
	var sum []string
	for _, fate := range plan.Fates {
		if s := of.Sum(fate, "", ""); s.Objects > 0 && fate != plan.ToDelete {
			sum = append(sum, p.fated(s.Objects, fate))
		}
	}
	if len(sum) > 0 {
		p.line("  ", "  ", p.say("listed", p.about(p.count(of.Listed.Objects)), strings.Join(sum, " + ")))
	}
	if gone.Objects > 0 {
		p.line("  ", "  ", p.say("gone", humanize.Comma(gone.Objects), sized(gone.Bytes)))
	}
	if n := of.LeftOut.Objects; n > 0 {
		p.line("  ", "  ", p.say("left_out", p.about(p.count(n)), sized(of.LeftOut.Bytes)))
	}
	if n := of.TargetOnly.Objects; n > 0 {
		p.line("  ", "  ", p.say("target_only", humanize.Comma(n)))
	}
	for _, how := range of.How {
		p.line("  ", "  ", p.tell(how))
	}
}

// reasons writes why objects have their fate, with the first keys of those that are not
// simply copied.
func (p *page) reasons() {
	title := ""
	for _, r := range p.f.Plan.Reasons {
		head := p.say("why")
		what := p.fated(r.Objects, r.Will)
		if r.Will == plan.Warned {
			head, what = p.say("warned"), p.objects(r.Objects)
		}
		if head != title {
			title = head
			p.WriteString("\n" + head + "\n")
		}
		p.line("  ", "    ", p.say("because", p.about(what), p.tell(r.Why)))
		if r.Will == plan.ToCopy || r.Will == plan.Fate(ledger.Unchanged) {
			continue
		}
		for _, key := range r.Examples {
			p.WriteString(columns.Cut("      "+p.reader.Key(key), p.width()) + "\n")
		}
		if more := r.Objects - int64(len(r.Examples)); more > 0 {
			p.line("      ", "", p.say("more", p.about(p.count(more))))
		}
	}
}
