package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"kodoferry/shared/fault"
)

// Whatever is read of a ledger is bounded before it is believed: a file may be cut
// off, overwritten by somebody else or made to do harm.
const (
	// maxFile is the most bytes of a file. The largest are the CSV of a shard, of up
	// to 200,000 objects, and the manifest, of a line for each of them.
	maxFile = 256 << 20
	// maxUnpacked is the most bytes of a segment's lines together.
	maxUnpacked = 512 << 20
	// maxRows is the most rows of a segment: a list of keys has 20,000, a batch half of that.
	maxRows = 100_000
	// maxLine is the most bytes of a line: an object of 10,000 parts whose key and
	// metadata are escaped throughout.
	maxLine = 4 << 20
)

// unreadable is the error of a file that is not what Ferry writes. It is Corrupt,
// names the file, and says what to do.
func unreadable(name string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it is cut off")
	} else if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		err = fmt.Errorf("it is cut off or no JSON, at byte %d", s.Offset)
	}
	return fault.New(fault.Corrupt, "ledger.decode", name, fmt.Errorf("the ledger's file %s cannot be read: %w; put it back from a backup, or begin a new run, which finds what is there", name, err))
}

// checked is a record that knows what its values may be.
type checked interface {
	// check says what cannot be; nil where all can.
	check() error
}

func (c Closed) check() error {
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

func (p Proved) check() error {
	if p.Shard == "" {
		return errors.New("it names no shard")
	}
	return nil
}

// maxParts is the most parts of an upload (OSS, UploadPart).
const maxParts = 10_000

func (u Upload) check() error {
	size := u.Row.Src.Size
	switch {
	case u.Batch == "" || u.ID == "":
		return errors.New("it names no batch, or no upload")
	case size < 0 || u.PartSize < 1 || u.PerTask < 1 || (size-1)/u.PartSize >= maxParts:
		return fmt.Errorf("%d bytes in parts of %d bytes, %d a task", size, u.PartSize, u.PerTask)
	}
	return nil
}

func (p Parts) check() error {
	if p.From < 1 || p.To < p.From || p.To > maxParts {
		return fmt.Errorf("it is about the parts %d to %d", p.From, p.To)
	}
	for _, d := range p.Done {
		if d.Number < p.From || d.Number > p.To || d.Size < 0 {
			return fmt.Errorf("part %d of %d bytes is not one of %d to %d", d.Number, d.Size, p.From, p.To)
		}
	}
	for _, n := range p.Next {
		if n.From < p.From || n.To < n.From || n.To > p.To {
			return fmt.Errorf("what is left, %d to %d, is not among %d to %d", n.From, n.To, p.From, p.To)
		}
	}
	return nil
}
