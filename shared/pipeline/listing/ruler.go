package listing

import (
	"math"
	"slices"
	"unicode"
	"unicode/utf8"
)

// ruler measures keys that are like one that is known. Keys of a bucket are mostly made alike:
// where one has digits others have digits. So each place of a key has characters of its own,
// those of the scale that are of the kinds which the known key has around that place, up to
// the next separators; all of the scale behind its end. Those of other kinds count as the one
// before them, or as one behind all: what lies there is found by looking behind the last.
type ruler struct {
	all  scale
	sets []scale // by the place of a character
}

// kind is what a character is: bits, for a place may have several.
type kind int

const (
	digit kind = 1 << iota
	upper
	lower
	wide // beyond ASCII
	parting
)

func kindOf(r rune) kind {
	switch {
	case r >= utf8.RuneSelf:
		return wide
	case '0' <= r && r <= '9':
		return digit
	case unicode.IsUpper(r):
		return upper
	case unicode.IsLower(r):
		return lower
	}
	return parting
}

// ruler returns the ruler of keys like one.
func (s scale) ruler(like string) *ruler {
	runes := []rune(like)
	u := &ruler{all: s, sets: make([]scale, len(runes))}
	known := map[kind]scale{}
	for from := 0; from < len(runes); {
		to, kinds := from, kind(0)
		for to < len(runes) && kindOf(runes[to]) != parting {
			kinds |= kindOf(runes[to])
			to++
		}
		if kinds != 0 && known[kinds] == nil {
			known[kinds] = s.of(kinds)
		}
		for i := from; i < to; i++ {
			u.sets[i] = known[kinds]
		}
		if to < len(runes) {
			u.sets[to] = scale{runes[to]}
			to++
		}
		from = to
	}
	return u
}

// of are the characters of s that are of some kinds, and all digits if that is one of them.
func (s scale) of(kinds kind) scale {
	var of scale
	for _, r := range s {
		if kindOf(r)&kinds != 0 && !(kinds&digit != 0 && kindOf(r) == digit) {
			of = append(of, r)
		}
	}
	if kinds&digit != 0 {
		of = append(of, []rune("0123456789")...)
		slices.Sort(of)
	}
	return of
}

// at are the characters of the i-th place.
func (u *ruler) at(i int) scale {
	if i < len(u.sets) {
		return u.sets[i]
	}
	return u.all
}

// fine is the weight of the last character that a float64 tells apart.
const fine = 1. / (1 << 52)

// fraction reads what follows the first n characters of key, which are skip bytes, as a
// number from 0 to 1.
func (u *ruler) fraction(key string, skip, n int) float64 {
	sum, unit := 0.0, 1.0
	for _, r := range key[skip:] {
		set := u.at(n)
		if unit /= set.base(); unit < fine {
			break
		}
		d, found := set.digit(r)
		if sum += d * unit; !found {
			break // what follows it tells nothing
		}
		n++
	}
	return sum
}

// between returns a key about in the middle of two, "" if it finds none.
func (u *ruler) between(lo, hi string) string {
	head := shared(lo, hi)
	n := utf8.RuneCountInString(head)
	mid := (u.fraction(lo, len(head), n) + u.fraction(hi, len(head), n)) / 2
	key := head
	for unit := 1.0; unit > fine; n++ {
		set := u.at(n)
		unit /= set.base()
		var r rune
		r, mid = set.at(mid * set.base())
		key += string(r)
		if key > lo && key < hi {
			return key
		}
	}
	return ""
}

// width is the binary logarithm of how far hi is above lo; hi "" is above all.
func (u *ruler) width(lo, hi string) float64 {
	if hi == "" {
		hi = string(utf8.MaxRune)
	}
	head := shared(lo, hi)
	n := utf8.RuneCountInString(head)
	above := 0.0
	for i := range n {
		above += math.Log2(u.at(i).base())
	}
	d := max(u.fraction(hi, len(head), n)-u.fraction(lo, len(head), n), fine)
	return math.Log2(d) - above
}

// siblings returns, of the characters behind the i-th of key, which is r, those that others
// are likely to have there, and one behind all of them.
func (u *ruler) siblings(i int, r rune) []rune {
	set := u.at(i)
	at, found := slices.BinarySearch(set, r)
	if found {
		at++
	}
	last := r
	if len(set) > 0 {
		last = max(r, set[len(set)-1])
	}
	if last+1 >= 0xD800 && last+1 < 0xE000 {
		last = 0xDFFF
	}
	return append(slices.Clone(set[at:]), min(last+1, utf8.MaxRune))
}
