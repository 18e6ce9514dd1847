package cast

import (
	"context"
	"slices"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/pipeline/storm/rules"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/report"
)

// operator begins a job's runs, one after the other, until all are over.
type operator struct {
	office
	t      *world.Tenant
	wanted int // runs that are still to be begun
	next   time.Time
	run    string        // the one under way
	failed string        // the run whose failures are to be tried again
	at     time.Time     // the timer's time of the one that is to be begun
	every  time.Duration // how often a timer begins one; 0: each is begun behind the last
	begun  time.Time     // the timer's time of the last
	early  int           // ticks that are left to come while a run is under way
}

// OperatorSlot begins the names of operators' slots.
const OperatorSlot = "operator"

func newOperator(w *world.World, r *rules.Rules, t *world.Tenant) *operator {
	o := &operator{office: office{w: w, rules: r, slot: OperatorSlot + t.Tag}, t: t, wanted: 1, next: time.Now(), early: 2}
	if w.Weather[weather.Delta] {
		o.wanted = 2
	}
	return o
}

// Offers implements world.Actor.
func (o *operator) Offers() []world.Offer {
	if o.busy || o.run == "" || !o.w.Weather[weather.Schedules] || o.early == 0 || !o.t.Kept || o.t.Ending || o.w.Reported(o.run) {
		return nil
	}
	return []world.Offer{{Weight: 1, What: "ticks", Do: func() { o.early--; o.untimely() }}}
}

// Content implements world.Actor.
func (o *operator) Content() bool { return o.wanted == 0 && o.run == "" && !o.busy }

// Due implements world.Actor.
func (o *operator) Due() (time.Time, func()) {
	switch {
	case o.busy:
		return time.Time{}, nil
	case o.run != "":
		if o.w.Reported(o.run) {
			return o.next, o.ended
		}
		return time.Time{}, nil
	case o.wanted > 0 && o.w.Keeps() && !o.t.Kept && !o.t.Ending:
		return o.next, o.keep
	case o.wanted > 0:
		return o.next, o.begin
	}
	return time.Time{}, nil
}

// begin starts a run, of all that the job has or of what failed. Whoever is not
// sure whether that worked looks.
func (o *operator) begin() {
	j, keys, what := o.t.Job, o.t.List, "start"
	if o.failed != "" {
		j, keys, what = o.retry()
	}
	o.t.Asked = keys
	start := func(ctx context.Context, p *world.Process) error {
		_, err := p.Deploy.Start(ctx, j, keys, time.Now())
		return err
	}
	if o.w.Weather[weather.Schedules] && what == "start" {
		if o.at.IsZero() { // a timer that was not answered comes again for the same time
			o.at = time.Now().Truncate(time.Second)
		}
		start = o.tick(o.at)
	}
	o.do(what, start, func(err error) {
		o.next = time.Now().Add(time.Minute)
		if run := o.w.BegunRun(o.t); run != "" {
			o.t.Lists[run] = keys
			o.run, o.failed, o.begun, o.at = run, "", o.at, time.Time{}
			o.wanted--
			return
		}
		if kind := fault.KindOf(err); o.t.Ending && (kind == fault.Invalid || kind == fault.NotFound) {
			o.wanted = 0
		} else if fault.KindOf(err) == fault.Invalid {
			o.w.Log.Fail("no run is begun: %v", err)
		}
	})
}

// retry is what ferry retry begins: a run for what failed in another.
func (o *operator) retry() (j job.Job, keys []string, what string) {
	keys, err := report.Retriable(context.Background(), o.w.Books().Run(o.failed))
	if want := o.rules.Audit.Failures[o.failed]; err != nil || !slices.Equal(keys, want) {
		o.w.Log.Fail("of %s %q are tried again (%v), and %q are what failed", o.failed, keys, err, want)
	}
	j = o.t.Job
	j.Delete, j.KeyList = false, "what failed in run "+o.failed
	return j, keys, "retry"
}

// ended takes in that the run is over.
func (o *operator) ended() {
	o.w.Log.Note("the operator sees that %s is over", o.run)
	o.rules.Audit.CheckRun(o.t, o.run)
	if o.w.Weather[weather.Retries] && len(o.rules.Audit.Failures[o.run]) > 0 && o.t.Retries < 2 {
		o.t.Retries++
		o.failed = o.run
		o.wanted++
	}
	o.run, o.next = "", time.Now().Add(5*time.Minute)
	if o.every > 0 {
		o.next = o.begun.Add(o.every)
	} else if o.wanted > 0 {
		o.w.History.Between()
	}
}
