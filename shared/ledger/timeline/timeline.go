// Package timeline counts what was written and what failed by stretches of time, in
// bounded memory: where there would be too many stretches they become wider. Start
// with Timeline.
package timeline

import (
	"slices"
	"time"
)

// Timeline counts by stretches of time of one width, one behind the other.
type Timeline struct {
	From  int64  `json:"from"` // Unix seconds: where the first stretch begins, a multiple of Each
	Each  int64  `json:"each"` // seconds
	Ticks []Tick `json:"ticks"`
}

// Tick is what happened in one stretch of time.
type Tick struct {
	Objects int64 `json:"objects"`          // written: copied or updated
	Bytes   int64 `json:"bytes"`            // of these
	Failed  int64 `json:"failed,omitempty"` // objects that a person has to look at

	Throttled int64 `json:"throttled,omitempty"` // how often an object that ended then had been handed on because a service asked to slow down
}

func (t *Tick) add(o Tick) {
	t.Objects += o.Objects
	t.Bytes += o.Bytes
	t.Failed += o.Failed
	t.Throttled += o.Throttled
}

// MaxTicks is how many stretches a Timeline has at most.
const MaxTicks = 144

// widths are those that stretches of time may have, in seconds; each divides the next,
// so that stretches can be joined. Beyond the last they double.
var widths = [...]int64{1, 5, 15, 60, 5 * 60, 15 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600}

// wider is the width that follows.
func wider(each int64) int64 {
	for _, w := range widths {
		if w > each {
			return w
		}
	}
	return each * 2
}

func isWidth(each int64) bool {
	w := widths[0]
	for w < each && w < maxSecond {
		w = wider(w)
	}
	return w == each
}

// maxSecond is behind the year 9999: no row was written then, nor as long before 1970.
const maxSecond = 1 << 38

// Count adds what happened at a time.
func (l *Timeline) Count(at time.Time, t Tick) { l.add(at.Unix(), 1, t) }

// Add adds another timeline. One that keeps no bounds, as of a record that was
// damaged, adds nothing.
func (l *Timeline) Add(o Timeline) {
	if !isWidth(o.Each) || len(o.Ticks) > MaxTicks {
		return
	}
	for i, t := range o.Ticks {
		if t != (Tick{}) {
			l.add(o.From+int64(i)*o.Each, o.Each, t)
		}
	}
}

// add adds what happened in the stretch that begins at a second, and is each wide.
func (l *Timeline) add(second, each int64, t Tick) {
	if second < -maxSecond || second > maxSecond {
		return
	}
	if l.Each == 0 {
		l.Each, l.From = each, floor(second, each)
	}
	for l.Each < each || !l.reach(floor(second, l.Each)) {
		l.widen()
	}
	at := &l.Ticks[(floor(second, l.Each)-l.From)/l.Each]
	at.add(t)
}

// reach has the timeline reach from where it begins to the stretch that begins at a
// second, or the other way round. ok is false where it would have too many stretches.
func (l *Timeline) reach(start int64) (ok bool) {
	first, last := min(start, l.From), max(start, l.From+int64(max(len(l.Ticks)-1, 0))*l.Each)
	n := (last-first)/l.Each + 1
	if n > MaxTicks {
		return false
	}
	if ahead := (l.From - first) / l.Each; ahead > 0 {
		l.Ticks = slices.Insert(l.Ticks, 0, make([]Tick, ahead)...)
	}
	l.From = first
	if behind := int(n) - len(l.Ticks); behind > 0 {
		l.Ticks = append(l.Ticks, make([]Tick, behind)...)
	}
	return true
}

// widen joins stretches to those of the next width.
func (l *Timeline) widen() {
	each := wider(l.Each)
	from := floor(l.From, each)
	var joined []Tick
	for i, t := range l.Ticks {
		n := int((l.From + int64(i)*l.Each - from) / each)
		for len(joined) <= n {
			joined = append(joined, Tick{})
		}
		joined[n].add(t)
	}
	l.From, l.Each, l.Ticks = from, each, joined
}

// floor is the last multiple of each that is not behind second.
func floor(second, each int64) int64 {
	n := second / each
	if second%each < 0 {
		n--
	}
	return n * each
}

// Begin is when the first stretch begins.
func (l Timeline) Begin() time.Time { return time.Unix(l.From, 0).UTC() }

// End is when the last stretch ends.
func (l Timeline) End() time.Time {
	return time.Unix(l.From+int64(len(l.Ticks))*l.Each, 0).UTC()
}
