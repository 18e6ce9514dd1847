package demo

import (
	"fmt"
	"slices"
	"strings"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/outcome"
	"kodoferry/shared/digest"
	"kodoferry/shared/ledger"
)

// object is one object of the demo's bucket, and how it must end.
type object struct {
	life.Item
	sum    uint64 // CRC64 of its content
	newer  []byte // what the owner puts in its place during the run
	ours   []byte // what the application puts in the target during the run
	story  string // names the sentence of what is the matter with it; "" for an object like any other
	moral  string // names the one of what its row does not say, if it ends as it must
	listed string // a hash the source lists wrongly
	want   outcome.Ending
}

// sums are the CRC64s that may ever be seen under the object's key in the target.
func (o *object) sums() []uint64 {
	var sums []uint64
	if o.want.State == ledger.Copied {
		sums = append(sums, o.sum)
	}
	for _, body := range [][]byte{o.newer, o.ours} {
		if body != nil {
			sums = append(sums, digest.CRC64(0, body))
		}
	}
	return sums
}

// The objects that something happens to, by their place among the ordinary ones.
const (
	overwritten = iota
	removed
	claimed
	mislabelled
	refused // and the two after it
	cast    = refused + 3
)

// casting gives ordinary objects a part in the demo. What happens to them is in world.go.
func casting(objects []*object) ([]*object, error) {
	var chosen []*object
	for _, o := range objects {
		if o.Ordinary && o.Size >= 1<<10 && o.Size <= 64<<10 {
			chosen = append(chosen, o)
		}
	}
	if len(chosen) < cast {
		return nil, fmt.Errorf("demo: the bucket has %d ordinary objects, want %d: take more objects or another seed", len(chosen), cast)
	}
	chosen = chosen[:cast]

	o := chosen[overwritten]
	o.story = "story.overwritten"
	o.moral = "story.overwritten.moral"
	o.newer = []byte(strings.Repeat("a newer version of the same photo\n", 321))

	o = chosen[removed]
	o.story, o.want = "story.removed", outcome.Ending{State: ledger.Gone, Reason: "deleted at the source"}

	o = chosen[claimed]
	o.story, o.want = "story.claimed", outcome.Ending{State: ledger.Conflict, Reason: "left alone"}
	o.moral = "story.claimed.moral"
	o.ours = []byte(strings.Repeat("what the application wrote after the cut-over\n", 123))

	o = chosen[mislabelled]
	o.story, o.want = "story.mislabelled", outcome.Ending{State: ledger.Failed, Reason: "the listed hash is wrong"}
	o.moral = "story.mislabelled.moral"
	o.listed = falseHash
	return chosen, nil
}

// falseHash is a well-formed qetag of some other content.
const falseHash = "FlR6H3TYx5nLeU_b2gDD2mzmoqQ9"

// stories returns the objects with a story, in the order of the bucket.
func stories(objects []*object) []*object {
	return slices.DeleteFunc(slices.Clone(objects), func(o *object) bool { return o.story == "" })
}
