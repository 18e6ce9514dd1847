package show

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/fault"
)

// Caught prints the faults that Ferry caught: the first of each kind in full; the
// others are counted.
type Caught struct {
	tell *Teller
	mu   sync.Mutex
	met  map[Kind]int
}

// NewCaught returns a Caught that prints by tell.
func NewCaught(tell *Teller) *Caught { return &Caught{tell: tell, met: map[Kind]int{}} }

// Kind is a kind of fault that concerns one object: a sentence with %s for its key.
type Kind string

// The kinds there are; KindOf returns all but WrongHash.
const (
	FlippedByte Kind = "flipped byte caught in %s, never visible"
	WrongHash   Kind = "wrong hash caught in the listing of %s"
	broken      Kind = "broken connection caught while %s was read"
	refused     Kind = "refused download (403) caught, of %s"
	source5xx   Kind = "error of the source (5xx) caught, instead of %s"
	failedPUT   Kind = "failed or unanswered PUT caught, of %s"
	taken       Kind = "another object caught where %s was to go"
)

// cures says what Ferry does about each kind.
var cures = map[Kind]string{
	FlippedByte: "the hash does not agree, so the last byte is held back and OSS keeps nothing; it is read again",
	WrongHash:   "read twice with the same result: it is not damage, and a person must decide",
	broken:      "the PUT is broken off with it, so nothing becomes visible; it is read again",
	refused:     "it is asked for again; three in a row, and the bucket itself is asked whether it refuses everything",
	source5xx:   "it is asked for again, a little later",
	failedPUT:   "whether it was stored is looked up before anything is sent again",
	taken:       "the PUT was conditional and replaced nothing; who wrote the other is looked up",
}

// Add counts a fault of that kind of the object key, and prints the first of its kind.
func (c *Caught) Add(kind Kind, key string) {
	c.mu.Lock()
	c.met[kind]++
	first := c.met[kind] == 1
	c.mu.Unlock()
	if first {
		c.tell.Line("✓ "+Translated(fmt.Sprintf(string(kind), strconv.Quote(key))), Translated(cures[kind]))
	}
}

// KindOf returns the kind of an error that the pipeline dealt with; "" for one that is no
// fault of a side or of the way.
func KindOf(err error) Kind {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return ""
	}
	source := strings.HasPrefix(e.Op, "kodo.")
	switch {
	case e.Kind == fault.Corrupt:
		return FlippedByte
	case e.Kind == fault.Denied && source:
		return refused
	case e.Kind == fault.Changed && !source:
		return taken
	case e.Kind != fault.Temporary && e.Kind != fault.Unknown:
		return ""
	case source:
		return source5xx
	case strings.HasPrefix(e.Op, "oss."):
		return failedPUT
	}
	return broken
}

// Repeated says how many faults were added and not printed.
func (c *Caught) Repeated() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int64(0)
	for _, met := range c.met {
		n += int64(met) - 1
	}
	return Translated(fmt.Sprintf("and %s of these kinds, caught and dealt with", words.Count(n, "more fault", "more faults")))
}
