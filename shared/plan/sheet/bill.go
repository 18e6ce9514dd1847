package sheet

import (
	"github.com/dustin/go-humanize"

	"kodoferry/shared/plan/forecast"
)

// money is an amount with two digits behind the point.
func money(x float64) string { return humanize.FormatFloat("#,###.##", x) }

// bill writes what the run costs.
func (p *page) bill() {
	b := p.f.Bill
	looked := b.Checked
	if days, ok := forecast.Days(b.Checked, p.reader.Now); ok {
		looked = p.say("looked", looked, p.age(days))
	}
	p.WriteString("\n")
	p.line("", "  ", p.say("money", b.Currency, p.name(b.Prices), looked))
	if b.Without != "" {
		p.line("  ", "  ", p.tell(b.Without))
	}
	lines := func(costs []forecast.Cost) (rows [][]string) {
		for _, c := range costs {
			rows = append(rows, []string{p.name(c.What), c.Quantity(), "x " + p.each(c), money(c.Cost)})
		}
		return rows
	}
	rows := append(lines(b.Once), []string{p.say("once"), "", "", money(b.Sum)})
	if len(b.Monthly) > 0 {
		rows = append(append(append(rows, []string{""}), lines(b.Monthly)...), []string{p.say("month"), "", "", money(b.Month)})
	}
	if len(b.Thaw) > 0 {
		rows = append(append(rows, []string{"", "", "", ""}, []string{p.say("thaw")}), lines(b.Thaw)...)
	}
	p.WriteString(grid(rows, p.width()))
}
