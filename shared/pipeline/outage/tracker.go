package outage

import (
	"context"
	"sync"
	"sync/atomic"

	"kodoferry/shared/fault"
)

// InARow is how many objects in a row a side does not serve before it is probed.
const InARow = 3

// Tracker finds out, while the objects of a task are dealt with, whether a whole
// side does not answer. It is safe for concurrent use.
type Tracker struct {
	prober *Prober
	since  int64
	enough int32
	note   func(context.Context, *Outage)

	fails [2]atomic.Int32 // objects in a row that were not served, by side

	probing sync.Mutex
	out     atomic.Pointer[Outage] // what is left waits for it
	late    atomic.Pointer[Outage] // the outage that was waited for as long as the limit says
}

// NewTracker returns the tracker of a task that has waited for a side since then,
// in Unix seconds (0: it has not). A side is probed once enough objects in a row were
// not served. note is called with an outage that what is left is to wait for.
func NewTracker(p *Prober, since int64, enough int, note func(context.Context, *Outage)) *Tracker {
	return &Tracker{prober: p, since: since, enough: int32(enough), note: note}
}

// Blocked reports whether what is left waits for a side.
func (t *Tracker) Blocked() bool { return t.out.Load() != nil }

// Served notes that a side served an object.
func (t *Tracker) Served(on Side) { t.fails[on].Store(0) }

// Unserved notes that a side did not serve an object because of err, one that is
// Suspected. If the side, once it is probed, does not answer at all, the object
// waits and spends no try. Otherwise Unserved returns the error that stands.
func (t *Tracker) Unserved(ctx context.Context, on Side, key string, err error) (waits bool, stands error) {
	if t.fails[on].Add(1) < t.enough {
		return t.Blocked(), err
	}
	t.probing.Lock()
	defer t.probing.Unlock()
	switch late := t.late.Load(); {
	case t.Blocked() || t.fails[on].Load() < t.enough: // another call has probed meanwhile
		return t.Blocked(), err
	case late != nil && late.Side == on:
		return false, t.prober.TooLong(late)
	}
	last := t.prober.Probe(ctx, on, fault.KindOf(err) != fault.Denied, key)
	if last == nil {
		t.fails[on].Store(0)
		return false, err
	}
	o := t.prober.met(on, last, t.since)
	if t.prober.Over(o) {
		t.late.Store(o)
		return false, t.prober.TooLong(o)
	}
	t.block(ctx, o)
	return true, err
}

// Ask probes both sides because of err, which an object met that is dealt with
// alone, and reports whether what is left waits for one of them.
func (t *Tracker) Ask(ctx context.Context, key string, err error) bool {
	o := t.prober.Find(ctx, true, key, t.since)
	if !Suspected(err) || o == nil || t.prober.Over(o) {
		return false
	}
	t.block(ctx, o)
	return true
}

func (t *Tracker) block(ctx context.Context, o *Outage) {
	t.out.Store(o)
	t.note(ctx, o)
}

// Since is since when a side that is needed for what is left has not answered,
// in Unix seconds; 0: it does.
func (t *Tracker) Since() int64 {
	for _, o := range []*Outage{t.out.Load(), t.late.Load()} {
		if o != nil {
			return o.Since.Unix()
		}
	}
	return 0
}

// Still is the outage that the task waited for already, and still waits for; nil
// if it met it just now, or there is none. Where nothing has ended meanwhile the
// task itself waits on, and no record is added to those that stand.
func (t *Tracker) Still() *Outage {
	if t.since == 0 {
		return nil
	}
	return t.out.Load()
}
