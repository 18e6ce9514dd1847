// Package alerting does tasks and posts to the webhooks of a job what becomes of its
// runs: begun, failing, stalled, ended. Package alert has the webhooks themselves.
package alerting

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kodoferry/shared/alert"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/sent"
	"kodoferry/shared/retry"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// Doer does tasks and posts to a job's webhooks what becomes of its run. Each alert is
// posted once, whichever process sees its cause: a mark in the ledger is claimed before,
// one for each webhook, for not every process has the variables of all. A webhook that
// fails is a line in the log and nothing else, and no task waits longer than alertTime
// for its alerts. Runs without alerts cost one read of the ledger a process. Doer is
// safe for concurrent use.
type Doer struct {
	do     worker.Doer
	ledger *ledger.Ledger
	getenv func(string) string
	log    *slog.Logger
	now    func() time.Time

	mu   sync.Mutex
	runs map[string]*alertedRun
}

// alertedRun is a run with alerts, and what this process knows of it.
type alertedRun struct {
	ledger *ledger.Run
	job    job.Job
	hooks  []hook

	mu     sync.Mutex
	seen   map[task.Stage]failRate // what ended before this process
	causes map[string]bool         // alerted, by this process or before it
	many   bool
	moved  time.Time // when something of it last ended here
}

// hook is a webhook under the name by which each thing is claimed for it.
type hook struct {
	*alert.Hook
	id string // the same in every process, and no secret
}

// alerts are those of a run because of one task: each goes to every webhook, all at
// the same time.
type alerts struct {
	run   *alertedRun
	posts sync.WaitGroup
}

// failRate is how many of the objects that ended failed.
type failRate struct{ failed, ended int64 }

const (
	alertTime  = 8 * time.Second // for all alerts of one task, to all webhooks together, repetitions included
	alertTries = 3
	maxRuns    = 100 // runs a process remembers
)

// New returns a Doer whose tasks do does. getenv has the URLs and secrets of webhooks
// and may be nil; now dates the alerts.
func New(do worker.Doer, l *ledger.Ledger, getenv func(string) string, log *slog.Logger, now func() time.Time) *Doer {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	return &Doer{do: do, ledger: l, getenv: getenv, log: log, now: now, runs: map[string]*alertedRun{}}
}

// Do does a task and alerts what it came to.
func (d *Doer) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	r := d.run(ctx, t.Run)
	if r == nil {
		return d.do.Do(ctx, t)
	}
	tell := &alerts{run: r}
	if t.Kind == task.List && t.Shard == ledger.RootShard {
		bounded, cancel := withinTime(ctx)
		defer cancel()
		d.started(bounded, tell)
	}
	next, err := d.do.Do(ctx, t)
	d.alertAfter(ctx, tell, t, next, err)
	return next, err
}

// GiveUp ends a task that cannot be done, and alerts what that came to.
func (d *Doer) GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	next, err := d.do.GiveUp(ctx, t, cause)
	if r := d.run(ctx, t.Run); r != nil {
		d.alertAfter(ctx, &alerts{run: r}, t, next, err)
	}
	return next, err
}

// alertAfter alerts what a task came to unless it failed, and waits until all alerts
// of it have been posted.
func (d *Doer) alertAfter(ctx context.Context, a *alerts, t task.Task, next []task.Task, err error) {
	bounded, cancel := withinTime(ctx)
	defer cancel()
	if err == nil {
		d.after(bounded, a, t, next)
	}
	a.posts.Wait()
}

// withinTime bounds the alerts of one task: by alertTime, and by half of the
// time that the invocation has left, for what follows from the task is yet to be sent.
// They do not end with ctx: a small run is over, and its tasks end, before a webhook
// that is overloaded has taken that the run began.
func withinTime(ctx context.Context) (context.Context, context.CancelFunc) {
	most := alertTime
	if end, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(end)/2)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), most)
}

// run returns a run that has webhooks, nil if it has none or cannot be read now.
func (d *Doer) run(ctx context.Context, name string) *alertedRun {
	d.mu.Lock()
	r, known := d.runs[name]
	d.mu.Unlock()
	if known {
		return r
	}
	run := d.ledger.Run(name)
	started, err := run.Begun(ctx)
	if err != nil {
		return nil // the task will meet it, too
	}
	j, err := job.Decode(started.Job)
	if err != nil {
		return nil
	}
	if len(j.Alerts) > 0 {
		r = &alertedRun{ledger: run, job: j, hooks: d.hooks(ctx, name, j), seen: map[task.Stage]failRate{}, causes: map[string]bool{}, moved: d.now()}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if other, known := d.runs[name]; known {
		return other
	}
	if len(d.runs) >= maxRuns { // most of them are over; one that is not is read again
		clear(d.runs)
	}
	d.runs[name] = r
	return r
}

// hooks opens the webhooks of j. One that cannot be opened is a line in the log, once a
// process and run.
func (d *Doer) hooks(ctx context.Context, run string, j job.Job) []hook {
	var hooks []hook
	for _, a := range j.Alerts {
		h, err := alert.Open(a, d.getenv)
		if err != nil {
			d.log.WarnContext(ctx, "alert cannot be sent", "run", run, "fault", fault.KindOf(err), "err", err)
			continue
		}
		hooks = append(hooks, hook{h, a.To + "-" + a.Kind})
	}
	return hooks
}

// alert posts m to every webhook of the run to which no process has posted it under
// that name. It does not wait for them: a.posts does.
func (d *Doer) alert(ctx context.Context, a *alerts, once string, m alert.Message) {
	m.Run, m.At = a.run.ledger.Name, d.now()
	log := d.log.With("run", a.run.ledger.Name, "alert", m.Event)
	for _, h := range a.run.hooks { // a webhook whose variables are missing here is another process's
		a.posts.Go(func() {
			won, err := sent.Of(d.ledger).Claim(ctx, a.run.ledger.Name, "alert-"+once+"-"+h.id)
			if err == nil && won {
				err = Post(ctx, h.Hook, m)
			}
			if err != nil {
				log.WarnContext(ctx, "alert not sent", "fault", fault.KindOf(err), "err", err)
			}
		})
	}
}

// Post posts m to h, up to alertTries times while the error is retryable.
func Post(ctx context.Context, h *alert.Hook, m alert.Message) error {
	p := retry.Policy{
		Tries: alertTries, Between: store.Pauses(),
		Wait: func(_ time.Duration, pause func() time.Duration) time.Duration { return pause() }, // alertTime is too short for the wait that a throttle names
	}
	_, err := retry.Do(ctx, p, func() (struct{}, error) { return struct{}{}, h.Post(ctx, m) })
	return retry.Last(err)
}

// command is a command line of ferry about the run, whole: it finds the ledger
// from any machine.
func (r *alertedRun) command(words ...string) string {
	at := r.job.Ledger
	if at.Endpoint == "internal" { // it answers only inside the region
		at.Endpoint = ""
	}
	line := "ferry"
	for _, w := range append(words, "--ledger", at.String()) {
		line += " " + shellWord(w)
	}
	return line
}

func (d *Doer) started(ctx context.Context, a *alerts) {
	d.alert(ctx, a, "started", alert.Message{
		Event: alert.Started, Text: fmt.Sprintf("%s -> %s", place(a.run.job.Source), place(a.run.job.Target)), Next: a.run.command("status", a.run.ledger.Name, "--watch"),
	})
}

// Stalled alerts that nothing of the run has moved since then, once for each such time.
func (d *Doer) Stalled(ctx context.Context, name string, since time.Time) {
	r := d.run(ctx, name)
	if r == nil {
		return
	}
	ctx, cancel := withinTime(ctx)
	defer cancel()
	tell := &alerts{run: r}
	d.alert(ctx, tell, fmt.Sprintf("stalled-%d", since.Unix()), alert.Message{
		Event: alert.Stalled, Text: fmt.Sprintf("nothing has moved for %s", d.now().Sub(since).Round(time.Minute)), Next: r.command("status", r.ledger.Name),
	})
	tell.posts.Wait()
}
