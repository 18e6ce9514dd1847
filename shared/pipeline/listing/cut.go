package listing

import (
	"context"

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
