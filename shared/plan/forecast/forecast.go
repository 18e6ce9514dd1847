// Package forecast says what a plan costs and how long it takes, by a file of prices
// and quotas.
//
//	forecast.go  Forecast: all that ferry plan says; package sheet writes it for people
//	load.go      Load: what a plan asks of the services
//	bill.go      Bill: what that costs
//	timing.go    Timing: how long it takes under each limit, and what to have raised
//	prices.go    Prices, of prices.yaml and a file of changes
package forecast

import (
	"kodoferry/shared/job"
	"kodoferry/shared/plan"
)

// Forecast is a plan with what it costs and how long it takes.
type Forecast struct {
	Source string    `json:"source"`
	Target string    `json:"target"`
	Plan   plan.Plan `json:"plan"`
	Load   Load      `json:"load"`
	Bill   Bill      `json:"bill"`
	Time   Timing    `json:"time"`
}

// New returns the Forecast of p, a plan of j that a deployment does, or else one machine.
func New(j job.Job, p plan.Plan, pr Prices, deployed bool) Forecast {
	l := loadOf(p, j, pr, deployed)
	t := timingOf(l, j, pr)
	return Forecast{Source: j.Source.Place(), Target: j.Target.Place(), Plan: p, Load: l, Bill: billOf(p, j, pr, l, t.Hours), Time: t}
}
