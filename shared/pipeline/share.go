package pipeline

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/task"
)

const (
	// refreshEvery is how often a process at work reads the limits and whether
	// the run goes on, and where there are limits gives a sign of life and counts
	// the others: six requests to the ledger.
	refreshEvery = ledger.LiveFor / 3
	// A new process asks more often: it begins together with others, or after
	// them, and moves little while they do not know of it.
	soon, verySoon = 2 * time.Second, time.Second / 4
	newest         = 3 * time.Second // how long verySoon holds
	// crowd is what each of many processes adds to that: a thousand that begin
	// together leave the ledger in peace.
	crowd = 10 * time.Millisecond
	// newFor is how long a process is new at most: by then every other has
	// looked again, or is dead.
	newFor = refreshEvery + 5*time.Second
	// newShare is the part of its share that a new process takes, so that all
	// together stay within a tenth of what they may while the others do not yet know of it.
	newShare = 0.1
	// leastStream is the least that a stream must get, in bytes a second: OSS
	// drops a connection that brings nothing for a minute.
	leastStream = 64 << 10
	// streamTime is how long the largest object of one PUT may take in a function.
	streamTime = 2 * time.Minute
)

// limits is this process's share of what bounds a run. It works only while a
// task does: an instance is frozen between invocations.
type limits struct {
	run     *ledger.Run
	process string
	now     func() time.Time
	log     *slog.Logger
	stream  int64 // bytes a second that a stream must get

	bytes    rated // of bodies read from the source
	requests rated // to either side
	turns    turns // streams

	asking *semaphore.Weighted // held by the one who asks the ledger

	mu      sync.Mutex
	tasks   map[bool]int // at work: those that copy, and others
	since   time.Time
	due     time.Time    // when the ledger is to be asked next
	shared  time.Time    // when the shares were last worked out
	told    [2]time.Time // when it last gave a sign of life, and one that it copies
	joined  sign         // its first since the others may have forgotten it
	known   bool         // to all others, who thus leave it its share
	bounds  Limits
	living  int
	copying []ledger.Living
	over    bool // this process is one too many: it copies nothing

	course course // read with the limits
}

// sign is when a sign of life was given.
type sign struct {
	at   time.Time // by this process's clock
	seen time.Time // by the store's
}

// forgotten reports whether, without another sign since then, some others may
// not count this process any more, or soon will not.
func forgotten(now, since time.Time) bool { return now.Sub(since) > ledger.LiveFor-refreshEvery }

// newLimits returns the limits of a run. A run of one process without any
// spares the question for a while: most are over by then.
func newLimits(p *Pipeline, run *ledger.Run, s ledger.Started, l job.Limits, log *slog.Logger) *limits {
	n := &limits{
		run: run, process: p.process, now: p.Now, log: log, stream: leastStream, asking: semaphore.NewWeighted(1),
		tasks: map[bool]int{}, since: p.Now(), bounds: limitsOf(l),
	}
	if s.Deployed {
		n.stream = max(n.stream, max(l.PartsAbove, l.PartSize)/int64(streamTime/time.Second))
	}
	if !s.Deployed && !n.bounds.Any() {
		n.due = n.since.Add(refreshEvery)
	}
	return n
}

// enter takes a task in: until leave is called the limits are kept up to date.
func (l *limits) enter(ctx context.Context, t task.Task) (leave func(), err error) {
	copies := t.Kind.Stage() == task.Copying
	l.count(copies, 1)
	if err := l.refresh(ctx); err != nil {
		l.count(copies, -1)
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(verySoon / 2)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = l.refresh(ctx) // told in the log; the shares stay as they are
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		l.count(copies, -1)
	}, nil
}

func (l *limits) count(copies bool, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks[copies] += n
}

// refresh asks the ledger if it is time, and follows the timetable. Only the
// first question must be answered: later ones leave the shares as they were.
func (l *limits) refresh(ctx context.Context) error {
	if err := l.asking.Acquire(ctx, 1); err != nil {
		return err
	}
	defer l.asking.Release(1)
	now := l.now()
	l.mu.Lock()
	first := l.due.IsZero()
	copies := l.tasks[true] > 0
	ask := !now.Before(l.due) || l.bounds.Any() && copies && forgotten(now, l.told[1])
	l.mu.Unlock()
	if ask {
		if err := l.ask(ctx, now, copies); err != nil {
			if first {
				return err
			}
			l.mu.Lock()
			l.due = now.Add(soon)
			l.mu.Unlock()
			if ctx.Err() == nil {
				l.log.WarnContext(ctx, "limits and state not read, those before hold", "fault", fault.KindOf(err), "err", err)
			}
		}
	}
	l.share(now, ask)
	return nil
}

// ask reads the limits, and whether the run goes on, and, where there are any, gives a sign of life and looks
// who else is at work.
func (l *limits) ask(ctx context.Context, now time.Time, copies bool) error {
	var bounds Limits
	var standing ledger.Standing
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		bounds, _, err = ReadLimits(gctx, l.run)
		return err
	})
	g.Go(func() (err error) {
		standing, _, err = l.run.Standing(gctx)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	l.course.set(standing)
	var living []ledger.Living
	if bounds.Any() {
		if err := l.run.Live(ctx, ledger.Living{Process: l.process, Since: l.since, Copies: copies}, now); err != nil {
			return err
		}
		var err error
		if living, err = l.run.Living(ctx, time.Time{}); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bounds, l.living, l.due = bounds, len(living), now.Add(refreshEvery)
	if bounds.Any() {
		l.meet(living, copies, now)
	}
	l.copying = slices.DeleteFunc(living, func(p ledger.Living) bool { return !p.Copies })
	return nil
}

// meet finds out whether the others know of this process. Everybody gives a
// sign of life before looking round, so whoever gave one after this process's
// first has seen it. Until all have, it takes little and looks often.
func (l *limits) meet(living []ledger.Living, copies bool, now time.Time) {
	if forgotten(now, l.told[0]) || copies && forgotten(now, l.told[1]) {
		l.joined = sign{at: now}
		for _, p := range living {
			if p.Process == l.process {
				l.joined.seen = p.Seen
			}
		}
	}
	l.told[0] = now
	if copies {
		l.told[1] = now
	}
	age := now.Sub(l.joined.at)
	young := age < newFor
	l.known = !young || !slices.ContainsFunc(living, func(p ledger.Living) bool {
		return p.Process != l.process && !p.Seen.After(l.joined.seen)
	})
	often := time.Duration(len(living)) * crowd
	switch {
	case age < newest:
		l.due = now.Add(max(verySoon, often))
	case young:
		l.due = now.Add(max(soon, often))
	}
}

// share works out what this process may take, about once a second: the rate
// may change with the hour.
func (l *limits) share(now time.Time, anew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !anew && (!l.bounds.Any() || now.Sub(l.shared) < time.Second) {
		return
	}
	l.shared = now
	total := l.bounds.Bandwidth.At(now)
	most := cmp.Or(l.bounds.Instances, len(l.copying))
	if total > 0 { // more processes than streams that it feeds would starve one another
		most = min(most, int(max(1, total/l.stream)))
	}
	place := slices.IndexFunc(l.copying, func(p ledger.Living) bool { return p.Process == l.process })
	l.over = place >= most || place >= 0 && !l.known && len(l.copying) > most
	part := 1.0
	if !l.known {
		part = newShare
	}
	share := part * float64(total) / float64(max(1, min(most, len(l.copying))))
	l.bytes.set(share, 64<<10)
	l.requests.set(part*float64(l.bounds.Requests)/float64(max(1, l.living)), 1)
	l.turns.set(l.streams(share), l.over)
}

// streams is how many streams a share feeds; 0 does not bound. At a low rate
// fewer objects are in flight, not slower ones.
func (l *limits) streams(share float64) int {
	if share == 0 {
		return 0
	}
	return max(1, int(share/float64(l.stream)))
}

// excess reports whether this process is one more than may copy.
func (l *limits) excess() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}
