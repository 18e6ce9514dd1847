package control

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/task"
)

// follower is a job that follows events.
type follower struct {
	job.Job
	match *job.Matcher
	ended string // the run of a day whose events are followed no more, for it was cancelled; "" for none
}

// of reports whether the job follows events of a bucket that come now.
func (f follower) of(bucket string, now time.Time) bool {
	return f.Source.Bucket == bucket && (f.ended == "" || f.ended != eventnames.Run(f.Name, f.Events.Bucket(now), 1))
}

// chooses reports whether the job follows an event, as far as its key alone decides.
func (f follower) chooses(n Notice) bool {
	return f.Follows(n.Bucket, n.Key) && f.match.MatchKey(n.Key)
}

const (
	// followersFor is how long the jobs that were read hold: a job that is
	// changed, paused or sealed gets events as before for so long, less than
	// limit.Notice; the task of an event reads what holds by then.
	followersFor = 20 * time.Second
	// followersAtMost is how long they hold where the ledger cannot be reached.
	followersAtMost = 10 * time.Minute
)

// followers are the jobs of a deployment that follow events.
type followers struct {
	mu   sync.Mutex
	jobs []follower
	read time.Time
}

// of returns the jobs of c's ledger that follow events now, without those that were
// sealed and those whose newest run is paused. One caller reads the
// ledger, the others wait.
func (f *followers) of(ctx context.Context, c *Control, now time.Time) ([]follower, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	age := now.Sub(f.read)
	if !f.read.IsZero() && age < followersFor {
		return f.jobs, nil
	}
	jobs, err := c.readFollowers(ctx, now)
	if err != nil {
		if f.read.IsZero() || age > followersAtMost {
			return nil, err
		}
		c.Log.WarnContext(ctx, "jobs not read, those of before hold", "fault", fault.KindOf(err), "err", err)
		return f.jobs, nil
	}
	f.jobs, f.read = jobs, now
	return jobs, nil
}

// readFollowers reads the jobs that follow events. One that cannot be read is a
// line in the log: what its source notifies of waits for its next run.
func (c *Control) readFollowers(ctx context.Context, now time.Time) ([]follower, error) {
	names, err := kept.ListJobs(ctx, c.Ledger.Folder())
	if err != nil {
		return nil, err
	}
	found := make([]*follower, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, name := range names {
		g.Go(func() (err error) {
			found[i], err = readFollower(ctx, c.Ledger, name, now)
			if ledger.Unreadable(err) {
				c.Log.ErrorContext(ctx, "no events are followed for a job that cannot be read", "fault", fault.KindOf(err), "err", err)
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var jobs []follower
	for _, j := range found {
		if j != nil {
			jobs = append(jobs, *j)
		}
	}
	return jobs, nil
}

// readFollower reads one job; nil if it follows no events now.
func readFollower(ctx context.Context, l *ledger.Ledger, name string, now time.Time) (*follower, error) {
	j, _, err := KeptJob(ctx, l, name)
	if ledger.Missing(err) {
		return nil, nil // removed meanwhile
	}
	if err != nil || !j.Events.Follow() {
		return nil, err
	}
	if _, sealed, err := l.ReadSeal(ctx, name); err != nil || sealed {
		return nil, err
	}
	newest, err := index.Newest(ctx, l, name, now)
	if err != nil {
		return nil, err
	}
	if newest != "" {
		if s, _, err := l.Run(newest).Steering().ReadStanding(ctx); err != nil || s == ledger.Paused {
			return nil, err
		}
	}
	match, err := j.Filter.Compile(j.Source.Prefix)
	if err != nil {
		return nil, err
	}
	f := &follower{Job: j, match: match}
	day := eventnames.Run(name, j.Events.Bucket(now), 1)
	s, _, err := l.Run(day).Steering().ReadStanding(ctx)
	if s == ledger.Cancelled || s == ledger.Over {
		f.ended = day
	}
	return f, err
}

// sentEvents are the events that this process has sent whose time bucket has not
// ended: another of the same is not sent. One that was dropped from it is sent
// twice and done once.
type sentEvents struct {
	mu    sync.Mutex
	until map[eventOf]int64
}

// eventOf names an event's task.
type eventOf struct{ run, batch string }

// mostSent bounds what is remembered.
const mostSent = 50_000

func (s *sentEvents) before(t task.Task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.until[eventOf{t.Run, t.Batch}]
	return ok
}

func (s *sentEvents) note(now time.Time, tasks []task.Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[eventOf]int64{}
	}
	if len(s.until)+len(tasks) > mostSent {
		for e, until := range s.until {
			if until < now.Unix() {
				delete(s.until, e)
			}
		}
	}
	for _, t := range tasks {
		if len(s.until) < mostSent {
			s.until[eventOf{t.Run, t.Batch}] = t.Until
		}
	}
}
