package table

import (
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
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	_ = out.Write(columns[:]) // an error stays in the writer
	var safe [len(columns)]string
	for line, err := range Read(packed, file) {
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
