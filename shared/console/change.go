package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/audit"
	"kodoferry/shared/ledger/kept"
)

const (
	// patience is how long an answer waits for a change before it says that it goes on.
	patience = 3 * time.Second
	// changeTime bounds a change that goes on behind its answer: the notice that those at
	// work are given is the most of it.
	changeTime = 10 * time.Minute
	// passing bounds a change where nothing goes on behind an answer.
	passing = 45 * time.Second
)

// made is what came of a change.
type made struct {
	says string // for the record, in English
	to   string // the page that shows it
}

// change writes down that a change is asked for, has it done, and writes down what came of
// it. goes is true where it goes on behind the answer, or is left to the sweeper.
func (q *request) change(what, on string, line command, do func(ctx context.Context) (made, error)) (m made, goes bool, err error) {
	c := q.console
	who, from := q.who()
	name, err := audit.Begin(q.Context(), c.ledger.Folder(), audit.Asked{At: c.o.Now().UTC(), Who: who, From: from, What: what, On: on, Command: line.Line})
	if err != nil {
		return m, false, err
	}
	c.o.Log.InfoContext(q.Context(), "a change is asked for", "who", who, "from", from, "what", what, "on", on)
	ctx, cancel := context.WithTimeout(c.ctx, changeTime)
	if !c.o.Stays {
		cancel()
		ctx, cancel = context.WithTimeout(q.Context(), passing)
	}
	type result struct {
		made
		err error
	}
	ended := make(chan result, 1)
	c.work.Go(func() {
		defer cancel()
		m, err := c.guarded(ctx, do)
		end := audit.Ended{At: c.o.Now().UTC(), Says: m.says}
		if err != nil {
			end.Error = fault.Sentence(err)
		}
		// The record is written also where the change ran out of time.
		last, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer done()
		if err := audit.End(last, c.ledger.Folder(), name, end); err != nil {
			c.o.Log.ErrorContext(last, "what came of a change is not written down", "what", what, "on", on, "err", err)
		}
		ended <- result{m, err}
	})
	var wait <-chan time.Time
	if c.o.Stays {
		t := time.NewTimer(patience)
		defer t.Stop()
		wait = t.C
	}
	select {
	case r := <-ended:
		if errors.Is(r.err, context.DeadlineExceeded) && !c.o.Stays {
			return r.made, true, nil
		}
		return r.made, false, r.err
	case <-wait:
		return made{}, true, nil
	}
}

// guarded does a change whose panic is its error: it is no page, and would end the process.
func (c *Console) guarded(ctx context.Context, do func(ctx context.Context) (made, error)) (m made, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.o.Log.ErrorContext(ctx, "a change panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return do(ctx)
}

// did sends the browser to the page that shows a change.
func (q *request) did(what, to string, goes bool) error {
	if goes {
		what += ".goes"
	}
	return q.redirect(to + "?done=" + url.QueryEscape(what))
}

// deploymentOf opens the queues, too.
func deploymentOf(q *request) (*app.Deployment, error) {
	if q.console.o.Config.QueuesAt == "" {
		return nil, errNoQueues
	}
	return q.console.deploy()
}

func (c *Console) operator() *control.Operator {
	op := c.o.Config.Operate(c.ledger, c.o.Log)
	op.Now = c.o.Now
	return op
}

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
		return errNoPage
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
		return errNoPage
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
			return errNoLimits
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

// jobAct changes a job.
func jobAct(q *request) error {
	act := q.PathValue("act")
	if _, ok := jobActs[act]; !ok {
		return errNoPage
	}
	name, err := q.job()
	if err != nil {
		return err
	}
	if act == "seal" && q.PostForm.Get("typed") != name {
		return refusal{http.StatusUnprocessableEntity, "typed"}
	}
	do, err := doJob(q, act, name)
	if err != nil {
		return err
	}
	m, goes, err := q.change(act, name, commandOf(q, act, name), do)
	if err != nil {
		return err
	}
	if m.to == "" {
		m.to = "/jobs/" + url.PathEscape(name)
	}
	if act == "remove" || act == "start" && goes {
		m.to = "/jobs"
	}
	return q.did(act, m.to, goes)
}

// doJob returns what makes a change of a job, by the call of its command.
func doJob(q *request, act, name string) (func(ctx context.Context) (made, error), error) {
	c := q.console
	switch act {
	case "seal":
		return func(ctx context.Context) (made, error) {
			_, ended, err := c.operator().Seal(ctx, name, c.o.Grace)
			return made{says: fmt.Sprintf("ended for good, with %d runs", len(ended))}, err
		}, nil
	case "remove":
		return func(ctx context.Context) (made, error) {
			op := c.operator()
			wait, err := op.Drop(ctx, name)
			if err == nil && wait {
				err = op.Settle(ctx, c.o.Now(), c.o.Grace)
			}
			return made{says: "not kept any more"}, err
		}, nil
	}
	d, err := deploymentOf(q)
	if err != nil {
		return nil, err
	}
	j, record, err := control.KeptJob(q.Context(), c.ledger, name)
	if err != nil {
		return nil, err
	}
	keys, err := kept.ReadJobKeys(q.Context(), c.ledger.Folder(), record)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (made, error) {
		run, err := c.start(ctx, d, j, keys)
		return made{says: "run " + run + " begun", to: "/runs/" + run}, err
	}, nil
}

// shownChanges is how many changes are shown: the newest of a month.
const shownChanges = 50

func changesPage(q *request) error {
	all, err := audit.Newest(q.Context(), q.console.ledger.Folder(), q.console.o.Now().Add(-30*24*time.Hour), shownChanges)
	if err != nil {
		return unreachable{err}
	}
	return q.show(http.StatusOK, view{Page: "changes", Title: q.lang.Say("changes.title"), Section: "changes", Data: all})
}
