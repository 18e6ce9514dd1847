package listing

import (
	"maps"
	"math"
	"slices"
	"unicode/utf8"
)

// scale are characters by which keys are read as numbers, to find a key in the middle of two
// and to estimate how far apart two are (ruler.go). Keys are compared byte by byte, which for
// UTF-8 is character by character; each character is a digit. A scale has the characters that
// keys were seen to have, in order, so that a search spends no probe on characters that no
// key has, and a few blocks' beginnings between them, so that a search still finds those that
// were not seen. It only guides a search: a key that is read wrongly is found by the
// listing itself.
type scale []rune

// blocks are, roughly, where the blocks of Unicode begin that keys are made of.
var blocks = scale{' ', '0', 'A', 'a', '~', 0x00C0, 0x0400, 0x0600, 0x0E00, 0x3040, 0x4E00, 0x6000, 0x8000, 0xAC00, 0xE000, 0x1F600, utf8.MaxRune}

// with returns s with the characters of keys.
func (s scale) with(keys ...string) scale {
	all := slices.Clone(s)
	var ascii [utf8.RuneSelf]bool // most are, and a shard of big objects has 100,000 keys to show
	others := map[rune]bool{}
	for _, k := range keys {
		for _, r := range k {
			switch {
			case r < ' ' || r == utf8.RuneError: // not every service takes a control in the question where to begin
			case r < utf8.RuneSelf:
				ascii[r] = true
			default:
				others[r] = true
			}
		}
	}
	for r, met := range ascii {
		if met {
			all = append(all, rune(r))
		}
	}
	all = slices.AppendSeq(all, maps.Keys(others))
	slices.Sort(all)
	return slices.Compact(all)
}

// margin is how wide the end of a key is, and what lies behind all characters, where a
// character is 1: few keys are there.
const margin = 1. / 16

// base is how wide all characters are, with the end of a key before them and what lies behind.
func (s scale) base() float64 { return float64(len(s)) + 2*margin }

// digit is where r begins; of one that s does not have, where what is behind the character
// below begins, and found is false.
func (s scale) digit(r rune) (place float64, found bool) {
	i, found := slices.BinarySearch(s, r)
	if !found && i == 0 {
		return 0, false
	}
	return float64(i) + margin, found
}

// at returns the character at a place, and how far it is within that, from 0 to 1.
func (s scale) at(place float64) (r rune, within float64) {
	place -= margin
	i := min(max(int(math.Floor(place)), 0), len(s)-1)
	return s[i], min(max(place-float64(i), 0), 1-fine)
}

// shared is the longest beginning of both, in whole characters.
func shared(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && n < len(a) && !utf8.RuneStart(a[n]) {
		n--
	}
	return a[:n]
}

// behind returns the end of all keys that begin with head: "" for none.
func behind(head string) string {
	if head == "" {
		return ""
	}
	return head + string(utf8.MaxRune)
}

// cut returns the first n characters of s.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
