package main

import (
	"fmt"
	"slices"
	"strings"

	"kodoferry/scripts/ferry/life"
	"kodoferry/shared/digest"
	"kodoferry/shared/ledger"
)

// demoObject is one object of the demo's bucket, and how it must end.
type demoObject struct {
	life.Item
	sum    uint64 // CRC64 of its content
	newer  []byte // what the owner puts in its place during the run
	ours   []byte // what the application puts in the target during the run
	story  string // what is the matter with it; "" for an object like any other
	moral  string // what its row does not say, if it ends as it must
	listed string // a hash the source lists wrongly
	want   ending
}

// ending is how an object must end.
type ending struct {
	state  ledger.State
	proof  ledger.Proof // of a copied one
	reason string       // what the row's reason must say
}

// holds reports whether the row ended so.
func (e ending) holds(r demoRow) bool {
	if r.state != e.state || r.proof != e.proof || !strings.Contains(r.reason, e.reason) {
		return false
	}
	return e.state != ledger.Copied || r.verdict == ledger.Verified
}

func (e ending) String() string {
	if e.proof != "" {
		return fmt.Sprintf("%s, verified, proved by %s", e.state, e.proof)
	}
	return string(e.state)
}

// sums are the CRC64s that may ever be seen under the object's key in the target.
func (o *demoObject) sums() []uint64 {
	var sums []uint64
	if o.want.state == ledger.Copied {
		sums = append(sums, o.sum)
	}
	for _, body := range [][]byte{o.newer, o.ours} {
		if body != nil {
			sums = append(sums, digest.CRC64(0, body))
		}
	}
	return sums
}

// expect says how an object ends that nobody touches.
func expect(it life.Item) (want ending, story string) {
	switch {
	case it.Frozen:
		return ending{state: ledger.Skipped, reason: "restore it"}, "archived, not thawed"
	case it.Disabled:
		return ending{state: ledger.Skipped, reason: "enable it"}, "disabled by its owner"
	case it.Key[0] == '/' || it.Key[0] == '\\':
		return ending{state: ledger.Failed, reason: "give the target a prefix"}, `begins with "/", which no OSS key can`
	case it.NoHash && it.MD5:
		return ending{state: ledger.Copied, proof: ledger.ByMD5}, "listed without a hash, with an MD5"
	case it.NoHash:
		return ending{state: ledger.Copied, proof: ledger.ByCRC}, "listed without any hash"
	}
	return ending{state: ledger.Copied, proof: ledger.ByQetag}, ""
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

// casting gives ordinary objects a part in the demo. Their stories begin in demo_world.go.
func casting(objects []*demoObject) ([]*demoObject, error) {
	var chosen []*demoObject
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
	o.story = "overwritten after it was copied"
	o.moral = "verification saw the newer version, sealed it again and had it copied"
	o.newer = []byte(strings.Repeat("a newer version of the same photo\n", 321))

	o = chosen[removed]
	o.story, o.want = "deleted before it was read", ending{state: ledger.Gone, reason: "deleted at the source"}

	o = chosen[claimed]
	o.story, o.want = "written by the application meanwhile", ending{state: ledger.Conflict, reason: "left alone"}
	o.moral = "the application's bytes are intact"
	o.ours = []byte(strings.Repeat("what the application wrote after the cut-over\n", 123))

	o = chosen[mislabelled]
	o.story, o.want = "listed with a wrong hash", ending{state: ledger.Failed, reason: "the listed hash is wrong"}
	o.moral = "told apart from damage: damage differs from read to read"
	o.listed = falseHash
	return chosen, nil
}

// falseHash is a well-formed qetag of some other content.
const falseHash = "FlR6H3TYx5nLeU_b2gDD2mzmoqQ9"

// stories are the objects with a story that the demo tells, in the order they were met.
func stories(objects []*demoObject) []*demoObject {
	return slices.DeleteFunc(slices.Clone(objects), func(o *demoObject) bool { return o.story == "" })
}
