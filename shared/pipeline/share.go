package pipeline

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/task"
)

const (
	// refreshEvery is how often a process at work reads the limits and whether
	// the run goes on: four requests to the ledger.
	refreshEvery = ledger.LiveFor / 3
	// beatEvery is how often, where there are limits, a process at work gives a
	// sign of life and looks who else is: two requests.
	beatEvery = 2 * time.Second
	// A new process looks more often: it begins together with others, or after
	// them, and moves little while they do not know of it.
	verySoon = time.Second / 4
	newFor   = 3 * time.Second // how long verySoon holds
	// crowd is what each of many processes adds to that: a thousand that begin
	// together leave the ledger in peace.
	crowd = 10 * time.Millisecond
	// askAgain is when the ledger is asked again that did not answer.
	askAgain = 2 * time.Second
	// newShare is the part of its share that a new process takes, so that all
	// together stay within a tenth of what they may while the others do not yet know of it.
	newShare = 0.1
	// leaveTime bounds how long a process that ends takes back its signs of life.
	leaveTime = 5 * time.Second
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
	reread  time.Time    // when the limits are to be read next
	asked   time.Time    // when that was asked which this process knows of how the run stands
	shared  time.Time    // when the shares were last worked out
	told    [2]time.Time // when it last gave a sign of life, and one that it copies
	joined  sign         // its first since the others may have forgotten it
	known   bool         // to all others, who thus leave it its share
	bounds  Limits
	all     int             // how many are there, those that wait for a place included
	living  []ledger.Living // who has given a sign of life in time to have a share, this process included
	copying []ledger.Living // those of them that copy
	rate    float64         // bytes a second that this process may read; 0: any
	over    bool            // this process may not copy now
	beyond  bool            // for as many as may copy are at work: it waits for one of their places
	placed  bool            // it has one: there was room for all who copied
	waited  bool            // others wait for one

	given map[ledger.Living]bool // signs of life, of each kind

	state limit.RunState // read with the limits
}

// sign is when a sign of life was given.
type sign struct {
	at   time.Time // by this process's clock
	seen time.Time // by the store's
}

// beat is how often each of n processes gives a sign of life.
func beat(n int) time.Duration { return max(beatEvery, time.Duration(n)*crowd) }

// looksWithin is for how long one of n processes works without looking who else is
// there: it has given a sign by then, which the store tells to the second.
func looksWithin(n int) time.Duration { return beat(n) + 2*time.Second }

// shareFor is for how long one of n processes has its share behind its last sign of
// life. By then it has missed one at least: it has died, or has no task, and who
// has work takes what was its.
func shareFor(n int) time.Duration { return looksWithin(n) + beat(n) }

// forgotten reports whether, without another sign since then, some others may
// not count this process any more, or soon will not.
func (l *limits) forgotten(now, since time.Time) bool { return now.Sub(since) > looksWithin(l.all) }

// newLimits returns the limits of a run. A run of one process without any
// spares the question for a while: most are over by then.
func newLimits(p *Pipeline, run *ledger.Run, s ledger.Started, l job.Limits, log *slog.Logger) *limits {
	n := &limits{
		run: run, process: p.process, now: p.Now, log: log, stream: leastStream, asking: semaphore.NewWeighted(1),
		tasks: map[bool]int{}, given: map[ledger.Living]bool{}, since: p.Now(), bounds: limitsOf(l),
	}
	if s.Deployed {
		n.stream = max(n.stream, max(l.PartsAbove, l.PartSize)/int64(streamTime/time.Second))
	}
	if !s.Deployed && !n.bounds.Any() {
		n.due = n.since.Add(refreshEvery)
		n.reread, n.asked = n.due, n.since
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
	from := ctx
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(lookEvery)
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
		l.makeRoom(from)
	}, nil
}

// makeRoom gives up this process's place among those that copy where it has
// nothing to copy and others wait for one.
func (l *limits) makeRoom(ctx context.Context) {
	if !l.idle() || l.asking.Acquire(ctx, 1) != nil {
		return
	}
	defer l.asking.Release(1)
	if !l.idle() {
		return
	}
	if err := l.stopCopying(ctx); err != nil && ctx.Err() == nil {
		l.log.DebugContext(ctx, "place not given up, it is free in seconds", "fault", fault.KindOf(err), "err", err)
	}
}

// stopCopying gives up this process's place among those that copy.
func (l *limits) stopCopying(ctx context.Context) error {
	l.mu.Lock()
	l.told[1], l.placed = time.Time{}, false
	l.mu.Unlock()
	return l.run.StopCopying(ctx, ledger.Living{Process: l.process, Since: l.since})
}

// Leave takes back this process's signs of life, also where ctx has ended: those
// who share the limits of a run with it need not wait until they are old.
func (p *Pipeline) Leave(ctx context.Context) {
	p.mu.Lock()
	runs := slices.Collect(maps.Values(p.runs))
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	var all sync.WaitGroup
	for _, r := range runs {
		all.Go(func() {
			if err := r.limits.leave(ctx); err != nil {
				r.log.WarnContext(ctx, "signs of life not taken back, they are old in seconds", "fault", fault.KindOf(err), "err", err)
			}
		})
	}
	all.Wait()
}

func (l *limits) leave(ctx context.Context) error {
	l.mu.Lock()
	given := slices.Collect(maps.Keys(l.given))
	l.mu.Unlock()
	for _, sign := range given {
		if err := l.run.Unlive(ctx, sign); err != nil {
			return err
		}
	}
	return nil
}

// idle reports whether this process has a place among those that copy, for which
// others wait, and no task to copy.
func (l *limits) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waited && l.tasks[true] == 0 && !l.told[1].IsZero()
}

func (l *limits) count(copies bool, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks[copies] += n
}

// busy reports whether any task is under way.
func (l *limits) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tasks[true]+l.tasks[false] > 0
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
	copies, others := l.tasks[true] > 0, l.tasks[false] > 0
	ask := !now.Before(l.due) || l.bounds.Any() && copies && !l.beyond && l.forgotten(now, l.told[1])
	l.mu.Unlock()
	if ask {
		asking, cancel := context.WithTimeout(ctx, l.patience(now))
		err := l.ask(asking, now, copies, others)
		cancel()
		if err != nil {
			if first {
				return err
			}
			l.mu.Lock()
			l.due = now.Add(askAgain)
			old := !l.now().Before(l.asked.Add(relied))
			l.mu.Unlock()
			if old {
				l.state.Expire()
			}
			if ctx.Err() == nil {
				l.log.WarnContext(ctx, "limits and state not read, those before hold", "fault", fault.KindOf(err), "err", err)
			}
		}
	}
	l.share(now, ask)
	return nil
}

// ask reads the limits, and whether the run goes on, if that is due, and, where
// there are any, gives a sign of life and looks who else is at work.
func (l *limits) ask(ctx context.Context, now time.Time, copies, others bool) error {
	if !now.Before(l.reread) {
		if err := l.read(ctx, now); err != nil {
			return err
		}
	}
	if l.bounds.Any() {
		return l.meet(ctx, now, copies, others)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.living, l.copying, l.beyond, l.due = nil, nil, false, l.reread
	return nil
}

// relied is how long a process relies on what it read of how a run stands.
const relied = Notice - time.Second

// patience is how long the ledger may take to answer: what was read before is
// relied on no longer than that. Where it is too old already, or nothing was
// read, there is nobody at work yet who would rely on it.
func (l *limits) patience(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.asked.Add(relied).Sub(now); left > 0 {
		return left
	}
	return relied
}

// read reads the limits, and whether the run goes on.
func (l *limits) read(ctx context.Context, now time.Time) error {
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
	l.state.Set(standing)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bounds, l.reread, l.asked = bounds, now.Add(refreshEvery), now
	return nil
}

// meet gives a sign of life and looks who else is at work. Who is to copy looks
// first whether as many as may copy do: then it waits for a place. Everybody signs
// before looking, so of two that take the last place at a time one at least finds
// the other, and the one that began later gives it up.
func (l *limits) meet(ctx context.Context, now time.Time, copies, others bool) error {
	for looked := false; ; looked = true {
		leaving := l.placed && l.turns.busy()
		waits := copies && !leaving && (l.beyond || !looked && l.most(now) > 0 && l.forgotten(now, l.told[1]))
		me := ledger.Living{Process: l.process, Since: l.since, Copies: copies && !waits, Waits: waits && !others}
		if err := l.run.Live(ctx, me, now); err != nil {
			return err
		}
		l.mu.Lock()
		l.given[me] = true
		l.mu.Unlock()
		all, err := l.run.Living(ctx, time.Time{})
		if err != nil {
			return err
		}
		l.found(all, me, now)
		switch {
		case me.Copies && l.beyond && !leaving:
			return l.stopCopying(ctx)
		case !waits || l.beyond:
			return nil
		}
	}
}

// found takes in who is at work, this process's own sign me included, and finds
// out whether the others know of this process: whoever gave a sign after this
// one's first has seen it. Until all have, it takes little and looks often.
func (l *limits) found(all []ledger.Living, me ledger.Living, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !me.Waits && l.forgotten(now, l.told[0]) || me.Copies && l.forgotten(now, l.told[1]) {
		l.joined = sign{at: now}
		for _, p := range all {
			if p.Process == l.process {
				l.joined.seen = p.Seen
			}
		}
	}
	if !me.Waits {
		l.told[0] = now
	}
	l.all = len(all)
	l.waited = slices.ContainsFunc(all, func(p ledger.Living) bool { return p.Waits })
	l.living, l.copying = sharing(all)
	place := slices.IndexFunc(l.copying, func(p ledger.Living) bool { return p.Process == l.process })
	if place < 0 {
		place = len(l.copying)
	}
	most := l.most(now)
	l.beyond = most > 0 && place >= most
	if me.Copies {
		l.placed = l.placed && !l.forgotten(now, l.told[1]) || most == 0 || len(l.copying) <= most
		l.told[1] = now
	}
	age := now.Sub(l.joined.at)
	l.known = !slices.ContainsFunc(l.living, func(p ledger.Living) bool {
		return p.Process != l.process && !p.Seen.After(l.joined.seen) && newest(all).Sub(p.Seen) <= looksWithin(l.all)
	})
	l.due = now.Add(beat(l.all))
	switch {
	case l.beyond:
		l.due = now.Add(beat(l.all) / 2)
	case age < newFor:
		l.due = now.Add(max(verySoon, time.Duration(l.all)*crowd))
	}
	if l.reread.After(now) && l.reread.Before(l.due) {
		l.due = l.reread
	}
}

// sharing leaves of the living those whose last sign is young enough for a
// share, and of them those whose last sign that they copy is.
func sharing(all []ledger.Living) (living, copying []ledger.Living) {
	since := newest(all).Add(-shareFor(len(all)))
	for _, p := range all {
		if p.Waits || p.Seen.Before(since) {
			continue
		}
		living = append(living, p)
		if !p.Copied.Before(since) {
			copying = append(copying, p)
		}
	}
	return living, copying
}

// newest is when the last sign of life was given, by the store's clock.
func newest(all []ledger.Living) (at time.Time) {
	for _, p := range all {
		if p.Seen.After(at) {
			at = p.Seen
		}
	}
	return at
}

// most is how many processes may copy at the same time; 0: any number. More than
// there are streams that the bandwidth feeds would starve one another.
func (l *limits) most(now time.Time) int {
	n, total := l.bounds.Instances, l.bounds.Bandwidth.At(now)
	if fed := int(max(1, total/l.stream)); total > 0 && (n == 0 || fed < n) {
		return fed
	}
	return n
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
	most, copying := l.most(now), max(1, len(l.copying))
	if most == 0 {
		most = copying
	}
	l.over = l.beyond || !l.placed && copying > most
	part := 1.0
	if !l.known {
		part = newShare
	}
	share := part * float64(l.bounds.Bandwidth.At(now)) / float64(min(most, copying))
	l.rate = share
	l.bytes.set(share, 64<<10)
	l.requests.set(part*float64(l.bounds.Requests)/float64(max(1, len(l.living))), 1)
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

// takes is how long n bytes take at least, by this process's share.
func (l *limits) takes(n int64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rate == 0 {
		return 0
	}
	return time.Duration(float64(n) / l.rate * float64(time.Second))
}

// abreast is how many streams of n bytes each its share feeds so that all end
// in time, at most most: parts may be larger than what streams are counted by.
func (l *limits) abreast(n int64, most int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rate == 0 {
		return most
	}
	return min(most, max(1, int(l.rate*streamTime.Seconds()/float64(n))))
}

const (
	// lookEvery is how often a process looks whether the ledger is to be asked.
	lookEvery = verySoon / 2
	// A process that may not copy keeps a task for keepFor before it passes it on, to
	// come again after passFor: as long as it is busy with that, a platform brings
	// those that follow to who may.
	keepFor = time.Second
	passFor = time.Second
)

// excess reports whether this process is one more than may copy. It waits up to
// keepFor for a place, and up to newFor where those who begin with it only do not
// know of it yet.
func (l *limits) excess(ctx context.Context) bool {
	for began := time.Now(); ; {
		l.mu.Lock()
		over, most := l.over, newFor
		if l.beyond {
			most = keepFor
		}
		l.mu.Unlock()
		if !over || time.Since(began) > most {
			return over
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return over
		}
	}
}
