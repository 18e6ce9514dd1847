package control

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/pipeline/remains"
	"kodoferry/shared/report"
)

// Operator does with runs what takes a ledger and their buckets, and no queue:
// it pauses, cancels, seals and cleans, whichever processes work on them. Every
// method may be called again after it was interrupted, and goes on.
type Operator struct {
	Ledger   *ledger.Ledger
	Pipeline *pipeline.Pipeline // of the ledger, by the clock Now
	// Now is a clock, and Wait waits for a time by it, or until ctx ends.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error
	// Waits is called before a wait of more than 2 s with the longest it may take. May be nil.
	Waits func(d time.Duration)
}

// Wait waits for d by the clock of the machine. It is the usual Operator.Wait.
func Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// goes returns how a run stands, and since when, and refuses with Invalid one
// that nothing lets go on any more.
func goes(ctx context.Context, run *ledger.Run) (ledger.Standing, time.Time, error) {
	s, since, err := run.Steering().ReadStanding(ctx)
	switch {
	case err != nil:
		return s, since, err
	case s == ledger.Over:
		return s, since, fault.New(fault.Invalid, "control.goes", run.Name, fmt.Errorf("run %s is over: ferry report %s tells what it came to", run.Name, run.Name))
	case s == ledger.Sealed:
		return s, since, fault.New(fault.Invalid, "control.goes", run.Name, fmt.Errorf("run %s ended with its job, which ferry seal ended for good: what must still be moved takes a job of another name", run.Name))
	case s == ledger.Cancelled:
		return s, since, fault.New(fault.Invalid, "control.goes", run.Name, fmt.Errorf("run %s was cancelled: a new one, by ferry start or ferry copy, finds what is left to do", run.Name))
	}
	return s, since, nil
}

// Pause has the tasks of a run dropped until it is resumed. Those at work end
// within limit.Notice; of a day of events nothing goes on once Pause has
// returned, and what is notified of meanwhile waits. The whole day is paused,
// whichever of its runs is named. A run that is paused stays so; one that is
// over, or was cancelled, is Invalid.
func (o *Operator) Pause(ctx context.Context, run *ledger.Run) error {
	s, since, err := goes(ctx, run)
	if err != nil {
		return err
	}
	if s != ledger.Paused {
		if err := run.Steering().WriteStanding(ctx, ledger.Paused, o.Now()); err != nil {
			return err
		}
		since = o.Now() // what was asked before it was written may have taken as long
	}
	if !eventnames.IsRun(run.Name) {
		return nil
	}
	return o.until(ctx, since.Add(limit.Notice), nil)
}

// Resume lets a run go on that one process does: that process is to be started
// again. One that is not paused stays as it is. Of a deployment's run,
// Control.Resume sends the open tasks, too.
func (o *Operator) Resume(ctx context.Context, run *ledger.Run) error {
	s, _, err := goes(ctx, run)
	if err != nil || s == ledger.Going {
		return err
	}
	return run.Steering().WriteStanding(ctx, ledger.Going, o.Now())
}

// Resume lets a paused run go on and sends what is open of it, of a run of
// events of the whole day; it returns how many tasks that were, 0 where it was
// not paused.
func (c *Control) Resume(ctx context.Context, name string, now time.Time) (int, error) {
	run := c.Ledger.Run(name)
	s, _, err := goes(ctx, run)
	if err != nil || s == ledger.Going {
		return 0, err
	}
	runs, err := index.DayRuns(ctx, c.Ledger, name)
	if err != nil {
		return 0, err
	}
	// In two steps, so that a Resume that was interrupted in between can be called again.
	if err := run.Steering().WriteStanding(ctx, ledger.Resuming, now); err != nil {
		return 0, err
	}
	sent := 0
	for _, name := range runs {
		open, err := c.Pipeline.Resume(ctx, name)
		if err != nil {
			return sent, err
		}
		if err := c.Submit(ctx, open...); err != nil {
			return sent, err
		}
		sent += len(open)
	}
	return sent, run.Steering().WriteStanding(ctx, ledger.Going, now)
}

// Cancel ends a run for good: its tasks are dropped, and once grace has passed,
// within which every process at work reads that, its open uploads are aborted
// and its report is written. It returns the report, also of a run that was over.
// A run of events is cancelled with the others of its day, each of which gets
// its report; what is notified of later that day is not followed.
func (o *Operator) Cancel(ctx context.Context, run *ledger.Run, grace time.Duration) (report.Report, error) {
	rep, err := o.cancel(ctx, run, grace)
	if err != nil || rep.Result != report.Cancelled || !eventnames.IsRun(run.Name) {
		return rep, err
	}
	day, err := index.DayRuns(ctx, o.Ledger, run.Name)
	if err != nil {
		return rep, err
	}
	for _, name := range day {
		if _, err := o.Pipeline.End(ctx, name); err != nil {
			return rep, err
		}
	}
	return rep, nil
}

func (o *Operator) cancel(ctx context.Context, run *ledger.Run, grace time.Duration) (report.Report, error) {
	for {
		s, since, err := run.Steering().ReadStanding(ctx)
		switch {
		case err != nil:
			return report.Report{}, err
		case s == ledger.Over:
			return report.Read(ctx, run)
		case !s.Final(): // also where a pause was written at the same time
			if err := run.Steering().WriteStanding(ctx, ledger.Cancelled, o.Now()); err != nil {
				return report.Report{}, err
			}
			since = o.Now()
		}
		if err := o.until(ctx, since.Add(grace), func() (bool, error) { return run.Over(ctx) }); err != nil {
			return report.Report{}, err
		}
		if s, _, err = run.Steering().ReadStanding(ctx); err != nil {
			return report.Report{}, err
		}
		if s.Final() {
			return o.Pipeline.End(ctx, run.Name)
		}
	}
}

// waitStep is how often Operator.until asks whether the wait is over, and the longest
// wait that is not announced by Waits.
const waitStep = 2 * time.Second

// until waits until then, or until over, which may be nil, reports true.
func (o *Operator) until(ctx context.Context, then time.Time, over func() (bool, error)) error {
	if left := then.Sub(o.Now()); left > waitStep && o.Waits != nil {
		o.Waits(left)
	}
	for {
		left := then.Sub(o.Now())
		if left <= 0 {
			return nil
		}
		if err := o.Wait(ctx, min(left, waitStep)); err != nil {
			return err
		}
		if over == nil {
			continue
		}
		if ended, err := over(); err != nil || ended {
			return err
		}
	}
}

// Seal ends a job for good, and with it those of its runs that are not over,
// also those of its events. Once it has returned nothing is written or removed
// for the job any more. It returns since when it is sealed, and their reports.
func (o *Operator) Seal(ctx context.Context, name string, grace time.Duration) (time.Time, []report.Report, error) {
	begun := o.Now()
	since, err := o.Ledger.CreateSeal(ctx, name, begun)
	if err != nil {
		return since, nil, err
	}
	written := since
	if !since.Before(begun) { // by this call, whose request may have taken long
		written = o.Now()
	}
	runs, err := o.open(ctx, name)
	if err != nil {
		return since, nil, err
	}
	if len(runs) > 0 || o.follows(ctx, name) {
		if err := o.until(ctx, written.Add(grace), nil); err != nil {
			return since, nil, err
		}
	}
	var ended []report.Report
	for _, run := range runs {
		rep, err := o.cancel(ctx, o.Ledger.Run(run), 0)
		if err != nil {
			return since, ended, err
		}
		ended = append(ended, rep)
	}
	return since, ended, nil
}

// follows reports whether a job that is kept follows events, or may: one whose
// record cannot be read.
func (o *Operator) follows(ctx context.Context, name string) bool {
	j, _, err := KeptJob(ctx, o.Ledger, name)
	return !ledger.Missing(err) && (err != nil || j.Events.Follow())
}

// open lists a job's runs that were started and are not over, those of its
// events, too.
func (o *Operator) open(ctx context.Context, name string) ([]string, error) {
	runs, err := index.Runs(ctx, o.Ledger, name)
	if err != nil {
		return nil, err
	}
	days, err := index.EventRuns(ctx, o.Ledger, name)
	if err != nil {
		return nil, err
	}
	runs = append(runs, days...)
	going := make([]bool, len(runs))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, run := range runs {
		g.Go(func() (err error) {
			going[i], _, err = unfinished(gctx, o.Ledger.Run(run))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var open []string
	for i, run := range runs {
		if going[i] {
			open = append(open, run)
		}
	}
	return open, nil
}

// Keep keeps a job in place of the one of that name; keys are those that it
// names. It reports whether something may go on for a while that the job takes
// back: Settle then waits for its end.
func (o *Operator) Keep(ctx context.Context, k kept.Job, keys []string) (withdrawn bool, err error) {
	now, err := job.Decode(k.Job)
	if err != nil {
		return false, err
	}
	before, old, berr := KeptJob(ctx, o.Ledger, k.Name)
	switch {
	case ledger.Missing(berr):
	case berr != nil || takesBack(before, now):
		k.Less = o.Now().UTC()
	case o.lately(old.Less):
		k.Less = old.Less
	}
	if err := kept.WriteJob(ctx, o.Ledger.Folder(), k, keys); err != nil {
		return false, err
	}
	return o.withdrawn(ctx, k.Name, before, berr, !k.Less.IsZero())
}

// Lessened returns when something was last taken back of a kept job, where that may
// still go on: the command that did it may have been interrupted before Settle
// returned. Zero where nothing was, or every process has read it by now.
func (o *Operator) Lessened(ctx context.Context, name string) (time.Time, error) {
	_, old, err := KeptJob(ctx, o.Ledger, name)
	switch {
	case ledger.Missing(err):
		return time.Time{}, nil
	case err != nil || !o.lately(old.Less):
		return time.Time{}, err
	}
	return old.Less, nil
}

// lately reports whether a process may not have read yet what was changed then.
func (o *Operator) lately(then time.Time) bool { return o.Now().Sub(then) < limit.Notice }

// Drop keeps the job of that name no more. One that is not kept is no error: it may
// have been dropped a moment ago. It reports whether something may go on for a while
// that is to end with it: Settle then waits for its end.
func (o *Operator) Drop(ctx context.Context, name string) (withdrawn bool, err error) {
	before, old, berr := KeptJob(ctx, o.Ledger, name)
	if err := kept.RemoveJob(ctx, o.Ledger.Folder(), name); err != nil {
		return false, err
	}
	return o.withdrawn(ctx, name, before, berr, ledger.Missing(berr) || before.Events.Follow() || before.Delete || o.lately(old.Less))
}

// withdrawn reports whether something may go on of a job of which something was
// taken back: one that was kept as before, was not kept, or could not be read, if
// err is not nil.
func (o *Operator) withdrawn(ctx context.Context, name string, before job.Job, err error, taken bool) (bool, error) {
	switch {
	case !taken:
		return false, nil
	case err != nil && !ledger.Missing(err), before.Events.Follow():
		return true, nil
	}
	open, err := o.open(ctx, name)
	return len(open) > 0, err
}

// takesBack reports whether a job that was kept allowed something to be written
// by events, or removed, that now does not.
func takesBack(before, now job.Job) bool {
	less := before.Delete && (!now.Delete || now.MaxDeletes < before.MaxDeletes) || before.Events.Follow() && !now.Events.Follow()
	other := before.Source.String() != now.Source.String() || before.Target.String() != now.Target.String() || !reflect.DeepEqual(before.Filter, now.Filter)
	return less || other && (before.Delete || before.Events.Follow())
}

// Settle returns once nothing goes on any more of what was taken back since then.
func (o *Operator) Settle(ctx context.Context, since time.Time, grace time.Duration) error {
	return o.until(ctx, since.Add(grace), nil)
}

// Clean removes what a run that is over has left behind; see pipeline.Clean.
func (o *Operator) Clean(ctx context.Context, run string, force bool) (remains.Cleaned, error) {
	return o.Pipeline.Clean(ctx, run, force)
}
