package sheet

import "kodoferry/shared/plan/forecast"

// timing writes how long the run takes under each limit, and what to ask for.
func (p *page) timing() {
	t := p.f.Time
	p.WriteString("\n" + p.say("time") + "\n")
	var rows [][]string
	for _, x := range t.Limits {
		row := []string{p.name(x.Name), p.name(x.Rate), p.hours(x.Hours), ""}
		switch {
		case x.Rate == forecast.NotKnown:
			row[2] = "-"
		case x.Aside:
			row[2] = "(" + row[2] + ")"
		case x.Name == t.Binds:
			row[3] = p.say("binds")
		}
		rows = append(rows, row)
	}
	p.WriteString(grid(rows, p.width()))
	for _, x := range t.Limits {
		if x.Note != "" {
			p.line("  ", "  ", p.say("aside", p.name(x.Name), p.tell(x.Note)))
		}
	}
	switch {
	case t.Hours*60 >= 1:
		p.line("  ", "  ", p.say("in_all", p.hours(t.Hours), p.name(t.Binds)))
	case t.Binds != "":
		p.line("  ", "  ", p.say("in_no_time", p.name(t.Binds)))
	}
	p.WriteString("\n" + p.say("quotas") + "\n")
	if t.Hours <= forecast.ShortRun {
		p.line("  ", "  ", p.say("no_quotas"))
	}
	for _, a := range t.Ask {
		p.line("  ", "  ", p.tell(a))
	}
}
