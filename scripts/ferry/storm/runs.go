package storm

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// runs are the runs of the buckets, which begin while the storm goes on and end all the same.
type runs struct {
	s    *storm
	over []endedRun
	open map[string]bool // runs that have not ended
}

// endedRun is a run that has ended.
type endedRun struct {
	name   string
	report report.Report
	failed int64 // objects that were given up and are not of the kind that cannot be copied
}

// migrate begins run after run until storming ends, and waits for the last ones. Some
// runs mirror deletions; films has some side by side.
func (rs *runs) migrate(storming, bound context.Context, m *move, dice *rand.Rand) {
	var together sync.WaitGroup
	for n := 0; storming.Err() == nil; n++ {
		j, err := m.job(rs.s, n > 0 && dice.IntN(2) == 0)
		if err != nil {
			rs.s.found("%v", err)
			return
		}
		name, ok := rs.start(storming, j)
		if !ok {
			break
		}
		together.Go(func() { rs.await(bound, name) })
		if j.Overlap != job.AllowOverlap || dice.IntN(3) > 0 {
			together.Wait()
			continue
		}
		select {
		case <-time.After(time.Duration(dice.IntN(2000)) * time.Millisecond):
		case <-storming.Done():
		}
	}
	together.Wait()
}

// lastRun mirrors in the calm what the source has become. It returns the run's record.
func (rs *runs) lastRun(bound context.Context, m *move) (run outcome.Record) {
	j, err := m.job(rs.s, true)
	if err != nil {
		rs.s.found("%v", err)
		return run
	}
	name, ok := rs.start(bound, j)
	if !ok || !rs.await(bound, name) {
		return run
	}
	if run.Report, err = report.Read(bound, rs.s.deploy.Ledger().Run(name)); err == nil {
		err = run.Read(bound, rs.s.deploy.Ledger().Run(name))
	}
	if err != nil {
		rs.s.found("run %s cannot be read back: %v", name, err)
	}
	return run
}

// start begins a run of j, and again where that failed for what may pass; false where ctx
// ended first. A start that failed half-way leaves a run that has to end all the same.
func (rs *runs) start(ctx context.Context, j job.Job) (name string, ok bool) {
	for ctx.Err() == nil {
		name, err := rs.s.deploy.Start(ctx, j, nil, time.Now())
		if name != "" && (err == nil || fault.KindOf(err) != fault.Invalid) {
			rs.begins(name)
		}
		switch {
		case err == nil:
			rs.s.log.note("run %s begins, deletions mirrored: %v", name, j.Delete)
			return name, true
		case name != "" && fault.KindOf(err) == fault.Invalid && rs.isOpen(name):
			rs.s.log.note("run %s was begun and is not over: %v", name, err)
			return name, true
		}
		rs.s.log.note("no run of %s begins: %v", j.Name, err)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return "", false
}

func (rs *runs) begins(name string) {
	rs.s.mu.Lock()
	defer rs.s.mu.Unlock()
	rs.open[name] = true
}

func (rs *runs) isOpen(name string) bool {
	rs.s.mu.Lock()
	defer rs.s.mu.Unlock()
	return rs.open[name]
}

// unended are the runs that were begun and have not ended.
func (rs *runs) unended() []string {
	rs.s.mu.Lock()
	defer rs.s.mu.Unlock()
	return slices.Sorted(maps.Keys(rs.open))
}

// awaitHalfBegun waits for runs whose start failed, or was cut off by the end of the storm:
// those that have their first record end as any, the others are none.
func (rs *runs) awaitHalfBegun(bound context.Context) {
	for _, name := range rs.unended() {
		if _, err := rs.s.deploy.Ledger().Run(name).ReadStarted(bound); ledger.Missing(err) {
			rs.s.mu.Lock()
			delete(rs.open, name)
			rs.s.mu.Unlock()
			continue
		}
		rs.await(bound, name)
	}
}

// await waits until a run is over and takes its report in; false where it was not by the bound.
func (rs *runs) await(bound context.Context, name string) bool {
	run := rs.s.deploy.Ledger().Run(name)
	for {
		rep, err := report.Read(bound, run)
		switch {
		case err == nil:
			rs.ended(name, rep)
			return true
		case bound.Err() != nil:
			return false
		case !ledger.Missing(err) && !fault.Retryable(err) && fault.KindOf(err) != fault.Denied:
			rs.s.found("the report of run %s cannot be read: %v", name, err)
			return false
		}
		select {
		case <-time.After(awaitEvery):
		case <-bound.Done():
		}
	}
}

// ended takes in what a run came to.
func (rs *runs) ended(name string, rep report.Report) {
	o := rep.Objects
	rs.s.log.note("run %s ends %s: %+v %s", name, rep.Result, o, rep.Reason)
	rs.s.mu.Lock()
	defer rs.s.mu.Unlock()
	if !rs.open[name] {
		return // it was awaited twice
	}
	delete(rs.open, name)
	if !rep.Balanced && len(rep.Unknown) == 0 || o.Listed != o.Sum() {
		rs.s.findings.Add("the books of run %s do not balance: %+v", name, o)
	}
	ended := endedRun{name: name, report: rep}
	for _, f := range rep.Failures {
		if want, _ := outcome.Expect(life.Item{Key: f.Key}); f.State == ledger.Failed && want.State != ledger.Failed {
			ended.failed++
		}
		rs.s.log.note("run %s: %s of %q: %s", name, f.State, f.Key, f.Reason)
	}
	rs.over = append(rs.over, ended)
	for _, u := range rep.Unknown {
		rs.s.log.note("run %s: unknown from %q to %q: %s", name, u.After, u.UpTo, u.Reason)
	}
}
