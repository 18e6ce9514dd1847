package memory

import (
	"context"
	"encoding/binary"
	"hash/crc32"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// The index at the end of a file tells where its blocks are, so that who wants one row
// reads the index and a block: for each its last key, where it begins, how many bytes it has
// and their CRC32; before them the run, behind them the CRC32 of all that.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendEntry appends the entry of a block, which begins at a byte of the file.
func appendEntry(b []byte, last string, at int64, block []byte) []byte {
	b = appendText(b, last)
	b = binary.AppendUvarint(b, uint64(at))
	b = binary.AppendUvarint(b, uint64(len(block)))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(block, castagnoli))
}

// entry is where a block is.
type entry struct {
	at, size int64
	sum      uint32
}

// seekIndex returns the entry, of an index of a file of run, of the block that key lies in. ok
// is false where no block is so far behind. The error is Corrupt.
func seekIndex(data []byte, run, key string) (e entry, ok bool, err error) {
	if !isIndex(data) {
		return e, false, corrupt("its index is damaged")
	}
	s := stream{data: data[:len(data)-4]}
	if of := s.text(); string(of) != run {
		return e, false, corrupt("its index is of the run %.80q", of)
	}
	for len(s.data) > 0 {
		last := s.text()
		e = entry{at: int64(s.number(1 << 40)), size: int64(s.number(maxFile))}
		sum := s.bytes(4)
		if s.bad {
			return e, false, corrupt("its index is cut off")
		}
		if string(last) >= key {
			e.sum = binary.LittleEndian.Uint32(sum)
			return e, true, nil
		}
	}
	return e, false, nil
}

// maxFile bounds what an index says of a block, in bytes.
const maxFile = 2 * maxBlock

// isIndex reports whether data are an index that is whole.
func isIndex(data []byte) bool {
	n := len(data) - 4
	return n >= 0 && crc32.Checksum(data[:n], castagnoli) == binary.LittleEndian.Uint32(data[n:])
}

// find returns the row of key in a file, nil where there is none, by two ranges of the file
// where that has an index. What cannot be believed goes to warn, and the whole file is read.
func (y layer) find(ctx context.Context, f ledger.File, key string, warn func(name string, err error)) (*Row, error) {
	if f.Packed.Index > 0 {
		row, err := y.findRanged(ctx, f.Packed, key)
		if err == nil || !lost(err) {
			return row, err
		}
		warn(y.run.Path(f.Packed.Name), err)
	}
	s, ok, err := y.open(ctx, f, store.Range{Prefix: key}, key, warn)
	if err != nil || !ok {
		return nil, err
	}
	defer s.close()
	if s.key != key {
		return nil, nil
	}
	row := s.row()
	return &row, nil
}

func (y layer) findRanged(ctx context.Context, p *ledger.Packed, key string) (*Row, error) {
	index, err := y.run.Folder().ReadRange(ctx, p.Name, p.Index, -1)
	if err != nil {
		return nil, err
	}
	e, ok, err := seekIndex(index, y.run.Name, key)
	if err != nil || !ok {
		return nil, err
	}
	data, err := y.run.Folder().ReadRange(ctx, p.Name, e.at, e.size)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != e.size || crc32.Checksum(data, castagnoli) != e.sum {
		return nil, corrupt("a block is not the one of its index")
	}
	r := &reader{rest: data, in: store.Range{Prefix: key}, block: block{marked: true}}
	found, ok, err := r.next(key)
	if err != nil || !ok || found != key {
		return nil, err
	}
	row := r.row()
	return &row, nil
}
