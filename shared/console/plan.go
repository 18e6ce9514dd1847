package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"kodoferry/shared/app"
	"kodoferry/shared/console/problem"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/plan/forecast"
	"kodoferry/shared/plan/sheet"
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
	if err := mayAsk(q, f.job.Source, f.job.Target); err != nil {
		return err
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
	d := planData{Job: f.job.Name, Text: sheet.Reader{Lang: q.lang, Key: legible, Now: q.console.o.Now()}.Text(forecast.New(f.job.Job, p, *prices, q.console.o.Config.QueuesAt != "")), Cut: err != nil}
	return q.show(http.StatusOK, view{
		Page: "plan", Title: q.lang.Say("plan.title") + " · " + f.job.Name, Section: "jobs", Data: d,
		Commands: []command{ferry("plan", "plan", f.job.Name, "--quick", "--file", "ferry.yaml")},
	})
}

// mayAsk refuses places that a console that only reads does not ask. Who signs in to it must
// not have it send requests that its keys sign to hosts of his choice, nor look at its disk:
// it asks the services themselves, and what a kept job names.
func mayAsk(q *request, places ...job.Location) error {
	if q.console.o.Changes {
		return nil
	}
	jobs, err := control.Kept(q.Context(), q.console.ledger)
	if err != nil {
		return problem.Unreachable{Err: err}
	}
	for _, at := range places {
		same := func(o job.Location) bool {
			return at.Scheme == o.Scheme && at.Endpoint == o.Endpoint && at.Domain == o.Domain && at.Insecure == o.Insecure && (at.Scheme != job.File || at.Bucket == o.Bucket)
		}
		own := at.Scheme != job.File && at.Domain == "" && !at.Insecure && slices.Contains([]string{"", "internal", "public", "accelerate"}, at.Endpoint)
		if !own && !slices.ContainsFunc(jobs, func(j job.Job) bool { return same(j.Source) || same(j.Target) }) {
			return problem.Elsewhere
		}
	}
	return nil
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
