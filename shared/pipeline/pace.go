package pipeline

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
)

const (
	// batchTime is what a batch is to take: long enough that its message and its
	// records cost next to nothing, short enough for an invocation of 5 minutes
	// and for what a kill makes somebody look at again.
	batchTime = 20 * time.Second
	// What is taken for the pace before anything was copied.
	guessedEach  = 50 * time.Millisecond
	guessedBytes = 8 << 20
	// noteEvery is how often a process leaves its pace for others.
	noteEvery = time.Minute
)

// pace measures what one stream moves, so that nothing is begun that an
// invocation cannot end, and batches are neither long nor short.
type pace struct {
	each  atomic.Int64 // nanoseconds an object costs whatever its size
	bytes atomic.Int64 // bytes/s
	noted atomic.Int64 // when it was left for others, Unix nanoseconds
}

// need estimates how long n bytes take: twice what the measured pace says.
func (p *pace) need(n int64) time.Duration {
	rate := cmp.Or(p.bytes.Load(), guessedBytes)
	return time.Duration(2 * float64(n) / float64(rate) * float64(time.Second))
}

// saw takes in that an object of n bytes took d. Small objects tell what each
// costs, large ones what a stream moves; those in between tell neither.
func (p *pace) saw(n int64, d time.Duration) {
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

// cost is what an object of n bytes takes one stream.
func cost(p ledger.Pace, n int64) time.Duration {
	return p.Each + time.Duration(float64(n)/float64(p.Bytes)*float64(time.Second))
}

// seenPace is the pace that batches are sized by: this process's own, or, where
// others do the copying, the last that one of them left.
func (r *run) seenPace(ctx context.Context) ledger.Pace {
	p := ledger.Pace{Each: time.Duration(r.pace.each.Load()), Bytes: r.pace.bytes.Load()}
	if r.start.Deployed && p == (ledger.Pace{}) {
		last, err := r.LastPace(ctx)
		if err == nil {
			p = last
		} else if !ledger.Missing(err) {
			r.log.DebugContext(ctx, "pace not read", "fault", fault.KindOf(err), "err", err) // a guess does
		}
	}
	p.Each, p.Bytes = cmp.Or(p.Each, guessedEach), cmp.Or(p.Bytes, guessedBytes)
	return p
}

// notePace leaves this process's pace for those who list elsewhere.
func (r *run) notePace(ctx context.Context) {
	now, before := r.Now().UnixNano(), r.pace.noted.Load()
	if !r.start.Deployed || now-before < int64(noteEvery) || !r.pace.noted.CompareAndSwap(before, now) {
		return
	}
	err := r.NotePace(ctx, ledger.Pace{Each: time.Duration(r.pace.each.Load()), Bytes: r.pace.bytes.Load()}, r.Now())
	if err != nil {
		r.log.DebugContext(ctx, "pace not left", "fault", fault.KindOf(err), "err", err)
	}
}
