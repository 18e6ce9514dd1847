package ledger

import (
	"errors"
	"fmt"
)

// Whatever is read of a ledger is bounded before it is believed: a file may be cut
// off, overwritten by another program or made to do harm.
const (
	// maxUnpacked is the most bytes of a segment's lines together.
	maxUnpacked = 512 << 20
	// maxRows is the most rows of a segment: a list of keys has 20,000, a batch half of that.
	maxRows = 100_000
	// maxLine is the most bytes of a line: an object of 10,000 parts whose key and
	// metadata are escaped throughout.
	maxLine = 4 << 20
)

func (c Closed) Check() error {
	if c.Shard == "" {
		return errors.New("it names no shard")
	}
	for _, b := range append(c.Batches[:len(c.Batches):len(c.Batches)], c.Deletes...) {
		if b.ID == "" || b.Rows < 0 || b.Pending < 0 || b.Pending > b.Rows {
			return fmt.Errorf("batch %q has %d rows, of which %d are pending", b.ID, b.Rows, b.Pending)
		}
	}
	for _, child := range c.Children {
		if child.Shard == "" {
			return errors.New("a child has no name")
		}
	}
	return nil
}

// maxLists is the most lists that a shard has rows in.
const maxLists = 8

func (p Proved) Check() error {
	if p.Shard == "" {
		return errors.New("it names no shard")
	}
	if len(p.Apart) > maxLists {
		return fmt.Errorf("it names the files of %d lists", len(p.Apart))
	}
	return nil
}
