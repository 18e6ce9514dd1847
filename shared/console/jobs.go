package console

import (
	"context"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/console/jobform"
	"kodoferry/shared/console/problem"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/registry"
)

// jobsData is the list of jobs.
type jobsData struct {
	Jobs []registry.Kept
	Done string
}

// lookers is how many jobs are read side by side.
const lookers = 16

// readJobs reads every job that the ledger knows.
func readJobs(q *request, ctx context.Context) ([]registry.Kept, error) {
	names, err := control.JobNames(ctx, q.console.ledger)
	if err != nil {
		return nil, problem.Unreachable{Err: err}
	}
	all := make([]registry.Kept, len(names))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookers)
	for i, name := range names {
		g.Go(func() (err error) {
			all[i], err = registry.Look(gctx, q.console.ledger, name)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, problem.Unreachable{Err: err}
	}
	return all, nil
}

func jobsPage(q *request) error {
	all, err := readJobs(q, q.Context())
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, view{
		Page: "jobs", Title: q.lang.Say("jobs.title"), Section: "jobs", Data: jobsData{all, q.FormValue("done")},
		Commands: []command{ferry("jobs", "jobs", "list", "--ledger", q.console.o.Ledger.String())},
	})
}

// jobData is one job.
type jobData struct {
	registry.Kept
	YAML string
	Done string
	Cron string // of the schedule page: what was asked for
}

// shownRuns is how many runs of a job its page shows.
const shownRuns = 10

func readJob(q *request) (jobData, error) {
	name, err := q.job()
	if err != nil {
		return jobData{}, err
	}
	k, err := registry.Look(q.Context(), q.console.ledger, name)
	if err != nil {
		return jobData{}, err
	}
	d := jobData{Kept: k, Done: q.FormValue("done")}
	if len(k.Text) > 0 {
		j, err := job.Decode(k.Text)
		if err != nil {
			return d, err
		}
		d.YAML = string(jobform.Of(j).YAML().Text)
	}
	return d, nil
}

func jobPage(q *request) error {
	d, err := readJob(q)
	if err != nil {
		return err
	}
	if err := d.ReadRuns(q.Context(), q.console.ledger, q.console.o.Now(), shownRuns); err != nil {
		return err
	}
	at := []string{"--ledger", q.console.o.Ledger.String()}
	return q.show(http.StatusOK, view{
		Page: "job", Title: d.Job, Section: "jobs", Data: d,
		Commands: []command{ferry("show", append([]string{"jobs", "show", d.Job}, at...)...), commandOf(q, "start", d.Job)},
	})
}

// schedulePage shows how a timer begins the job: the triggers of both platforms, which are a
// part of the deployment and not of the ledger.
func schedulePage(q *request) error {
	d, err := readJob(q)
	if err != nil {
		return err
	}
	d.Cron = jobform.Cron(q.FormValue("every"), q.FormValue("at"))
	return q.show(http.StatusOK, view{
		Page: "schedule", Title: q.lang.Say("schedule.title") + " · " + d.Job, Section: "jobs", Data: d,
		Commands: []command{ferry("show", "jobs", "show", d.Job, "--ledger", q.console.o.Ledger.String())},
	})
}

// newJobPage is the form without a job, or with one as it is to be like.
func newJobPage(q *request) error { return showForm(q, jobform.Values{}, "") }

func editJobPage(q *request) error {
	d, err := readJob(q)
	if err != nil {
		return err
	}
	if len(d.Text) == 0 {
		return q.redirect("/jobs/" + url.PathEscape(d.Job))
	}
	j, err := job.Decode(d.Text)
	if err != nil {
		return err
	}
	v := jobform.Of(j)
	if v["ledger"] == q.console.o.Ledger.String() { // that of the console is meant where none is named
		delete(v, "ledger")
	}
	if d.Keys > 0 {
		keys, err := keysOf(q, d.Job)
		if err != nil {
			return err
		}
		v["keys"] = keys
	}
	return showForm(q, v, d.Job)
}
