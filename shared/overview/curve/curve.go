// Package curve counts what happened over time, in a bounded number of stretches however
// long it takes.
package curve

import (
	"time"

	"kodoferry/shared/ledger/timeline"
)

// Point is what happened in one stretch of time.
type Point struct{ Objects, Bytes, Failed, Throttled int64 }

func (p *Point) add(o Point) {
	p.Objects += o.Objects
	p.Bytes += o.Bytes
	p.Failed += o.Failed
	p.Throttled += o.Throttled
}

// Curve counts by stretches of time of one width, at most MaxPoints of them: it becomes
// wider where there would be more. The zero value has none.
type Curve struct {
	From, Each int64 // Unix seconds; seconds
	Points     []Point
}

// MaxPoints is how many stretches a Curve has at most.
const MaxPoints = 2000

// mostSpan is how long a curve is at most, in seconds: times that are further apart are no
// run's.
const mostSpan = 20 * 365 * 24 * 3600

// Add adds what happened in the stretch of so many seconds that begins at from: to the
// stretches of the curve that it meets, alike.
func (c *Curve) Add(from, each int64, p Point) {
	if p == (Point{}) || each <= 0 {
		return
	}
	if c.Each == 0 {
		c.From, c.Each = from, 1
	}
	last := from + each - 1
	if max(last, c.From+int64(len(c.Points))*c.Each)-min(from, c.From) > mostSpan {
		return
	}
	for !c.reach(from) || !c.reach(last) {
		c.widen()
	}
	first, n := (from-c.From)/c.Each, (last-c.From)/c.Each-(from-c.From)/c.Each+1
	for i := range n {
		part := func(all int64) int64 { return all*(i+1)/n - all*i/n }
		c.Points[first+i].add(Point{part(p.Objects), part(p.Bytes), part(p.Failed), part(p.Throttled)})
	}
}

// reach has the curve reach to a second. ok is false where it would have too many points.
func (c *Curve) reach(second int64) (ok bool) {
	if ahead := (c.From - second + c.Each - 1) / c.Each; second < c.From {
		if int(ahead)+len(c.Points) > MaxPoints {
			return false
		}
		c.Points = append(make([]Point, ahead), c.Points...)
		c.From -= ahead * c.Each
	}
	n := int((second-c.From)/c.Each) + 1
	if n > MaxPoints {
		return false
	}
	for len(c.Points) < n {
		c.Points = append(c.Points, Point{})
	}
	return true
}

// widen joins two points each.
func (c *Curve) widen() {
	each := c.Each * 2
	from := c.From - ((c.From%each)+each)%each
	joined := make([]Point, (len(c.Points)+2)/2)
	for i, p := range c.Points {
		joined[(c.From+int64(i)*c.Each-from)/each].add(p)
	}
	c.From, c.Each, c.Points = from, each, joined
}

// AddTimeline adds a timeline of records.
func (c *Curve) AddTimeline(t timeline.Timeline) {
	for i, k := range t.Ticks {
		c.Add(t.From+int64(i)*t.Each, t.Each, Point{k.Objects, k.Bytes, k.Failed, k.Throttled})
	}
}

// AddCurve adds another.
func (c *Curve) AddCurve(o *Curve) {
	for i, p := range o.Points {
		c.Add(o.From+int64(i)*o.Each, o.Each, p)
	}
}

// End is behind the last stretch in which an object ended; zero where none did.
func (c *Curve) End() time.Time {
	for i := len(c.Points) - 1; i >= 0; i-- {
		if c.Points[i].Objects > 0 {
			return time.Unix(c.From+int64(i+1)*c.Each, 0).UTC()
		}
	}
	return time.Time{}
}

// AddScaled adds another, times scale.
func (c *Curve) AddScaled(o *Curve, scale float64) {
	times := func(n int64) int64 { return int64(float64(n)*scale + 0.5) }
	for i, p := range o.Points {
		c.Add(o.From+int64(i)*o.Each, o.Each, Point{times(p.Objects), times(p.Bytes), times(p.Failed), times(p.Throttled)})
	}
}
