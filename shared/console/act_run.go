package console

import (
	"context"
	"fmt"
	"kodoferry/shared/app"
	"kodoferry/shared/console/problem"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"net/http"
	"net/url"
	"time"
)

// actData is what the page of a change shows before it is made.
type actData struct {
	Act      string
	On       string // the run, or the job
	Where    string // the path of its page
	Danger   bool   // it cannot be taken back
	Typed    bool   // the name has to be typed
	Fields   []limitField
	Keys     int   // of a retry
	Rest     int64 // of a retry: stretches that it does not mend
	Deployed bool
	Nothing  bool // there is nothing to do
}

type limitField struct{ Name, Value string }

// runActs and jobActs are the changes of a run and of a job: whether one cannot be taken back.
var (
	runActs = map[string]bool{"pause": false, "resume": false, "cancel": true, "retry": false, "limits": false}
	jobActs = map[string]bool{"start": false, "seal": true, "remove": true}
)

// actPage asks whether a change is to be made, and says what it will do.
func actPage(q *request) error {
	d := actData{Act: q.PathValue("act")}
	acts, of := jobActs, "job"
	if q.PathValue("time") != "" {
		acts, of = runActs, "run"
	}
	danger, ok := acts[d.Act]
	if !ok {
		return problem.NoPage
	}
	d.Danger = danger
	var err error
	section := "jobs"
	if of == "run" {
		section = "runs"
		err = aboutRun(q, &d)
	} else {
		d.On, err = q.job()
		d.Where, d.Typed = "/jobs/"+url.PathEscape(d.On), d.Act == "seal"
	}
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, view{Page: "act", Title: q.lang.Say("act."+d.Act) + " · " + d.On, Section: section, Data: d, Commands: []command{commandOf(q, d.Act, d.On)}})
}

// aboutRun reads what the page of a change of a run tells.
func aboutRun(q *request, d *actData) error {
	run, err := q.run()
	if err != nil {
		return err
	}
	d.On, d.Where = run.Name, "/runs/"+run.Name
	switch d.Act {
	case "limits":
		l, err := control.LimitsOf(q.Context(), run)
		if err != nil {
			return err
		}
		d.Fields = []limitField{{"bandwidth", l.Limits.Bandwidth.Text()}, {"requests", orNone(l.Limits.Requests)}, {"instances", orNone(l.Limits.Instances)}}
	case "retry":
		r, err := control.RetryOf(q.Context(), run)
		if err != nil {
			return err
		}
		d.Keys, d.Rest, d.Deployed, d.Nothing = len(r.Keys), r.Stretches, r.Deployed, len(r.Keys) == 0
	}
	return nil
}

func orNone(n int) string {
	if n == 0 {
		return control.Lifted
	}
	return fmt.Sprint(n)
}

// commandOf is the command of a change.
func commandOf(q *request, act, on string) command {
	words := []string{act, on}
	switch act {
	case "remove":
		words = []string{"jobs", "remove", on}
	case "limits":
		words = append(words, "--bandwidth", "20MiB/s")
	}
	words = append(words, "--ledger", q.console.o.Ledger.String())
	if act == "start" || act == "resume" || act == "retry" {
		if at := q.console.o.Config.QueuesAt; at != "" {
			words = append(words, "--queues", at)
		}
	}
	return ferry(act, words...)
}

// runAct changes a run.
func runAct(q *request) error {
	act := q.PathValue("act")
	if _, ok := runActs[act]; !ok {
		return problem.NoPage
	}
	run, err := q.run()
	if err != nil {
		return err
	}
	do, err := doRun(q, act, run)
	if err != nil {
		return err
	}
	line := commandOf(q, act, run.Name)
	if act == "limits" {
		o := wantedLimits(q)
		if o == (control.LimitChange{}) {
			return problem.NoLimits
		}
		words := []string{"limits", run.Name}
		for _, f := range []limitField{{"--bandwidth", o.Bandwidth}, {"--requests", o.Requests}, {"--instances", o.Instances}} {
			if f.Value != "" {
				words = append(words, f.Name, f.Value)
			}
		}
		line = ferry(act, append(words, "--ledger", q.console.o.Ledger.String())...)
	}
	m, goes, err := q.change(act, run.Name, line, do)
	if err != nil {
		return err
	}
	if m.to == "" {
		m.to = "/runs/" + run.Name
	}
	return q.did(act, m.to, goes)
}

func wantedLimits(q *request) control.LimitChange {
	return control.LimitChange{Bandwidth: q.PostForm.Get("bandwidth"), Requests: q.PostForm.Get("requests"), Instances: q.PostForm.Get("instances")}
}

// doRun returns what makes a change of a run, by the call of its command.
func doRun(q *request, act string, run *ledger.Run) (func(ctx context.Context) (made, error), error) {
	c := q.console
	switch act {
	case "pause":
		return func(ctx context.Context) (made, error) { return made{says: "paused"}, c.operator().Pause(ctx, run) }, nil
	case "resume":
		return doResume(q, run)
	case "cancel":
		return func(ctx context.Context) (made, error) {
			rep, err := c.operator().Cancel(ctx, run, c.o.Grace)
			return made{says: "it ended " + string(rep.Result)}, err
		}, nil
	case "limits":
		o := wantedLimits(q)
		return func(ctx context.Context) (made, error) {
			return made{says: "limits changed"}, control.ChangeLimits(ctx, run, o, c.o.Now())
		}, nil
	}
	return doRetry(q, run)
}

func doResume(q *request, run *ledger.Run) (func(ctx context.Context) (made, error), error) {
	started, err := run.ReadStarted(q.Context())
	if err != nil {
		return nil, err
	}
	if !started.Deployed {
		return func(ctx context.Context) (made, error) {
			return made{says: "it may go on: the ferry copy that began it takes it up"}, q.console.operator().Resume(ctx, run)
		}, nil
	}
	d, err := deploymentOf(q)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (made, error) {
		n, err := d.Resume(ctx, run.Name, q.console.o.Now())
		return made{says: fmt.Sprintf("%d tasks sent", n)}, err
	}, nil
}

func doRetry(q *request, run *ledger.Run) (func(ctx context.Context) (made, error), error) {
	r, err := control.RetryOf(q.Context(), run)
	if err != nil {
		return nil, err
	}
	if len(r.Keys) == 0 {
		return nil, fault.New(fault.Invalid, "console.retry", run.Name, fmt.Errorf("nothing of run %s is to be retried", run.Name))
	}
	d, err := deploymentOf(q)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (made, error) {
		name, err := q.console.start(ctx, d, r.Job, r.Keys)
		return made{says: "run " + name + " begun", to: "/runs/" + name}, err
	}, nil
}

// checkTime bounds what is asked before a run begins.
const checkTime = time.Minute

// start begins a run as ferry start does: once all places have answered.
func (c *Console) start(ctx context.Context, d *app.Deployment, j job.Job, keys []string) (string, error) {
	checked, cancel := context.WithTimeout(ctx, checkTime)
	err := d.Check(checked, j)
	cancel()
	if err != nil {
		return "", err
	}
	return d.Start(ctx, j, keys, c.o.Now())
}
