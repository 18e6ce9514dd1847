package storm

import (
	"cmp"
	"context"
	"io"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/limit"
)

// drawBounds draws what is to bound a run, that of a few objects of a few bytes: the
// bandwidth, how many processes copy, or both.
//
// Requests stay without a bound. Calls of one process that wait for the same token
// bucket go on in the order in which they came to it, and many are made side by
// side: the scheduler, and no seed, would say which comes first.
func (w *world) drawBounds(name string, number int) (b limit.Bounds) {
	name = "bounds " + name
	which := 1 + w.dice.draw(3, name, number)
	if which&1 != 0 {
		b.Bandwidth = job.Bandwidth{Rate: int64(7 + w.dice.draw(50, name+" bandwidth", number))}
	}
	if which&2 != 0 {
		b.Instances = 1 + w.dice.draw(2, name+" instances", number)
	}
	return b
}

// warden changes what bounds a job's run under way, or lifts it, as ferry limits
// does. What fails, or dies, is not asked for again.
type warden struct {
	office
	o    *operator
	left int
}

func newWarden(w *world, o *operator) *warden {
	return &warden{office: office{w: w, slot: "warden" + o.t.tag}, o: o, left: 3}
}

func (c *warden) due() (t time.Time, do func()) { return }
func (c *warden) content() bool                 { return !c.busy }

func (c *warden) offers() []offer {
	if c.busy || c.left == 0 || c.o.run == "" || !c.w.weather[Limits] || c.w.reported(c.o.run) {
		return nil
	}
	return []offer{{2, string(Limits), c.change}}
}

func (c *warden) change() {
	c.left--
	name, to := c.o.run, c.w.drawBounds("changed", c.w.step)
	lifted := c.w.dice.chance(25, "lifted", c.w.step)
	c.do("change the limits of "+name, func(ctx context.Context, p *process) error {
		run := p.deploy.Ledger().Run(name)
		if over, err := run.Over(ctx); over || err != nil {
			return err
		}
		now, _, err := limit.Read(ctx, run)
		if err != nil {
			return err
		}
		if lifted {
			return limit.Change(ctx, run, limit.Bounds{}, time.Now())
		}
		now.Bandwidth.Rate = cmp.Or(to.Bandwidth.Rate, now.Bandwidth.Rate)
		now.Instances = cmp.Or(to.Instances, now.Instances)
		return limit.Change(ctx, run, now, time.Now())
	}, func(err error) {
		if fault.KindOf(err) == fault.Invalid {
			c.w.fail("the limits of %s cannot be changed: %v", name, err)
		}
	})
}

// handover is how long more processes than may have a body open at most: a place
// changes hands within seconds.
const handover = 5 * time.Second

// usage is what the workers took of what bounds their runs, once they know the
// bounds: limit.Notice behind the last change.
//
// In any weather each process by itself keeps to the bandwidth, for its share is all
// of it at most. How many processes copy is held in a calm alone: they know of one
// another by the ledger, which otherwise answers late, or not at all. That one does
// where the bandwidth is bounded, for it feeds one stream.
type usage struct {
	bounds  map[string]limit.Bounds // of a run; none: not known
	since   map[string]time.Time    // since when every process knows them
	takers  map[taker]*taken
	crowded map[string]time.Time // since when too many processes have bodies of a run open
	decided int                  // steps that the seed had decided
	calm    time.Time            // since when it has decided none
}

// taker is a process at work on a run.
type taker struct {
	p   *process
	run string
}

// taken is what a process took.
type taken struct {
	begun time.Time // its work on the run
	from  time.Time // since when bytes were counted
	bytes int64     // of bodies opened at the source since then
	open  int       // of these bodies, guarded by world.mu
}

func newUsage() usage {
	return usage{bounds: map[string]limit.Bounds{}, since: map[string]time.Time{}, takers: map[taker]*taken{}, crowded: map[string]time.Time{}}
}

// limitsChanged takes in that a record of the ledger was written, which may be
// what bounds a run.
func (w *world) limitsChanged(key string) {
	if run, ok := strings.CutSuffix(strings.TrimPrefix(key, books+"runs/"), "/limits.json"); ok {
		delete(w.usage.bounds, run)
		w.usage.since[run] = time.Now().Add(limit.Notice)
		w.met["limits changed"]++
	}
}

// boundsOf returns what bounds a run now.
func (w *world) boundsOf(run string) limit.Bounds {
	b, known := w.usage.bounds[run]
	if !known {
		var err error
		if b, _, err = limit.Read(context.Background(), w.books().Run(run)); err != nil {
			return limit.Bounds{}
		}
		w.usage.bounds[run] = b
	}
	return b
}

// takes returns what a process took of a run, on which it begins to work now if it
// did not before.
func (w *world) takes(p *process, run string) *taken {
	t := w.usage.takers[taker{p, run}]
	if t == nil {
		t = &taken{begun: time.Now()}
		w.usage.takers[taker{p, run}] = t
	}
	return t
}

// opened takes in that a worker has opened a body of n bytes at the source, and
// holds what it opened before against what may be: what it has not read yet waits
// for its turn. It returns the body, whose end is told.
func (w *world) opened(p *process, n int64, body io.ReadCloser) io.ReadCloser {
	run := p.run()
	if run == "" || !w.weather[Limits] {
		return body
	}
	now := time.Now()
	t := w.takes(p, run)
	rate, since := w.boundsOf(run).Bandwidth.Rate, w.usage.since[run]
	if rate == 0 || t.from.Before(since) {
		t.from, t.bytes = now, 0
	}
	// A bucket holds what was not read since the process began.
	if most := 1.2*float64(rate)*now.Sub(t.begun).Seconds() + 60; rate > 0 && !now.Before(since) {
		w.met["bodies counted"]++
		if float64(t.bytes) > most {
			w.fail("%s read %d bytes for %s within %s, and %d a second are allowed", p.name, t.bytes, run, now.Sub(t.begun), rate)
		}
		t.bytes += n
	}
	w.mu.Lock()
	t.open++
	w.mu.Unlock()
	return &closing{ReadCloser: body, closed: func() {
		w.mu.Lock()
		t.open--
		w.mu.Unlock()
	}}
}

// closing is a body that tells when it is closed first.
type closing struct {
	io.ReadCloser
	closed func()
}

// Close implements io.Closer.
func (c *closing) Close() error {
	if c.closed != nil {
		c.closed()
		c.closed = nil
	}
	return c.ReadCloser.Close()
}

// places holds against what may be how many processes have bodies of a run open:
// no more than its instances, and one where the bandwidth is bounded.
func (w *world) places() {
	if !w.weather[Limits] {
		return
	}
	u, now := &w.usage, time.Now()
	if len(w.wild) != u.decided || u.calm.IsZero() {
		u.decided, u.calm = len(w.wild), now
	}
	copying := map[string]int{}
	w.mu.Lock()
	for at, t := range u.takers {
		if t.open > 0 && !at.p.dead.Load() {
			copying[at.run]++
		}
	}
	w.mu.Unlock()
	for run := range u.crowded {
		if copying[run] < 2 {
			delete(u.crowded, run)
		}
	}
	for run, n := range copying {
		b := w.boundsOf(run)
		most := b.Instances
		if b.Bandwidth.Rate > 0 {
			most = 1
		}
		since, already := u.crowded[run]
		switch {
		case most == 0 || n <= most || now.Before(u.since[run]) || now.Before(u.calm.Add(limit.Notice)):
			delete(u.crowded, run)
		case !already:
			u.crowded[run] = now
			w.met["places shared"]++
		case now.Sub(since) > handover:
			w.fail("%d processes have had bodies of %s open for %s, and %d may", n, run, now.Sub(since), most)
		}
	}
}
