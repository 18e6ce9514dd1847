package console

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"kodoferry/shared/app"
	"kodoferry/shared/fault"
	"kodoferry/shared/plan/forecast"
)

// planData is what a run of a job would do, cost and take.
type planData struct {
	Job  string
	Text string
	Cut  bool // it was not looked at to the end
}

// planForm plans the job of the form by a few hundred requests, as ferry plan --quick does.
// Nothing is written.
func planForm(q *request) error {
	f, ok, err := readForm(q)
	if err != nil || !ok {
		return err
	}
	if f.job.KeyList != "" {
		return fault.New(fault.Invalid, "console.plan", f.job.Name, errPlanKeys)
	}
	prices := q.console.o.Prices
	if prices == nil {
		p, err := forecast.ReadPrices("")
		if err != nil {
			return err
		}
		prices = &p
	}
	if err := q.console.o.Config.Missing(f.job.Source, f.job.Target); err != nil {
		return err
	}
	sites, err := q.console.o.Config.Connect(f.job.Job)
	if err != nil {
		return err
	}
	checked, cancel := context.WithTimeout(q.Context(), checkTime)
	err = sites.CheckEnds(checked)
	cancel()
	if err != nil {
		return err
	}
	p, err := app.QuickPlan(q.Context(), sites, f.job.Job, nil)
	if err != nil && q.Context().Err() == nil {
		return err
	}
	d := planData{Job: f.job.Name, Text: forecast.New(f.job.Job, p, *prices).Text(legible), Cut: err != nil}
	return q.show(http.StatusOK, view{
		Page: "plan", Title: q.lang.Say("plan.title") + " · " + f.job.Name, Section: "jobs", Data: d,
		Commands: []command{ferry("plan", "plan", f.job.Name, "--quick", "--file", "ferry.yaml")},
	})
}

// legible is a key as a text of its own has it: quoted where it does not print.
func legible(key string) string {
	if q := strconv.Quote(key); key == "" || q[1:len(q)-1] != key {
		return q
	}
	return key
}

// errPlanKeys is why the job of a list is not planned.
var errPlanKeys = errors.New("a quick plan guesses from the names of a whole bucket, and this job has a list of keys: ferry plan without --quick looks them up")
