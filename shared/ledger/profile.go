package ledger

import (
	"math/bits"
	"slices"

	"kodoferry/shared/ledger/timeline"
	"kodoferry/shared/store"
)

// Profile is what the plots of a report are drawn from. Whatever it counts, its size is
// bounded: 64 sizes, one class more than store has names for, and timeline.MaxTicks stretches of
// time, some 8 KiB in a record. A profile of shards is the sum of theirs.
type Profile struct {
	Sizes   []Tally             `json:"sizes,omitempty"`   // of all objects, by how many binary digits the size has: 0, 1, 2 to 3, 4 to 7 bytes, …
	Classes map[ClassName]Tally `json:"classes,omitempty"` // of all objects, by storage class at the source
	Times   timeline.Timeline   `json:"times,omitzero"`    // of what was written and of what failed
}

// ClassName is a store.Class, OtherClass for one that store does not name, and
// "unknown" where the source tells none.
type ClassName string

// What stands in place of the storage class of an object.
const (
	OtherClass   ClassName = "other"
	UnknownClass ClassName = "unknown"
)

// Classes are the names that a profile counts by, the hottest first.
var Classes = [...]ClassName{
	ClassName(store.Standard), ClassName(store.Tiered), ClassName(store.Infrequent), ClassName(store.ArchiveIR), ClassName(store.Archive),
	ClassName(store.DeepArchive), ClassName(store.ColdDeep), OtherClass, UnknownClass,
}

func classOf(c store.Class) ClassName {
	switch name := ClassName(c); {
	case name == "":
		return UnknownClass
	case slices.Contains(Classes[:], name):
		return name
	}
	return OtherClass
}

// Count adds the row of an object. One that was deleted from the target was not listed,
// and is left out.
func (p *Profile) Count(r Row) {
	if r.State == Deleted {
		return
	}
	one := Tally{1, r.Src.Size}
	digits := bits.Len64(uint64(max(r.Src.Size, 0)))
	p.size(digits).add(one)
	bump(&p.Classes, classOf(r.Src.Class), one)
	var t timeline.Tick
	if r.State.Wrote() {
		t.Objects, t.Bytes = 1, r.Src.Size
	}
	if r.NeedsPerson() {
		t.Failed = 1
	}
	t.Throttled = int64(r.Waits)
	if t != (timeline.Tick{}) && !r.At.IsZero() {
		p.Times.Count(r.At, t)
	}
}

// size is what is counted of objects whose sizes have so many binary digits.
func (p *Profile) size(digits int) *Tally {
	for len(p.Sizes) <= digits {
		p.Sizes = append(p.Sizes, Tally{})
	}
	return &p.Sizes[digits]
}

// Add adds another profile; nil adds nothing. It keeps the bounds also where o, a
// record that was damaged, does not.
func (p *Profile) Add(o *Profile) {
	if o == nil {
		return
	}
	for digits, t := range o.Sizes[:min(len(o.Sizes), 64)] {
		p.size(digits).add(t)
	}
	for class, t := range o.Classes {
		bump(&p.Classes, classOf(store.Class(class)), t)
	}
	p.Times.Add(o.Times)
}
