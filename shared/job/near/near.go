// Package near finds the word that a mistyped one was probably to be.
package near

import "strings"

// most is how many letters a word may be off.
const most = 2

// Word returns the nearest of words to s, the first of those that are equally near, "" where
// none is near. Capitals count as small letters.
func Word(s string, words ...string) string {
	best, at := "", most+1
	for _, w := range words {
		if d := distance(strings.ToLower(s), w); d < at {
			best, at = w, d
		}
	}
	return best
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
