package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/klauspost/compress/gzip"

	"kodoferry/shared/fault"
)

const (
	// maxCell bounds a cell of a table, in bytes: keys have at most 1,023, and what
	// a service answers stands in reasons cut short.
	maxCell = 1 << 20
	// maxTable bounds a table unpacked, in bytes: a shard of 200,000 objects whose
	// cells are as long as they come.
	maxTable = 8 << 30
)

// Read yields the lines of a file that a Writer has packed, without the heading,
// each by its columns; a line is valid until the next is yielded. Every byte of a
// cell comes as it was written: encoding/csv would give "\r\n" in a key as "\n",
// which is another key. A file of the version before lacks the last columns: its
// lines come with these empty. The error is Corrupt, and names the file, where a
// Writer cannot have written it.
func Read(packed []byte, file string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		bad := func(err error) {
			yield(nil, fault.New(fault.Corrupt, "table.Read", file, fmt.Errorf("%s: %w; take the file from a backup, or run the job again", file, err)))
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			bad(err)
			return
		}
		width := len(columns)
		in := &reader{in: bufio.NewReader(&io.LimitedReader{R: z, N: maxTable})}
		for n := 1; ; n++ {
			line, err := in.line()
			switch {
			case err == io.EOF && n > 1:
				return
			case err == io.EOF:
				bad(errors.New("it has no heading"))
				return
			case err != nil:
				bad(fmt.Errorf("line %d: %w", n, err))
				return
			case n == 1 && !slices.Equal(line, columns[:]) && !slices.Equal(line, columns[:before]):
				bad(fmt.Errorf("its columns are %q, want %q", line, columns))
				return
			case n == 1:
				width = len(line)
				continue
			case len(line) != width:
				bad(fmt.Errorf("line %d has %d columns, want %d", n, len(line), width))
				return
			}
			for len(line) < len(columns) {
				line = append(line, "")
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

// reader reads CSV by RFC 4180 whose lines end in LF, as those of a Writer do.
type reader struct {
	in    *bufio.Reader
	cells []string
}

// line returns the next line; io.EOF where there is none.
func (r *reader) line() ([]string, error) {
	r.cells = r.cells[:0]
	if _, err := r.in.Peek(1); err != nil {
		return nil, err
	}
	for {
		cell, end, err := r.cell()
		if err != nil {
			return nil, err
		}
		if r.cells = append(r.cells, cell); end {
			return r.cells, nil
		}
		if len(r.cells) > len(columns) {
			return nil, fmt.Errorf("it has over %d columns", len(columns))
		}
	}
}

// cell reads one cell and the comma or line end behind it; end tells which.
func (r *reader) cell() (cell string, end bool, err error) {
	var text []byte
	quoted, closed := false, false
	for {
		b, err := r.in.ReadByte()
		switch {
		case err == io.EOF:
			return "", false, errors.New("it is cut off")
		case err != nil:
			return "", false, err
		case quoted && !closed && b == '"':
			if next, err := r.in.Peek(1); err == nil && next[0] == '"' {
				_, _ = r.in.Discard(1) // it is there
				text = append(text, '"')
			} else {
				closed = true
			}
			continue
		case quoted && !closed:
		case b == ',' || b == '\n':
			return string(text), b == '\n', nil
		case closed:
			return "", false, fmt.Errorf("%q follows the quotes of a cell", b)
		case b == '"' && len(text) == 0:
			quoted = true
			continue
		case b == '"':
			return "", false, errors.New("a cell without quotes around it holds one")
		}
		if text = append(text, b); len(text) > maxCell {
			return "", false, fmt.Errorf("a cell has over %d bytes", maxCell)
		}
	}
}
