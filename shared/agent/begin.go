package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/task"
)

// begin starts a run, or finds what is open of the newest one. Of several that
// begin a run of the same job at the same time, one starts it and the rest find it.
// It starts none that writes where another job does that is kept or has a run
// under way. errHeld says that another process does the run that it names.
func begin(ctx context.Context, p *pipeline.Pipeline, l *ledger.Ledger, j job.Job, o CopyOptions, c *claim) (string, []task.Task, error) {
	unsealed := make(chan error, 1)
	go func() { unsealed <- control.RequireUnsealed(ctx, l, j.Name) }()
	intent := control.Announce(ctx, l, []job.Job{j}, o.Now())
	needed := false
	defer func() {
		if !needed {
			c.behind.Go(func() { intent.Withdraw(ctx) })
		}
	}()
	preparing, drop := context.WithCancel(ctx)
	next := p.Prepare(preparing, j, o.Keys...)
	starts := false
	defer func() {
		if !starts {
			drop()
		}
	}()
	runs, err := index.LatestOrdinary(ctx, l, j.Name, o.Now(), 1)
	if err := cmp.Or(<-unsealed, err); err != nil {
		return "", nil, err
	}
	for _, name := range latest(runs, o.Now()) {
		if open, err := takeUp(ctx, p, l, j, name, o, c); err != nil || len(open) > 0 {
			return name, open, err
		}
	}
	if err := control.RequireKeys(j, o.Keys); err != nil {
		return "", nil, err
	}
	var name string
	var first []task.Task
	var refused error
	meanwhile := false // another has begun one
	needed = true
	withdraw, err := intent.Alone(ctx, func(ctx context.Context) error {
		name = pipeline.RunName(j, o.Now())
		looked := name
		asked := make(chan error, 2)
		go func() { asked <- control.RefuseClash(ctx, l, j, o.Now(), o.Log) }()
		go func() { asked <- next.Look(ctx, looked) }()
		newer, err := index.After(ctx, l, j.Name, newestOf(runs, o.Now()))
		refused = cmp.Or(<-asked, <-asked)
		meanwhile = slices.ContainsFunc(newer, func(run string) bool { return !slices.Contains(runs, run) })
		return err
	}, func(ctx context.Context) error {
		switch {
		case meanwhile:
			return nil
		case refused != nil:
			return refused
		}
		looked := name
		for slices.Contains(runs, name) { // two runs in one second
			if err := control.Wait(ctx, time.Second); err != nil {
				return err
			}
			name = pipeline.RunName(j, o.Now())
		}
		if name != looked { // which left out the run that has the name that was looked for
			if err := next.Look(ctx, name); err != nil {
				return err
			}
		}
		first, err = p.Begin(ctx, next, name, func(ctx context.Context) error { return c.takeNew(ctx, l.Run(name)) })
		return err
	})
	c.behind.Go(withdraw)
	switch {
	case err != nil:
		return name, nil, err
	case meanwhile:
		return begin(ctx, p, l, j, o, c)
	}
	starts = true
	o.Begun(name, nil)
	return name, first, nil
}

// newestOf returns the newest of a job's runs, in order, but for those that a clock which was
// wrong named ahead of now; "" where there is none.
func newestOf(runs []string, now time.Time) string {
	for _, run := range slices.Backward(runs) {
		if !index.IsAhead(run, now) {
			return run
		}
	}
	return ""
}

// latest returns of a job's runs, in order, those that may be gone on with: any
// that a clock which was wrong named ahead of now, and the newest of the others.
func latest(runs []string, now time.Time) []string {
	n := len(runs)
	for n > 0 && index.IsAhead(runs[n-1], now) {
		n--
	}
	return runs[max(0, n-1):]
}

// takeUp returns the open tasks of a run that is not over; none where it is, or
// was cancelled, or never started.
func takeUp(ctx context.Context, p *pipeline.Pipeline, l *ledger.Ledger, j job.Job, name string, o CopyOptions, c *claim) ([]task.Task, error) {
	found, err := progress.Glance(ctx, l.Run(name))
	switch {
	case ledger.Missing(err): // it left something, but never started
		return nil, nil
	case err != nil || found.Reported:
		return nil, err
	case found.Started.Deployed:
		return nil, fault.New(fault.Invalid, "agent.Copy", name, fmt.Errorf("run %s is with the functions of a deployment: ferry status %s tells how far it is", name, name))
	}
	open, err := goOn(ctx, p, l, name, func() error {
		if err := goesOn(found.Started, j, o.Keys); err != nil {
			return err
		}
		return c.take(ctx, l.Run(name))
	})
	if err == nil && len(open) > 0 {
		o.Begun(name, &found)
	}
	return open, err
}

// goOn returns the open tasks of an unfinished run. One that was cancelled has
// none: its books are closed, and another may begin. may refuses to go on with any other.
func goOn(ctx context.Context, p *pipeline.Pipeline, l *ledger.Ledger, name string, may func() error) ([]task.Task, error) {
	switch s, _, err := l.Run(name).Steering().ReadStanding(ctx); {
	case err != nil:
		return nil, err
	case s == ledger.Paused:
		return nil, paused(name, ledger.Paused)
	case s.Final():
		_, err := p.End(ctx, name)
		return nil, err
	}
	if err := may(); err != nil {
		return nil, err
	}
	return p.Resume(ctx, name)
}

// goesOn refuses to go on with a run that was begun to do something else than j
// asks for: it would delete what j no longer has deleted, or copy by a
// filter that was taken back. Between other buckets than its own, what it
// knows of both sides is about others.
func goesOn(s ledger.Started, j job.Job, keys []string) error {
	frozen, err := job.Decode(s.Job)
	if err != nil {
		return err
	}
	fields := frozen.Differs(j)
	listed := 0
	for _, k := range s.Keys {
		listed += k.Count
	}
	if listed != len(keys) && !slices.Contains(fields, "keyList") {
		fields = append(fields, "keyList")
	}
	if len(fields) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "agent.Copy", s.Run, fmt.Errorf("run %s is not over, and it was begun with another %s: ask for the same as then to go on with it, end it by ferry cancel %s, or keep the new run in another ledger (--ledger)", s.Run, strings.Join(fields, ", "), s.Run))
}
