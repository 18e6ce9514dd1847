// Package life makes up a bucket that looks like one in real life: many small
// objects and a long tail of big ones, names in every script and of every
// awkwardness, metadata of all kinds, and a few objects in a state that needs
// a story. It is the same bucket each time for the same numbers. Start with
// Bucket; the objects with a story are in special.go.
package life

import (
	"fmt"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// Item is one object, in the words of Kodo.
type Item struct {
	Key      string
	Size     int64             // bytes
	Parts    []int64           // bytes of each part of a multipart upload, where the hash is of version 2; nil where it is of version 1
	Type     string            // MIME type
	Meta     map[string]string // x-qn-meta, names without that prefix; one that begins with ! is a standard header
	Class    int               // Kodo's storage type, 0 to 5
	Modified time.Time         // when it was put
	Disabled bool              // its status forbids reading it
	Frozen   bool              // archived and not thawed
	NoHash   bool              // the listing tells no hash
	MD5      bool              // the listing tells an md5
	Ordinary bool              // nothing is the matter with it

	content io.ReaderAt
}

// Content reads the object. It derives each byte from its offset, so it costs
// no memory and may be asked for any stretch, any number of times.
func (it Item) Content() *io.SectionReader { return io.NewSectionReader(it.content, 0, it.Size) }

// What the sizes are made of.
const (
	kib, mib = int64(1) << 10, int64(1) << 20

	tail      = 360  // about how many objects of 64 KiB to 4 MiB there are at most, so that big buckets stay light
	tailShare = 0.18 // of the objects, where they are few
	manyItems = 100  // from so many objects on, the bucket has its big ones
)

// Bucket yields a bucket of so many objects, in no order, each key once. 2,000
// objects have about 500 MiB. From manyItems (100) objects on exactly one has
// 64 MiB. The objects with a story come early, and then names that are one in
// turn with ordinary objects, so that even a small bucket has some of each.
func Bucket(objects int, seed uint64) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		left := objects
		give := func(it Item) bool {
			left--
			return left >= 0 && yield(it)
		}
		if !give(ordinary(0, objects, seed)) {
			return
		}
		for i, it := range specials(seed) {
			if !give(finish(it, seed, -1-i)) {
				return
			}
		}
		if objects >= manyItems {
			for i, it := range giants(seed) {
				if !give(finish(it, seed, -1000-i)) {
					return
				}
			}
		}
		odd := oddities()
		for i := 1; left > 0; i++ {
			if i <= len(odd) && !give(finish(odd[i-1], seed, -100-i)) {
				return
			}
			if !give(ordinary(i, objects, seed)) {
				return
			}
		}
	}
}

// dice returns the random numbers of item i alone, so that no item depends on another.
func dice(seed uint64, i int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(int64(i)))) }

// finish gives an item what it does not say of itself: content, time and type.
func finish(it Item, seed uint64, i int) Item {
	r := dice(^seed, i)
	if it.content == nil {
		it.content = noise(r.Uint64())
	}
	if it.Modified.IsZero() {
		it.Modified = epoch.Add(time.Duration(r.Int64N(int64(5*365*24*time.Hour))) / 100 * 100)
	}
	if it.Type == "" {
		it.Type = typeOf(it.Key)
	}
	return it
}

// epoch is when the bucket was made. Kodo tells times to 100 ns.
var epoch = time.Date(2018, 3, 1, 8, 0, 0, 0, time.UTC)

// ordinary returns the i-th object without a story.
func ordinary(i, objects int, seed uint64) Item {
	r := dice(seed, i)
	it := Item{Key: name(r, i), Size: size(r, objects), Ordinary: true}
	if it.Size > 2*mib && r.IntN(2) == 0 {
		it.Parts = split(it.Size, []int64{mib, 3 * mib / 2, 2 * mib}[r.IntN(3)])
	}
	it.MD5 = it.Parts == nil && r.IntN(2) == 0
	switch r.IntN(20) {
	case 0:
		it.Class = 1
	case 1:
		it.Class = []int{4, 5}[r.IntN(2)]
	}
	it.Meta = meta(r, i)
	return finish(it, seed, i)
}

// size draws a size: most from 1 to 64 KiB, a few smaller, a long tail bigger.
func size(r *rand.Rand, objects int) int64 {
	switch p := r.Float64(); {
	case p < 0.01:
		return 0
	case p < 0.03:
		return 1 + r.Int64N(kib)
	case p < 0.03+min(tailShare, float64(tail)/float64(objects)):
		return between(r, 64*kib, 4*mib)
	}
	return between(r, kib, 64*kib)
}

// between draws a number whose logarithm is even: as many from 1 to 2 as from 32 to 64.
func between(r *rand.Rand, low, high int64) int64 {
	return int64(float64(low) * math.Pow(float64(high)/float64(low), r.Float64()))
}

// split cuts size into parts, all but the last of them of part bytes.
func split(size, part int64) []int64 {
	var parts []int64
	for ; size > 0; size -= part {
		parts = append(parts, min(size, part))
	}
	return parts
}

// meta returns what users and uploaders wrote beside an object; most wrote nothing.
func meta(r *rand.Rand, i int) map[string]string {
	switch r.IntN(10) {
	case 0:
		return map[string]string{"!Cache-Control": "public, max-age=31536000"}
	case 1:
		return map[string]string{"!Content-Disposition": fmt.Sprintf(`attachment; filename="report-%d.pdf"`, i), "owner": fmt.Sprintf("user-%d", r.IntN(500))}
	case 2:
		return map[string]string{"photographer": "王小明", "camera": "X-T4", "title": "Été à la mer"}
	case 3:
		return map[string]string{"!Content-Language": "zh-CN", "!Expires": "Thu, 01 Dec 2033 16:00:00 GMT"}
	}
	return nil
}
