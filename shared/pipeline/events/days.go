package events

import (
	"context"
	"sync"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

const (
	// Grace is how long after the end of its time bucket an event is looked at. Events
	// of one key and bucket are one task, done once: one that is received after that, by
	// an instance whose clock is behind, would be lost if it counted to the same bucket.
	// So the clocks of the processes that receive notifications may differ by nearly as
	// much as this.
	Grace = 5 * time.Second
	// early is how much too early an event may come, by this process's clock: the queue
	// has waited by another.
	early = time.Second
	// tail is how long after the end of its UTC day an event is still done in that day's
	// run; one that comes later is done in the run of the day it comes in.
	tail = 10 * time.Minute
	// closed is how long after the end of its day a run of events is reported: by then
	// whatever was begun within tail is over, for no invocation is longer.
	closed = 30 * time.Minute
	// mostDays bounds how many runs of events a process remembers, and how often a job
	// may change in a day.
	mostDays = 1000
)

// Due returns when a run of events is to be reported. ok is false for any other run.
func Due(run string) (at time.Time, ok bool) {
	day, ok := eventnames.Day(run)
	return day.Add(24*time.Hour + closed), ok
}

// IsPastClose reports whether an event that comes now is so late that the report of its
// day's run may be under way, or written.
func IsPastClose(run string, now time.Time) bool {
	day, ok := eventnames.Day(run)
	return ok && !now.Before(day.Add(24*time.Hour+tail))
}

// earlier returns how much too early an event is dealt with now whose time bucket ends at
// until, 0 where it is not.
func earlier(until, now time.Time) time.Duration {
	if left := until.Add(Grace).Sub(now); left > early {
		return left
	}
	return 0
}

// Lost is the row of an event of key that was given up because of cause.
func Lost(key string, now time.Time, cause error) ledger.Row {
	return ledger.Row{Src: store.Object{Key: key}, State: ledger.Failed, Reason: cause.Error(), Cause: ledger.CauseOf(cause), At: now.UTC()}
}

// Days finds the runs that events go to. It is safe for concurrent use.
type Days struct {
	Ledger *ledger.Ledger
	Now    func() time.Time

	mu    sync.Mutex
	known map[dayOf]string // the runs that new events go to
}

// dayOf is whose events of which day a run collects.
type dayOf struct {
	job  string // encoded
	name string // of the day's first run
}

// Run finds or begins the run of j's events of the day that at lies in. A job that was
// changed since the day's run began has another one: each is done as its own run's job
// says.
func (d *Days) Run(ctx context.Context, j job.Job, at time.Time) (string, error) {
	if j.Limits.PartsAbove == 0 {
		j.Limits.PartsAbove = verdict.PartsAboveInFunctions
	}
	frozen, err := job.Encode(j)
	if err != nil {
		return "", err
	}
	want := dayOf{string(frozen), eventnames.Run(j.Name, at, 1)}
	d.mu.Lock()
	name, known := d.known[want]
	d.mu.Unlock()
	if known {
		return name, nil
	}
	for n := 1; n <= mostDays; n++ {
		name = eventnames.Run(j.Name, at, n)
		root := ledger.ShardRef{Shard: ledger.RootShard, Range: store.Range{Prefix: j.Source.Prefix}}
		s, err := d.Ledger.Run(name).CreateStarted(ctx, ledger.Started{Job: frozen, At: d.Now().UTC(), Root: root, Events: true, Deployed: true})
		if err != nil {
			return "", err
		}
		same, err := sameJob(s.Job, frozen)
		if err != nil {
			return "", err
		}
		if same {
			d.remember(want, name)
			return name, nil
		}
	}
	return "", fault.New(fault.Invalid, "pipeline.dayRun", j.Name, fault.Errorf("the job was changed %d times in a day", mostDays))
}

func (d *Days) remember(day dayOf, run string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) >= mostDays {
		d.known = map[dayOf]string{}
	}
	d.known[day] = run
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

// Follows returns the job of j's name as it is kept now, and whether it still follows
// the key of j's source.
func (d *Days) Follows(ctx context.Context, j job.Job, key string) (now job.Job, follows bool, err error) {
	_, sealed, err := d.Ledger.ReadSeal(ctx, j.Name)
	if err != nil || sealed {
		return now, false, err
	}
	k, err := kept.ReadJob(ctx, d.Ledger.Folder(), j.Name)
	if ledger.Missing(err) {
		return now, false, nil
	}
	if err != nil {
		return now, false, err
	}
	if now, err = job.Decode(k.Job); err != nil {
		return now, false, err
	}
	return now, now.Follows(j.Source.Bucket, key), nil
}
