package pipeline

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// formulas are what a cell begins with that a spreadsheet takes for a formula, in
// half and in full width, and what it passes over in front of one.
const formulas = "=+-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20"

// SafeTable writes one of a run's files of rows, packed, as CSV that may be opened
// in a spreadsheet: UTF-8 that says so by a byte order mark, and an apostrophe in
// front of each cell that would be taken for a formula, so of a key =1+1 too. It is
// for people; what counts is the file itself. One that is damaged is Corrupt.
func SafeTable(w io.Writer, packed []byte, file string) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	_ = out.Write(columns[:]) // an error stays in the writer
	var safe [len(columns)]string
	for line, err := range readTable(packed, file) {
		if err != nil {
			return err
		}
		for i, cell := range line {
			if first := strings.IndexAny(cell, formulas); first == 0 {
				cell = "'" + cell
			}
			safe[i] = cell
		}
		_ = out.Write(safe[:])
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
