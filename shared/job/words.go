package job

import (
	"fmt"
	"strings"
)

// Meant returns a hint at the word that s was probably to be, for a sentence: " (did you
// mean copy?)", "" where none is near.
func Meant(s string, words ...string) string {
	best, at := "", 3
	for _, w := range words {
		if d := distance(strings.ToLower(s), w); d < at {
			best, at = w, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance counts the letters to insert, drop or exchange, and the neighbours to swap, to make
// a of b.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			exchange := row[j]
			if a[i] != b[j] {
				exchange++
			}
			next[j+1] = min(exchange, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
