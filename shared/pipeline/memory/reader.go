package memory

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/klauspost/compress/s2"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// reader reads a file that a Writer has packed. It unpacks a block at a time, and none
// that lies before what is sought.
type reader struct {
	rest  []byte
	in    store.Range
	ends  bool   // nothing is behind the number of rows: the file is not of version 3
	total int64  // rows of the blocks so far
	last  string // the last key of the block at hand
	left  int    // its rows that were not read yet
	block block
}

// newReader returns a reader of the rows of run in a range. The error is Corrupt where
// a Writer cannot have written the data for that run, and Newer where they are of a
// newer format; so it is for next.
func newReader(data []byte, run string, in store.Range) (*reader, error) {
	n := len(magic) - 1
	if len(data) <= n || string(data[:n]) != magic[:n] {
		return nil, corrupt("it does not begin as a file of rows does")
	}
	version := data[n]
	if version > magic[n] {
		return nil, fault.New(fault.Newer, "memory.read", "", fmt.Errorf("it is of format %d, and this version reads %d", version, magic[n]))
	} else if version < 1 {
		return nil, corrupt("it is of format %d, and this version reads %d", version, magic[n])
	}
	s := stream{data: data[n+1:]}
	of := s.text()
	if s.bad {
		return nil, corrupt("it is cut off")
	}
	if string(of) != run {
		return nil, corrupt("it is of the run %.80q", of)
	}
	return &reader{rest: s.data, in: in, ends: version < 3, block: block{marked: version > 1}}, nil
}

func corrupt(format string, args ...any) error {
	return fault.New(fault.Corrupt, "memory.read", "", fmt.Errorf(format, args...))
}

// next goes on to the first row behind the one at hand whose key is at least from. ok is
// false at the end of the range.
func (r *reader) next(from string) (key string, ok bool, err error) {
	from = max(from, r.in.Prefix)
	for {
		for r.left == 0 || r.last < from || r.last <= r.in.After {
			if more, err := r.nextBlock(); err != nil || !more {
				return "", false, err
			}
		}
		if err := r.unpack(); err != nil {
			return "", false, err
		}
		if err := r.block.next(); err != nil {
			return "", false, err
		}
		if r.left--; r.left == 0 && (string(r.block.key) != r.last || len(r.block.data) > 0) {
			return "", false, corrupt("the rows of a block are not those that it is said to have")
		}
		switch key := r.block.key; {
		case string(key) < from || string(key) <= r.in.After:
			continue
		case r.in.UpTo != "" && string(key) > r.in.UpTo, !bytes.HasPrefix(key, []byte(r.in.Prefix)):
			return "", false, nil // prefixes are where keys of a prefix end
		}
		return string(r.block.key), true, nil
	}
}

// row returns the row whose key next has returned.
func (r *reader) row() Row { return r.block.row() }

// close lets go of the file.
func (r *reader) close() { *r = reader{} }

// nextBlock goes on to the next block. At the end of the file there is none.
func (r *reader) nextBlock() (more bool, err error) {
	s := stream{data: r.rest}
	count := s.number(maxBlock)
	if count == 0 && !s.bad {
		if n := s.number(1 << 40); s.bad || int64(n) != r.total || r.ends && len(s.data) > 0 || !r.ends && !isIndex(s.data) {
			return false, corrupt("its end does not fit its rows")
		}
		return false, nil
	}
	last := s.text()
	packed := s.bytes(s.number(s2.MaxEncodedLen(maxBlock)))
	switch {
	case s.bad:
		return false, corrupt("it is cut off")
	case r.total > 0 && string(last) <= r.last:
		return false, corrupt("its blocks are not in the order of keys")
	}
	r.block.begin(packed, r.last, r.total == 0)
	r.rest, r.last, r.left = s.data, strings.Clone(string(last)), count
	r.total += int64(count)
	return true, nil
}

// unpack unpacks the block at hand, once.
func (r *reader) unpack() error {
	b := &r.block
	if b.packed == nil {
		return nil
	}
	n, err := s2.DecodedLen(b.packed)
	if err != nil || n > maxBlock {
		return corrupt("a block does not unpack, or to over %d bytes", maxBlock)
	}
	if b.memory, err = s2.Decode(b.memory[:cap(b.memory)], b.packed); err != nil {
		return corrupt("a block does not unpack")
	}
	b.data, b.packed = b.memory, nil
	return nil
}
