package sheet

import (
	"strings"

	"kodoferry/shared/columns"
)

// widths are those of each column of rows.
func widths(rows [][]string) (all []int) {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(all) {
				all = append(all, 0)
			}
			if len(row) > 1 { // one alone is a heading, and stretches no column
				all[i] = max(all[i], columns.Width(cell))
			}
		}
	}
	return all
}

// widest is how wide the grid of rows is.
func widest(rows [][]string) int { return sum(widths(rows), 2) }

// sum adds up widths of columns with a gap between each.
func sum(all []int, gap int) int {
	n := 0
	for i, w := range all {
		if n += w; i > 0 {
			n += gap
		}
	}
	return n
}

// leastFirst is how narrow the first column may become.
const leastFirst = 18

// grid is rows in columns under an indent of two: the first to the left, all others to the
// right. Where they do not fit, what stands in the first column is broken; where even that does
// not do, the others stand below it.
func grid(rows [][]string, width int) string {
	all := widths(rows)
	if len(all) == 0 {
		return ""
	}
	beside := width - 2 - (sum(all, 2) - all[0])
	below := beside < min(leastFirst, all[0])
	if below {
		beside = width - 2
	}
	all[0] = min(all[0], beside)
	var t strings.Builder
	for _, row := range rows {
		most := all[0]
		if len(row) == 1 {
			most = width - 2
		}
		first := columns.Wrap(row[0], most, 1)
		for _, line := range first[:len(first)-1] {
			t.WriteString("  " + line + "\n")
		}
		line := "  " + columns.Pad(first[len(first)-1], all[0])
		if below && len(row) > 1 {
			t.WriteString(strings.TrimRight(line, " ") + "\n")
			line = "  "
		}
		for i, cell := range row[1:] {
			line += "  " + strings.Repeat(" ", all[i+1]-columns.Width(cell)) + cell
		}
		t.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return t.String()
}
