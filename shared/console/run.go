package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"kodoferry/shared/console/charts"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
)

// runData is the page of a run.
type runData struct {
	O      overview.Overview
	Shown  string // how it goes, in a word
	Acts   []string
	Done   string // the change that led here
	Limits control.Limits
	Stale  []string // why the figures are old: the ledger does not answer
}

// runName is the name that the path has, which may be that of a run.
func runName(q *request) (string, error) {
	j, at := q.PathValue("job"), q.PathValue("time")
	if strings.Contains(j, "/") || strings.Contains(at, "/") {
		return "", fault.New(fault.Invalid, "console.run", "", fmt.Errorf("%q names no run: it is <job>/<time>", j+"/"+at))
	}
	return j + "/" + at, nil
}

// readOverview reads how the run stands that the path names. Where the ledger does not answer
// it is as it was read last, with the reason.
func readOverview(q *request, ctx context.Context) (runData, error) {
	name, err := runName(q)
	if err != nil {
		return runData{}, err
	}
	o, err := q.console.views.Overview(ctx, name)
	d := runData{O: o}
	switch {
	case err == nil:
	case o.Run == "" || ledger.Missing(err):
		return d, err
	case errors.Is(err, context.DeadlineExceeded):
		d.Stale = []string{q.lang.Say("problem.slow")}
	default:
		d.Stale = sentences(err)
	}
	d.Shown = shown(o.State, o.Standing, o.Result)
	d.Acts = actsOf(o)
	return d, nil
}

// actsOf are the changes that a run takes as it stands.
func actsOf(o overview.Overview) []string {
	switch {
	case o.State == overview.Over && o.Counts.Failed.Objects+o.Counts.Open.Objects > 0:
		return []string{"retry"}
	case o.State == overview.Over:
		return nil
	case o.Standing.Final():
		return []string{"cancel"} // which ends what was begun
	case o.Standing == ledger.Paused || o.Standing == ledger.Resuming:
		return []string{"resume", "limits", "cancel"}
	}
	return []string{"pause", "limits", "cancel"}
}

func runPage(q *request) error {
	d, err := readOverview(q, q.Context())
	if ledger.Missing(err) { // the error names the runs that there are
		if _, ferr := q.run(); ferr != nil {
			err = ferr
		}
	}
	if err != nil {
		return err
	}
	d.Done = q.FormValue("done")
	if d.O.State != overview.Over && len(d.Stale) == 0 {
		if d.Limits, err = control.LimitsOf(q.Context(), q.console.ledger.Run(d.O.Run)); err != nil && !ledger.Unreadable(err) {
			return err
		}
	}
	at := []string{"--ledger", q.console.o.Ledger.String()}
	lines := []command{ferry("watch", append([]string{"watch", d.O.Run}, at...)...), ferry("status", append([]string{"status", d.O.Run, "--json"}, at...)...)}
	if d.O.State == overview.Over {
		lines = []command{ferry("report", append([]string{"report", d.O.Run}, at...)...)}
	}
	return q.show(http.StatusOK, view{Page: "run", Title: d.O.Run, Section: "runs", Data: d, Commands: lines})
}

// runLive are the templates of what of a run changes.
var runLive = []string{"run.state", "run.progress", "run.books", "run.space", "run.work", "run.failures", "run.money"}

func runParts(q *request) (parts, error) {
	d, err := readOverview(q, q.Context())
	if err != nil {
		return parts{}, err
	}
	p, err := renderParts(q, "run", view{Data: d}, runLive...)
	p.Series = &tail{Series: d.O.Series}
	p.Over = d.O.State == overview.Over && len(d.Stale) == 0
	return p, err
}

// Bar, Strip, Legend and Plot are what the page draws.
func (d runData) Bar() []charts.Segment      { return charts.Books(d.O.Books) }
func (d runData) Strip() []charts.Segment    { return charts.Space(d.O.Space) }
func (d runData) Legend() []charts.Legend    { return charts.Legends(d.O.Space) }
func (d runData) Plot(of string) charts.Plot { return charts.Rates(d.O.Series, of == "bytes") }
