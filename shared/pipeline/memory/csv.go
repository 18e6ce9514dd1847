package memory

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

// csvReader reads the rows of a run's CSV file that may be believed.
type csvReader struct {
	in   store.Range
	pull func() ([]string, error, bool)
	end  func()
	last string // the key of the line before
	some bool   // a line was read
	of   Row
}

// newCSVReader returns a csvReader of a range of a file.
func newCSVReader(data []byte, name string, in store.Range) *csvReader {
	r := &csvReader{in: in}
	r.pull, r.end = iter.Pull2(table.Read(data, name))
	return r
}

// next is reader.next.
func (r *csvReader) next(from string) (key string, ok bool, err error) {
	from = max(from, r.in.Prefix)
	for {
		line, err, more := r.pull()
		if err != nil || !more {
			return "", false, err
		}
		key := line[table.Key]
		if r.some && key <= r.last {
			return "", false, corrupt("its keys are not in order")
		}
		r.some, r.last = true, key
		switch {
		case key < from || key <= r.in.After:
			continue
		case r.in.UpTo != "" && key > r.in.UpTo, !strings.HasPrefix(key, r.in.Prefix):
			return "", false, nil
		}
		proved := believable(ledger.State(line[table.State]), ledger.Verdict(line[table.Verdict]), ledger.Proof(line[table.Proof]))
		if !proved && line[table.Author] != ledger.NotOurs {
			continue
		}
		if r.of, err = ofLine(line); err != nil {
			return "", false, fault.New(fault.Corrupt, "memory.read", "", err)
		}
		if !proved {
			r.of.Proof, r.of.Prover = "", ""
		}
		return key, true, nil
	}
}

// row is reader.row.
func (r *csvReader) row() Row { return r.of }

// close is reader.close.
func (r *csvReader) close() { r.end() }

// ofLine returns the row of a line.
func ofLine(line []string) (Row, error) {
	size, err := strconv.ParseInt(line[table.Size], 10, 64)
	if err != nil {
		return Row{}, err
	}
	row := Row{
		Key: line[table.Key], Src: store.Object{Key: line[table.Key], Size: size, Hash: line[table.SourceHash], MD5: line[table.SourceMD5]},
		Dst:   ledger.Dst{Size: size, ETag: line[table.ETag], CRC64: line[table.CRC64]},
		State: ledger.State(line[table.State]), Proof: ledger.Proof(line[table.Proof]),
		Author: line[table.Author], Prover: line[table.Prover], Attrs: line[table.Attributes],
	}
	if row.Src.Modified, err = ofStamp(line[table.SourceModified]); err == nil {
		row.Dst.Modified, err = ofStamp(line[table.TargetModified])
	}
	return row, err
}

func ofStamp(cell string) (time.Time, error) {
	if cell == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, cell)
	return t.UTC(), err
}
