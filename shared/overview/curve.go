package overview

import (
	"time"

	"kodoferry/shared/ledger/timeline"
)

// point is what happened in one stretch of time.
type point struct{ objects, bytes, failed, throttled int64 }

func (p *point) add(o point) {
	p.objects += o.objects
	p.bytes += o.bytes
	p.failed += o.failed
	p.throttled += o.throttled
}

// curve counts by stretches of time of one width, at most MaxPoints of them: it becomes
// wider where there would be more. The zero value has none.
type curve struct {
	from, each int64 // Unix seconds; seconds
	points     []point
}

// mostSpan is how long a curve is at most, in seconds: times that are further apart are no
// run's.
const mostSpan = 20 * 365 * 24 * 3600

// add adds what happened in the stretch of so many seconds that begins at from: to the
// stretches of the curve that it meets, alike.
func (c *curve) add(from, each int64, p point) {
	if p == (point{}) || each <= 0 {
		return
	}
	if c.each == 0 {
		c.from, c.each = from, 1
	}
	last := from + each - 1
	if max(last, c.from+int64(len(c.points))*c.each)-min(from, c.from) > mostSpan {
		return
	}
	for !c.reach(from) || !c.reach(last) {
		c.widen()
	}
	first, n := (from-c.from)/c.each, (last-c.from)/c.each-(from-c.from)/c.each+1
	for i := range n {
		part := func(all int64) int64 { return all*(i+1)/n - all*i/n }
		c.points[first+i].add(point{part(p.objects), part(p.bytes), part(p.failed), part(p.throttled)})
	}
}

// reach has the curve reach to a second. ok is false where it would have too many points.
func (c *curve) reach(second int64) (ok bool) {
	if ahead := (c.from - second + c.each - 1) / c.each; second < c.from {
		if int(ahead)+len(c.points) > MaxPoints {
			return false
		}
		c.points = append(make([]point, ahead), c.points...)
		c.from -= ahead * c.each
	}
	n := int((second-c.from)/c.each) + 1
	if n > MaxPoints {
		return false
	}
	for len(c.points) < n {
		c.points = append(c.points, point{})
	}
	return true
}

// widen joins two points each.
func (c *curve) widen() {
	each := c.each * 2
	from := c.from - ((c.from%each)+each)%each
	joined := make([]point, (len(c.points)+2)/2)
	for i, p := range c.points {
		joined[(c.from+int64(i)*c.each-from)/each].add(p)
	}
	c.from, c.each, c.points = from, each, joined
}

// addTimeline adds a timeline of records.
func (c *curve) addTimeline(t timeline.Timeline) {
	for i, k := range t.Ticks {
		c.add(t.From+int64(i)*t.Each, t.Each, point{k.Objects, k.Bytes, k.Failed, k.Throttled})
	}
}

// addCurve adds another.
func (c *curve) addCurve(o *curve) {
	for i, p := range o.points {
		c.add(o.from+int64(i)*o.each, o.each, p)
	}
}

// end is behind the last stretch in which an object ended; zero where none did.
func (c *curve) end() time.Time {
	for i := len(c.points) - 1; i >= 0; i-- {
		if c.points[i].objects > 0 {
			return time.Unix(c.from+int64(i+1)*c.each, 0).UTC()
		}
	}
	return time.Time{}
}

// addScaled adds another, times scale.
func (c *curve) addScaled(o *curve, scale float64) {
	times := func(n int64) int64 { return int64(float64(n)*scale + 0.5) }
	for i, p := range o.points {
		c.add(o.from+int64(i)*o.each, o.each, point{times(p.objects), times(p.bytes), times(p.failed), times(p.throttled)})
	}
}

// series are the counts of the curve.
func (c *curve) series() Series {
	s := Series{Each: c.each, Objects: []int64{}, Bytes: []int64{}, Failed: []int64{}, Throttled: []int64{}}
	if c.each > 0 {
		s.From = time.Unix(c.from, 0).UTC()
	}
	for _, p := range c.points {
		s.Objects, s.Bytes = append(s.Objects, p.objects), append(s.Bytes, p.bytes)
		s.Failed, s.Throttled = append(s.Failed, p.failed), append(s.Throttled, p.throttled)
	}
	return s
}
