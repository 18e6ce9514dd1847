package storm

import (
	"context"
	"slices"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/report"
)

// operator begins a job's runs, one after the other, until all are over.
type operator struct {
	office
	t      *tenant
	wanted int // runs that are still to be begun
	next   time.Time
	run    string        // the one under way
	failed string        // the run whose failures are to be tried again
	at     time.Time     // the timer's time of the one that is to be begun
	every  time.Duration // how often a timer begins one; 0: each is begun behind the last
	begun  time.Time     // the timer's time of the last
	early  int           // ticks that are left to come while a run is under way
}

// operatorSlot begins the names of operators' slots.
const operatorSlot = "operator"

func newOperator(w *world, t *tenant) *operator {
	o := &operator{office: office{w: w, slot: operatorSlot + t.tag}, t: t, wanted: 1, next: time.Now(), early: 2}
	if w.weather[Delta] {
		o.wanted = 2
	}
	return o
}

func (o *operator) offers() []offer {
	if o.busy || o.run == "" || !o.w.weather[Schedules] || o.early == 0 || !o.t.kept || o.t.ending || o.w.reported(o.run) {
		return nil
	}
	return []offer{{1, "ticks", func() { o.early--; o.untimely() }}}
}

func (o *operator) content() bool { return o.wanted == 0 && o.run == "" && !o.busy }

func (o *operator) due() (time.Time, func()) {
	switch {
	case o.busy:
		return time.Time{}, nil
	case o.run != "":
		if o.w.reported(o.run) {
			return o.next, o.ended
		}
		return time.Time{}, nil
	case o.wanted > 0 && o.w.keeps() && !o.t.kept && !o.t.ending:
		return o.next, o.keep
	case o.wanted > 0:
		return o.next, o.begin
	}
	return time.Time{}, nil
}

// begin starts a run, of all that the job has or of what failed. Whoever is not
// sure whether that worked looks.
func (o *operator) begin() {
	j, keys, what := o.t.job, o.t.list, "start"
	if o.failed != "" {
		j, keys, what = o.retry()
	}
	o.t.asked = keys
	start := func(ctx context.Context, p *process) error {
		_, err := p.deploy.Start(ctx, j, keys, time.Now())
		return err
	}
	if o.w.weather[Schedules] && what == "start" {
		if o.at.IsZero() { // a timer that was not answered comes again for the same time
			o.at = time.Now().Truncate(time.Second)
		}
		start = o.tick(o.at)
	}
	o.do(what, start, func(err error) {
		o.next = time.Now().Add(time.Minute)
		if run := o.w.begunRun(o.t); run != "" {
			o.t.lists[run] = keys
			o.run, o.failed, o.begun, o.at = run, "", o.at, time.Time{}
			o.wanted--
			return
		}
		if kind := fault.KindOf(err); o.t.ending && (kind == fault.Invalid || kind == fault.NotFound) {
			o.wanted = 0
		} else if fault.KindOf(err) == fault.Invalid {
			o.w.fail("no run is begun: %v", err)
		}
	})
}

// retry is what ferry retry begins: a run for what failed in another.
func (o *operator) retry() (j job.Job, keys []string, what string) {
	keys, err := report.Retriable(context.Background(), o.w.books().Run(o.failed))
	if want := o.w.failures[o.failed]; err != nil || !slices.Equal(keys, want) {
		o.w.fail("of %s %q are tried again (%v), and %q are what failed", o.failed, keys, err, want)
	}
	j = o.t.job
	j.Delete, j.KeyList = false, "what failed in run "+o.failed
	return j, keys, "retry"
}

// ended takes in that the run is over.
func (o *operator) ended() {
	o.w.note("the operator sees that %s is over", o.run)
	o.w.checkRun(o.t, o.run)
	o.w.overRuns = append(o.w.overRuns, o.run)
	if o.w.weather[Retries] && len(o.w.failures[o.run]) > 0 && o.t.retries < 2 {
		o.t.retries++
		o.failed = o.run
		o.wanted++
	}
	o.run, o.next = "", time.Now().Add(5*time.Minute)
	if o.every > 0 {
		o.next = o.begun.Add(o.every)
	} else if o.wanted > 0 {
		o.w.between()
	}
}

// begunRun is a job's newest run that has begun and that the operator has not
// seen the end of; "" where there is none.
func (w *world) begunRun(t *tenant) string {
	runs, err := w.books().Runs(context.Background(), t.job.Name)
	if err != nil {
		w.fail("the runs cannot be listed: %v", err)
	}
	for _, run := range runs {
		if _, err := w.books().Run(run).Started(context.Background()); err == nil && !w.seen[run] {
			w.seen[run] = true
			return run
		}
	}
	return ""
}
