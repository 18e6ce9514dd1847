package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kodoferry/shared/alert"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/retry"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

// bell does tasks and tells a job's webhooks what becomes of its run, each thing
// once whoever works on it: a mark in the ledger is claimed first, one for each
// webhook, for not every process has the variables of all. A webhook that fails is
// a line in the log and nothing else, and no task waits longer than ringTime for
// all that is told of it. Runs without alerts cost one read of the ledger a process.
// It is safe for concurrent use.
type bell struct {
	worker.Doer
	ledger *ledger.Ledger
	getenv func(string) string
	log    *slog.Logger
	now    func() time.Time

	mu   sync.Mutex
	runs map[string]*rung
}

// rung is a run with alerts, and what this process knows of it.
type rung struct {
	*ledger.Run
	job   job.Job
	hooks []hook

	mu     sync.Mutex
	seen   map[task.Stage]share // what ended before this process
	causes map[string]bool      // told, by this process or before it
	many   bool
	moved  time.Time // when something of it last ended here
}

// hook is a webhook under the name by which each thing is claimed for it.
type hook struct {
	*alert.Hook
	id string // the same in every process, and no secret
}

// telling is a run of which something is told because of one task: everything to
// every webhook, all at the same time.
type telling struct {
	*rung
	posts sync.WaitGroup
}

// share is how many of the objects that ended failed.
type share struct{ failed, ended int64 }

const (
	ringTime  = 8 * time.Second // for all that is told of one task, to all webhooks together, repetitions included
	ringTries = 3
	maxRuns   = 100 // runs a process remembers
)

func newBell(do worker.Doer, l *ledger.Ledger, getenv func(string) string, log *slog.Logger, now func() time.Time) *bell {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	return &bell{Doer: do, ledger: l, getenv: getenv, log: log, now: now, runs: map[string]*rung{}}
}

// CheckAlerts says what is wrong with the webhooks of j where they are to be
// told from this process, as one Invalid error without any secret.
func (c Config) CheckAlerts(j job.Job) error {
	var wrong []error
	for _, a := range j.Alerts {
		_, err := c.hook(a)
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// hook opens a webhook with what the environment has for it.
func (c Config) hook(a job.Alert) (*alert.Hook, error) {
	getenv := c.getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	return alert.Open(a, getenv)
}

// Do does a task and tells what it came to.
func (b *bell) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	r := b.run(ctx, t.Run)
	if r == nil {
		return b.Doer.Do(ctx, t)
	}
	tell := &telling{rung: r}
	if t.Kind == task.List && t.Shard == ledger.RootShard {
		ringing, cancel := ringing(ctx)
		defer cancel()
		b.started(ringing, tell)
	}
	next, err := b.Doer.Do(ctx, t)
	b.tellAfter(ctx, tell, t, next, err)
	return next, err
}

// GiveUp ends a task that cannot be done, and tells what that came to.
func (b *bell) GiveUp(ctx context.Context, t task.Task, cause error) ([]task.Task, error) {
	next, err := b.Doer.GiveUp(ctx, t, cause)
	if r := b.run(ctx, t.Run); r != nil {
		b.tellAfter(ctx, &telling{rung: r}, t, next, err)
	}
	return next, err
}

// tellAfter tells what a task came to unless it failed, and waits until all is
// told that was begun to be.
func (b *bell) tellAfter(ctx context.Context, r *telling, t task.Task, next []task.Task, err error) {
	ringing, cancel := ringing(ctx)
	defer cancel()
	if err == nil {
		b.after(ringing, r, t, next)
	}
	r.posts.Wait()
}

// ringing bounds what is told because of one task: by ringTime, and by half of the
// time that the invocation has left, for what follows from the task is yet to be sent.
func ringing(ctx context.Context) (context.Context, context.CancelFunc) {
	most := ringTime
	if end, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(end)/2)
	}
	return context.WithTimeout(ctx, most)
}

// run returns a run that has webhooks to tell, nil if it has none or cannot be read now.
func (b *bell) run(ctx context.Context, name string) *rung {
	b.mu.Lock()
	r, known := b.runs[name]
	b.mu.Unlock()
	if known {
		return r
	}
	run := b.ledger.Run(name)
	started, err := run.Started(ctx)
	if err != nil {
		return nil // the task will meet it, too
	}
	j, err := job.Decode(started.Job)
	if err != nil {
		return nil
	}
	if len(j.Alerts) > 0 {
		r = &rung{Run: run, job: j, hooks: b.hooks(ctx, name, j), seen: map[task.Stage]share{}, causes: map[string]bool{}, moved: b.now()}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if other, known := b.runs[name]; known {
		return other
	}
	if len(b.runs) >= maxRuns { // most of them are over; one that is not is read again
		clear(b.runs)
	}
	b.runs[name] = r
	return r
}

// hooks opens the webhooks of j. One that cannot be is told to the log, once a
// process and run.
func (b *bell) hooks(ctx context.Context, run string, j job.Job) []hook {
	var hooks []hook
	for _, a := range j.Alerts {
		h, err := alert.Open(a, b.getenv)
		if err != nil {
			b.log.WarnContext(ctx, "alert cannot be sent", "run", run, "fault", fault.KindOf(err), "err", err)
			continue
		}
		hooks = append(hooks, hook{h, a.To + "-" + a.Kind})
	}
	return hooks
}

// ring tells m to every webhook of the run that nobody told it under that name. It
// does not wait for them: r.posts does.
func (b *bell) ring(ctx context.Context, r *telling, once string, m alert.Message) {
	m.Run, m.At = r.Name, b.now()
	log := b.log.With("run", r.Name, "alert", m.Event)
	for _, h := range r.hooks { // a webhook whose variables are not here others tell
		r.posts.Go(func() {
			won, err := b.ledger.Claim(ctx, r.Name, "alert-"+once+"-"+h.id)
			if err == nil && won {
				err = post(ctx, h.Hook, m)
			}
			if err != nil {
				log.WarnContext(ctx, "alert not sent", "fault", fault.KindOf(err), "err", err)
			}
		})
	}
}

// post tells m to h, up to ringTries times while that may help.
func post(ctx context.Context, h *alert.Hook, m alert.Message) error {
	p := retry.Policy{
		Tries: ringTries, Between: store.Pauses(),
		Wait: func(_ time.Duration, pause func() time.Duration) time.Duration { return pause() }, // ringTime is too short to do as one is told
	}
	_, err := retry.Do(ctx, p, func() (struct{}, error) { return struct{}{}, h.Post(ctx, m) })
	return retry.Last(err)
}

// command is a command line of ferry about the run, whole: it finds the ledger
// from any machine.
func (r *rung) command(words ...string) string {
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

func (b *bell) started(ctx context.Context, r *telling) {
	b.ring(ctx, r, "started", alert.Message{
		Event: alert.Started, Text: fmt.Sprintf("%s -> %s", place(r.job.Source), place(r.job.Target)), Next: r.command("status", r.Name, "--watch"),
	})
}

// stalled tells that nothing of the run has moved since then; once for each
// such time.
func (b *bell) stalled(ctx context.Context, name string, since time.Time) {
	r := b.run(ctx, name)
	if r == nil {
		return
	}
	ctx, cancel := ringing(ctx)
	defer cancel()
	tell := &telling{rung: r}
	b.ring(ctx, tell, fmt.Sprintf("stalled-%d", since.Unix()), alert.Message{
		Event: alert.Stalled, Text: fmt.Sprintf("nothing has moved for %s", b.now().Sub(since).Round(time.Minute)), Next: r.command("status", r.Name),
	})
	tell.posts.Wait()
}

// Stalled tells the webhooks of a run that nothing of it has moved since then,
// once for each such time. Whoever looks after open runs calls it.
func (d *Deployment) Stalled(ctx context.Context, run string, since time.Time) {
	d.bell.stalled(ctx, run, since)
}
