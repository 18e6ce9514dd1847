package listing

import (
	"context"
	"slices"

	"kodoferry/shared/store"
)

// End is where a walk over a range ended before all of it was covered.
type End struct {
	Range  store.Range // that the walk was to cover
	Before string      // the landmarks that it began with
	Last   string      // the last key that it covered
	Dense  Density     // of its keys
	Firsts []string    // some of its keys, in order
	Lasts  []string    // others
	Full   int64       // keys that fill a shard
	Chain  bool        // the source cannot be listed from a key that does not exist
}

// First says how the first shard of a whole run is walked, so that copies begin, and listing
// fans out, at once: most is how many keys it covers, a page, full how many its children seem
// to have at least, as many as are listed in less than a second, and fan how many children
// there are at most. A full shard has shardKeys keys and leaves the rest to fanout children;
// one lists in one chain.
func First(shardKeys int64, fanout int) (most, full int64, fan int) {
	if fan = min(6*fanout, 64); fanout == 1 {
		fan = 1
	}
	return min(shardKeys, store.KeysPerPage), min(shardKeys, FewKeys), fan
}

// FewKeys is how many keys take about as long to list as it takes to have them listed by
// another.
const FewKeys = 5 * store.KeysPerPage

// Stretch is one of those that the rest of a walk is cut into. Before are landmarks
// of the source to list it from; "" where it is no chain.
type Stretch struct {
	Range  store.Range
	Before string
}

// Landmarks are keys of the source before Last, of a chain; "" elsewhere.
func (e *End) Landmarks() string {
	if !e.Chain {
		return ""
	}
	return Landmarks(e.Before, e.Last, append(append(e.Dense.Marks(), e.Range.After), e.Firsts...)...)
}

// Cut cuts what a walk left of its range into 1 to most stretches, as Split does.
func Cut(ctx context.Context, src store.Source, e End, most int) []Stretch {
	rest := Rest{
		Range: store.Range{Prefix: e.Range.Prefix, After: e.Last, UpTo: e.Range.UpTo}, Full: e.Full, Chain: e.Chain,
		Known: append(append([]string{}, e.Firsts...), e.Lasts...),
	}
	rest.From, rest.Keys = e.Dense.Sample()
	before := e.Landmarks()
	var out []Stretch
	for _, r := range Split(ctx, src, rest, most) {
		out = append(out, Stretch{Range: r, Before: before})
		if e.Chain { // the borders before the next, too
			before = AddLandmark(before, r.After)
		}
	}
	return out
}

// Cutting is a Cut of what is behind a place, while a walk goes on from there. It is not
// safe for concurrent use.
type Cutting struct {
	cut    chan []Stretch // gets what the Cut came to, once
	found  []Stretch      // that, once it was taken; nil where nothing was cut
	ended  bool           // found is set
	cancel context.CancelFunc
}

// BeginCut begins to cut what is behind the end of a walk so far, as Cut does, until ctx
// ends or Stop is called.
func BeginCut(ctx context.Context, src store.Source, e End, most int) *Cutting {
	return begin(ctx, func(ctx context.Context) []Stretch { return Cut(ctx, src, e, most) })
}

func begin(ctx context.Context, cut func(context.Context) []Stretch) *Cutting {
	ctx, cancel := context.WithCancel(ctx)
	c := &Cutting{cut: make(chan []Stretch, 1), cancel: cancel}
	go func() { c.cut <- cut(ctx) }()
	return c
}

// Stop ends the cut and waits until it has ended. It may be called more than once.
func (c *Cutting) Stop() {
	c.cancel()
	c.wait()
}

// Done reports whether the cut has come to its end.
func (c *Cutting) Done() bool {
	if !c.ended {
		select {
		case c.found = <-c.cut:
			c.ended = true
		default:
		}
	}
	return c.ended
}

func (c *Cutting) wait() {
	if !c.ended {
		c.found, c.ended = <-c.cut, true
	}
}

// Behind waits for the end of the cut and returns what of it is behind the end of the walk,
// which has gone on: the first stretch begins there. It is nil where nothing was cut.
func (c *Cutting) Behind(e End) []Stretch {
	if c.wait(); c.found == nil {
		return nil
	}
	first := Stretch{Range: store.Range{Prefix: e.Range.Prefix, After: e.Last, UpTo: e.Range.UpTo}, Before: e.Landmarks()}
	at := slices.IndexFunc(c.found, func(s Stretch) bool { return s.Range.After > e.Last })
	if at < 0 {
		return []Stretch{first}
	}
	first.Range.UpTo = c.found[at].Range.After
	return append([]Stretch{first}, c.found[at:]...)
}
