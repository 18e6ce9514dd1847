package console

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kodoferry/shared/console/problem"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// runsData is the list of runs.
type runsData struct {
	Jobs    []string
	Job     string // the filter: the runs of this job; "": of all
	State   string // the filter: one of runStates
	States  []string
	Entries []overview.Entry
	More    int // how many to ask for, to see more; 0: all are there
}

// runStates are what the list can be held to: "" is all.
var runStates = []string{"", "going", "stopped", "verified", "unproved", "incomplete", "cancelled"}

const (
	fewRuns  = 40
	mostRuns = 1000
)

func isOf(e overview.Entry, state string) bool {
	switch state {
	case "":
		return true
	case "going":
		return e.State != overview.Over && !e.Standing.Stopped()
	case "stopped":
		return e.State != overview.Over && e.Standing.Stopped()
	}
	return e.Result == state
}

func readRuns(q *request) (runsData, error) {
	d := runsData{Job: q.FormValue("job"), State: q.FormValue("state"), States: runStates}
	if !slices.Contains(runStates, d.State) {
		return d, fault.New(fault.NotFound, "console.readRuns", d.State, fmt.Errorf("there is no state %q of runs: it is one of %s", d.State, strings.Join(runStates[1:], ", ")))
	}
	most, err := strconv.Atoi(q.FormValue("most"))
	if err != nil || most < 1 {
		most = fewRuns
	}
	most = min(most, mostRuns)
	if d.Jobs, err = control.JobNames(q.Context(), q.console.ledger); err != nil {
		return d, problem.Unreachable{Err: err}
	}
	if d.Job != "" && !slices.Contains(d.Jobs, d.Job) {
		return d, control.RequireJob(q.Context(), q.console.ledger, q.console.o.Ledger, d.Job)
	}
	all, err := q.console.views.List(q.Context(), d.Job, most)
	if err != nil {
		return d, problem.Unreachable{Err: err}
	}
	if len(all) == most && most < mostRuns {
		d.More = min(most*5, mostRuns)
	}
	d.Entries = slices.DeleteFunc(all, func(e overview.Entry) bool { return !isOf(e, d.State) })
	return d, nil
}

func runsPage(q *request) error {
	if q.wantsJSON() {
		return poll(q, runsParts)
	}
	d, err := readRuns(q)
	if err != nil {
		return err
	}
	words := []string{"runs"}
	if d.Job != "" {
		words = append(words, d.Job)
	}
	return q.show(http.StatusOK, view{
		Page: "runs", Title: q.lang.Say("runs.title"), Section: "runs", Data: d,
		Commands: []command{ferry("runs", append(words, "--ledger", q.console.o.Ledger.String())...)},
	})
}

// runsParts are what of the list is live.
func runsParts(q *request) (parts, error) {
	d, err := readRuns(q)
	if err != nil {
		return parts{}, err
	}
	return renderParts(q, "runs", view{Data: d}, "runs.list")
}

// shown is a word for how a run goes, by which it is coloured.
func shown(state overview.State, standing ledger.Standing, result string) string {
	switch {
	case state == overview.Over:
		return result
	case standing != ledger.Going && standing != "":
		return string(standing)
	}
	return strings.ToLower(string(state))
}
