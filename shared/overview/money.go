package overview

import (
	"kodoferry/shared/overview/reading"
	"kodoferry/shared/plan/forecast"
)

// foldMoney is what the run has cost so far, about: what it listed and copied, by the prices.
func foldMoney(r *reading.Reader, v *Overview, prices forecast.Prices) *Money {
	c := v.Counts
	moved := c.Ended
	if v.State == Over {
		moved = c.Ended
		for _, l := range v.Books.Lines {
			if l.State == "copied" {
				moved = l.Tally
			}
		}
	}
	b := forecast.Spent(r.Job, c.Listed, moved, r.Started.Deployed, prices)
	return &Money{Sum: b.Sum, Currency: b.Currency, Prices: b.Prices, Checked: b.Checked, Lines: b.Once, Without: b.Without}
}
