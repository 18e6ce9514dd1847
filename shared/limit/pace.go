package limit

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
)

const (
	// What a Pace estimates by before an object was copied.
	assumedEach  = 50 * time.Millisecond
	assumedBytes = 8 << 20
	// saveEvery is how often a process saves its pace in the ledger.
	saveEvery = time.Minute
)

// Pace measures what one stream of this process moves, so that nothing is begun
// that an invocation cannot end, and batches are neither long nor short. The
// zero value has measured nothing. It is safe for concurrent use.
type Pace struct {
	each  atomic.Int64 // nanoseconds an object costs whatever its size
	bytes atomic.Int64 // bytes/s
	saved atomic.Int64 // when it was last saved, Unix nanoseconds
}

// Estimate returns how long n bytes take: twice what the measured pace says.
func (p *Pace) Estimate(n int64) time.Duration {
	rate := cmp.Or(p.bytes.Load(), assumedBytes)
	return time.Duration(2 * float64(n) / float64(rate) * float64(time.Second))
}

// Measured takes in that an object of n bytes took d. Those up to 64 KiB measure
// what each object costs, those from 1 MiB on what a stream moves a second;
// those in between measure neither.
func (p *Pace) Measured(n int64, d time.Duration) {
	switch {
	case d <= 0:
	case n >= 1<<20:
		blend(&p.bytes, int64(float64(n)/d.Seconds()))
	case n <= 64<<10:
		blend(&p.each, int64(d))
	}
}

func blend(v *atomic.Int64, now int64) {
	if old := v.Load(); old != 0 {
		now = (7*old + now) / 8
	}
	v.Store(max(now, 1))
}

// now is what was measured; 0 for what was not.
func (p *Pace) now() live.Pace {
	return live.Pace{Each: time.Duration(p.each.Load()), Bytes: p.bytes.Load()}
}

// Cost returns how long an object of n bytes takes one stream at pace p.
func Cost(p live.Pace, n int64) time.Duration {
	return p.Each + time.Duration(float64(n)/float64(p.Bytes)*float64(time.Second))
}

// Of returns the pace that a run's batches are sized by: what this process
// measured, or, where it measured nothing and the run is deployed, what another
// process saved last, or an assumption. The error is one of reading what was
// saved, beside which the assumption is returned.
func (p *Pace) Of(ctx context.Context, run *ledger.Run, deployed bool) (live.Pace, error) {
	pace := p.now()
	var err error
	if deployed && pace == (live.Pace{}) {
		var last live.Pace
		if last, err = live.ReadPace(ctx, run.Folder()); err == nil {
			pace = last
		} else if ledger.Missing(err) {
			err = nil
		}
	}
	pace.Each, pace.Bytes = cmp.Or(pace.Each, assumedEach), cmp.Or(pace.Bytes, assumedBytes)
	return pace, err
}

// Save saves what was measured in the ledger, once a minute at most, for
// processes that list and do not copy, and how many objects in flight were found to
// be best, for those that begin to copy.
func (p *Pace) Save(ctx context.Context, run *ledger.Run, inFlight int, now time.Time) error {
	at, before := now.UnixNano(), p.saved.Load()
	if at-before < int64(saveEvery) || !p.saved.CompareAndSwap(before, at) {
		return nil
	}
	pace := p.now()
	pace.InFlight = inFlight
	return live.CreatePace(ctx, run.Folder(), pace, now)
}
