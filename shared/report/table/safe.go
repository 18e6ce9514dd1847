package table

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// formulas are what a cell begins with that a spreadsheet takes for a formula, in
// half and in full width, and what it passes over in front of one.
const formulas = "=+-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20"

// Safe writes a packed file as CSV that a spreadsheet may open: UTF-8 that begins
// with a byte order mark, and an apostrophe in front of each cell that would be
// taken for a formula, so of a key =1+1 too. The proof is the packed file, not this
// one. The error is Corrupt where the file is damaged.
func Safe(w io.Writer, packed []byte, file string) error {
	out := newSafeWriter(w)
	for line, err := range Read(packed, file) {
		if err != nil {
			return err
		}
		out.add(line)
	}
	return out.finish(file)
}

// safeWriter writes lines as Safe does. An error stays in it until finish.
type safeWriter struct {
	csv  *csv.Writer
	safe [len(columns)]string
}

func newSafeWriter(w io.Writer) *safeWriter {
	out := &safeWriter{csv: csv.NewWriter(w)}
	copy(out.safe[:], columns[:])
	out.safe[0] = "\ufeff" + columns[0]
	_ = out.csv.Write(out.safe[:])
	return out
}

func (w *safeWriter) add(line []string) {
	for i, cell := range line {
		if first := strings.IndexAny(cell, formulas); first == 0 {
			cell = "'" + cell
		}
		w.safe[i] = cell
	}
	_ = w.csv.Write(w.safe[:])
}

func (w *safeWriter) finish(file string) error {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// maxListBytes is how large a list may become, in bytes: of 50,000 rows each may take 300.
const maxListBytes = 16 << 20

// SafeList gathers packed rows of many shards into one file that a spreadsheet may open,
// as Safe makes it, up to MaxListed rows and 16 MiB.
type SafeList struct {
	Rows int64 // how many it has
	out  bytes.Buffer
	in   *safeWriter
}

// NewSafeList returns a SafeList without rows.
func NewSafeList() *SafeList {
	l := &SafeList{}
	l.in = newSafeWriter(&l.out)
	return l
}

// Full reports whether no row is taken any more.
func (l *SafeList) Full() bool { return l.Rows >= MaxListed || l.out.Len() >= maxListBytes }

// Add adds the rows of a packed file, as long as the list is not full. The error is
// Corrupt where the file is damaged; the rows ahead of the damage are added.
func (l *SafeList) Add(packed []byte, file string) error {
	for line, err := range Read(packed, file) {
		if err != nil {
			return err
		}
		if l.Full() {
			return nil
		}
		l.in.add(line)
		l.Rows++
	}
	return nil
}

// Finish returns the file.
func (l *SafeList) Finish() ([]byte, error) {
	if err := l.in.finish("list"); err != nil {
		return nil, err
	}
	return l.out.Bytes(), nil
}
