package pipeline

import (
	"context"
	"errors"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/events"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// eventGrace is how long after the end of its time bucket an event is looked
// at. Events of one key and bucket are one task, done once: one that is received
// after that, by an instance whose clock is behind, would be lost if it counted
// to the same bucket. So the clocks of the processes that receive notifications may
// differ by nearly as much as this.
const eventGrace = 5 * time.Second

// eventEarly is how much too early an event may come, by this process's clock:
// the queue has waited by another.
const eventEarly = time.Second

// event brings one key to the target as the source has it now, whatever the
// notification said. What did not end goes into another batch, and what is to be
// removed to the deleting stage.
func (r *run) event(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	if t.Key != "" {
		if next, err := r.early(t); err != nil || next != nil {
			return next, err
		}
	}
	row, err := r.eventRow(ctx, t)
	if err != nil {
		return nil, err
	}
	if r.share.State.Standing() == ledger.Paused {
		return r.park(ctx, t, row)
	}
	work, end := r.share.State.UntilHalted(ctx)
	defer end()
	copier := r.transfer(t)
	row, throttled, err := events.Follow(work, copier, row, t.Again())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case r.stopped(ctx, work) && (err != nil || row.State == ledger.Pending):
		return r.wait(t), nil
	case err != nil:
		return nil, err
	}
	if out := copier.Sides.Still(); out != nil && row.State == ledger.Pending {
		return r.await(t, out), nil
	}
	var rows []ledger.Row
	if row.State != "" { // else the job's filter does not choose it
		rows = append(rows, row)
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	w.Since = copier.Sides.Since()
	if w, err = r.end(ctx, t, w, r.restPause(w, rows, throttled || copier.Sides.Blocked())); err != nil {
		return nil, err
	}
	return r.afterCopy(t, w), nil
}

// park creates the record of an event of a paused day, for no other names its key: the
// task is derived from the record when the day is resumed. If the day was resumed
// before the record stood, the task follows at once.
func (r *run) park(ctx context.Context, t task.Task, row ledger.Row) ([]task.Task, error) {
	w, err := r.split(ctx, t.Batch, []ledger.Row{row})
	if err != nil {
		return nil, err
	}
	if w, err = r.ledger.WriteOff(ctx, t.Batch, w); err != nil {
		return nil, err
	}
	switch u, stopped := verdict.IsUnwanted(r.goesOn(ctx)); {
	case stopped && u.Standing == ledger.Paused:
		r.log.InfoContext(ctx, "event waits for the day to be resumed", "key", row.Key())
	default:
		return r.afterCopy(t, w), nil
	}
	return nil, nil
}

// early returns what follows from an event that comes before its time bucket has ended.
func (r *run) early(t task.Task) ([]task.Task, error) {
	until := time.Unix(t.Until, 0)
	if _, batch := ledger.EventBatch(t.Key, until); batch != t.Batch || !strings.HasPrefix(t.Key, r.job.Source.Prefix) {
		return nil, fault.New(fault.Invalid, "pipeline.event", t.Key, errors.New("the task's batch is not that of its key and time, or its key not one of the job's"))
	}
	if early := until.Add(eventGrace).Sub(r.config.Now()); early > eventEarly {
		t.Delay = early
		t.Waits++
		return []task.Task{t}, nil
	}
	return nil, nil
}

// isPastDayClose reports whether an event comes so late that its day's report may be
// under way, or written.
func (r *run) isPastDayClose(t task.Task) bool {
	day, ok := ledger.EventDay(r.ledger.Name)
	return ok && t.Kind == task.Event && t.Key != "" && !r.config.Now().Before(day.Add(24*time.Hour+dayTail))
}

// moveToToday returns the task that takes an event that is past the close of its day to
// the present day's run, as the job is kept now; none where it does not follow the key
// any more.
func (r *run) moveToToday(ctx context.Context, t task.Task) ([]task.Task, error) {
	switch s := r.share.State.Standing(); {
	case s == ledger.Paused: // it is taken there once its own day is resumed
		return r.wait(t), nil
	case s.Stopped() && s != ledger.Over:
		return nil, nil
	}
	_, sealed, err := r.config.Ledger.Sealed(ctx, r.job.Name)
	if err != nil || sealed {
		return nil, err
	}
	k, err := r.config.Ledger.Job(ctx, r.job.Name)
	if ledger.Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j, err := job.Decode(k.Job)
	if err != nil || !j.Follows(r.job.Source.Bucket, t.Key) {
		return nil, err
	}
	later, err := r.followEvent(ctx, j, t.Key)
	return []task.Task{later}, err
}

// eventRow is the row of an event: a new one, or the one that was sealed when
// it was handed on.
func (r *run) eventRow(ctx context.Context, t task.Task) (ledger.Row, error) {
	if t.Key != "" {
		return ledger.Row{Src: store.Object{Key: t.Key}, State: ledger.Pending}, nil
	}
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err == nil && len(rows) != 1 {
		err = fault.New(fault.Invalid, "pipeline.event", t.Batch, fault.Errorf("the batch has %d rows, want one", len(rows)))
	}
	if err != nil {
		return ledger.Row{}, err
	}
	return rows[0], nil
}

// lostEvent is the write-off of an event that was given up.
func (r *run) lostEvent(t task.Task, cause error) ledger.WriteOff {
	if t.Key == "" {
		return ledger.WriteOff{Lost: cause.Error(), Cause: ledger.CauseOf(cause)}
	}
	return ledger.WriteOff{Rows: []ledger.Row{{Src: store.Object{Key: t.Key}, State: ledger.Failed, Reason: cause.Error(), Cause: ledger.CauseOf(cause), At: r.config.Now().UTC()}}}
}

// dayOf is whose events of which day a run collects.
type dayOf struct {
	job  string // encoded
	name string // of the day's first run
}

// FollowEvent returns the task of an event of key that is notified of now, and
// makes sure that the run it goes to exists. A job that was changed since the
// day's run began has another one: each is done as its own run's job says.
func (p *Pipeline) FollowEvent(ctx context.Context, j job.Job, key string) (task.Task, error) {
	now := p.config.Now()
	until := j.Events.Bucket(now)
	run, err := p.dayRun(ctx, j, until)
	if err != nil {
		return task.Task{}, err
	}
	shard, batch := ledger.EventBatch(key, until)
	return task.Task{
		Kind: task.Event, Run: run, Shard: shard, Batch: batch, Key: key, Until: until.Unix(),
		Delay: until.Add(eventGrace).Sub(now),
	}, nil
}

// mostDays bounds how many runs of events a process remembers, and how often a
// job may change in a day.
const mostDays = 1000

// dayRun finds or begins the run of j's events of the day that at lies in.
func (p *Pipeline) dayRun(ctx context.Context, j job.Job, at time.Time) (string, error) {
	if j.Limits.PartsAbove == 0 {
		j.Limits.PartsAbove = verdict.PartsAboveInFunctions
	}
	frozen, err := job.Encode(j)
	if err != nil {
		return "", err
	}
	want := dayOf{string(frozen), ledger.EventRun(j.Name, at, 1)}
	p.mu.Lock()
	name, known := p.days[want]
	p.mu.Unlock()
	if known {
		return name, nil
	}
	for n := 1; n <= mostDays; n++ {
		name = ledger.EventRun(j.Name, at, n)
		root := ledger.ShardRef{Shard: ledger.RootShard, Range: store.Range{Prefix: j.Source.Prefix}}
		s, err := p.config.Ledger.Run(name).Start(ctx, ledger.Started{Job: frozen, At: p.config.Now().UTC(), Root: root, Events: true, Deployed: true})
		if err != nil {
			return "", err
		}
		if same, err := sameJob(s.Job, frozen); err != nil || !same {
			if err != nil {
				return "", err
			}
			continue
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.days) >= mostDays {
			clear(p.days)
		}
		p.days[want] = name
		return name, nil
	}
	return "", fault.New(fault.Invalid, "pipeline.dayRun", j.Name, fault.Errorf("the job was changed %d times in a day", mostDays))
}

// sameJob reports whether a standing record of a job is that of frozen. A
// record's JSON may be spaced and escaped otherwise.
func sameJob(standing, frozen []byte) (bool, error) {
	j, err := job.Decode(standing)
	if err != nil {
		return false, err
	}
	again, err := job.Encode(j)
	return string(again) == string(frozen), err
}
