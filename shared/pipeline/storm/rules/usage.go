package rules

import (
	"context"
	"io"
	"strings"
	"time"

	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/storm/weather"
	"kodoferry/shared/pipeline/storm/world"
)

// handover is how long more processes than may have a body open at most: a place
// changes hands within seconds.
const handover = 5 * time.Second

// Usage is what the workers took of what bounds their runs, once they know the
// bounds: limit.Notice behind the last change.
//
// In any weather each process by itself keeps to the bandwidth, for its share is all
// of it at most. How many processes copy is held in a calm alone: they know of one
// another by the ledger, which otherwise answers late, or not at all. That one does
// where the bandwidth is bounded, for it feeds one stream.
type Usage struct {
	w       *world.World
	bounds  map[string]limit.Bounds // of a run; none: not known
	since   map[string]time.Time    // since when every process knows them
	takers  map[taker]*taken
	crowded map[string]time.Time // since when too many processes have bodies of a run open
	decided int                  // steps that the seed had decided
	calm    time.Time            // since when it has decided none
}

// taker is a process at work on a run.
type taker struct {
	p   *world.Process
	run string
}

// taken is what a process took.
type taken struct {
	begun time.Time // its work on the run
	from  time.Time // since when bytes were counted
	bytes int64     // of bodies opened at the source since then, but for what was never read of those that are closed; guarded by world.mu
	open  int       // of these bodies, guarded by world.mu
}

func newUsage(w *world.World) Usage {
	return Usage{w: w, bounds: map[string]limit.Bounds{}, since: map[string]time.Time{}, takers: map[taker]*taken{}, crowded: map[string]time.Time{}}
}

// limitsChanged takes in that a record of the ledger was written, which may be
// what bounds a run.
func (u *Usage) limitsChanged(key string) {
	if run, ok := strings.CutSuffix(strings.TrimPrefix(key, world.Books+"runs/"), "/limits.json"); ok {
		delete(u.bounds, run)
		u.since[run] = time.Now().Add(limit.Notice)
		u.w.Log.Met["limits changed"]++
	}
}

// boundsOf returns what bounds a run now.
func (u *Usage) boundsOf(run string) limit.Bounds {
	b, known := u.bounds[run]
	if !known {
		var err error
		if b, _, err = limit.Read(context.Background(), u.w.Books().Run(run)); err != nil {
			return limit.Bounds{}
		}
		u.bounds[run] = b
	}
	return b
}

// Takes returns what a process took of a run, on which it begins to work now if it
// did not before.
func (u *Usage) Takes(p *world.Process, run string) *taken {
	t := u.takers[taker{p, run}]
	if t == nil {
		t = &taken{begun: time.Now()}
		u.takers[taker{p, run}] = t
	}
	return t
}

// opened takes in that a worker has opened a body of n bytes at the source, and
// holds what it opened before against what may be: what it has not read yet waits
// for its turn. It returns the body, whose end is told.
func (u *Usage) opened(p *world.Process, n int64, body io.ReadCloser) io.ReadCloser {
	run := p.Run()
	if run == "" || !u.w.Weather[weather.Limits] {
		return body
	}
	now := time.Now()
	t := u.Takes(p, run)
	rate, since := u.boundsOf(run).Bandwidth.Rate, u.since[run]
	if rate == 0 || t.from.Before(since) {
		t.from, t.bytes = now, 0
	}
	u.w.Mu.Lock()
	defer u.w.Mu.Unlock()
	counted := t.from
	// A bucket holds what was not read since the process began.
	if most := 1.2*float64(rate)*now.Sub(t.begun).Seconds() + 60; rate > 0 && !now.Before(since) {
		u.w.Log.Met["bodies counted"]++
		if float64(t.bytes) > most {
			u.w.Log.Fail("%s read %d bytes for %s within %s, and %d a second are allowed", p.Name, t.bytes, run, now.Sub(t.begun), rate)
		}
		t.bytes += n
	} else {
		n = 0
	}
	t.open++
	return &closing{ReadCloser: body, left: n, closed: func(left int64) {
		u.w.Mu.Lock()
		defer u.w.Mu.Unlock()
		t.open--
		if t.from.Equal(counted) { // a PUT that fails at once reads nothing of its body
			t.bytes -= left
		}
	}}
}

// closing is a body that tells when it is closed first, and what was not read of it then.
type closing struct {
	io.ReadCloser
	left   int64
	closed func(left int64)
}

// Read implements io.Reader.
func (c *closing) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.left = max(0, c.left-int64(n))
	return n, err
}

// Close implements io.Closer.
func (c *closing) Close() error {
	if c.closed != nil {
		c.closed(c.left)
		c.closed = nil
	}
	return c.ReadCloser.Close()
}

// Places holds against what may be how many processes have bodies of a run open:
// no more than its instances, and one where the bandwidth is bounded.
func (u *Usage) Places() {
	if !u.w.Weather[weather.Limits] {
		return
	}
	now := time.Now()
	if len(u.w.Wild) != u.decided || u.calm.IsZero() {
		u.decided, u.calm = len(u.w.Wild), now
	}
	copying := map[string]int{}
	u.w.Mu.Lock()
	for at, t := range u.takers {
		if t.open > 0 && !at.p.Dead.Load() {
			copying[at.run]++
		}
	}
	u.w.Mu.Unlock()
	for run := range u.crowded {
		if copying[run] < 2 {
			delete(u.crowded, run)
		}
	}
	for run, n := range copying {
		b := u.boundsOf(run)
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
			u.w.Log.Met["places shared"]++
		case now.Sub(since) > handover:
			u.w.Log.Fail("%d processes have had bodies of %s open for %s, and %d may", n, run, now.Sub(since), most)
		}
	}
}
