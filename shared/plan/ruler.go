package plan

import (
	"iter"
	"maps"
	"math/big"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// ruler numbers the keys that begin with one prefix so that they lie about evenly: a
// key is a number of mixed base, whose digits are the characters that keys nearby have
// at each place. Numbers are exact however long the keys are.
type ruler struct {
	prefix string
	digits [][]rune   // by place behind the prefix, sorted
	units  []*big.Int // what one step of each digit is worth
	total  *big.Int   // one more than the highest number
}

// maxDigits bounds how many places count.
const maxDigits = 48

// rulerBetween returns the ruler of the keys between lo and hi, after samples,
// each key's characters behind what lo and hi have in common. hi is greater than lo.
func rulerBetween(lo, hi string, samples iter.Seq[string]) ruler {
	s := ruler{prefix: runePrefix(lo, hi)}
	root, apart := familyOf(s.prefix)
	var own, family places
	for key := range samples {
		if rest, ok := strings.CutPrefix(key, s.prefix); ok {
			own.add(rest)
		} else if rest, ok := strings.CutPrefix(key, root); ok {
			for range apart {
				_, n := utf8.DecodeRuneInString(rest)
				rest = rest[n:]
			}
			family.add(rest)
		}
	}
	own.add(lo[min(len(lo), len(s.prefix)):])
	own.add(hi[len(s.prefix):])
	own.merge(&family)
	own.widenFirst()
	for i := range own.n {
		own.at[i].complete()
		s.digits = append(s.digits, own.at[i].sorted())
	}
	s.total = big.NewInt(1)
	s.units = make([]*big.Int, len(s.digits))
	for i := len(s.digits) - 1; i >= 0; i-- {
		s.units[i] = s.total
		s.total = new(big.Int).Mul(s.total, big.NewInt(int64(len(s.digits[i]))))
	}
	return s
}

// familyOf is what names begin with that are likely to be formed as those of prefix
// are: these are in the same directory, and part from it at most three characters
// before its end.
func familyOf(prefix string) (family string, apart int) {
	const generations = 3
	family = prefix
	for apart < generations {
		r, n := utf8.DecodeLastRuneInString(family)
		if n == 0 || r == '/' {
			break
		}
		family, apart = family[:len(family)-n], apart+1
	}
	return family, apart
}

// randomFrom is how many different characters at one place no few words have.
const randomFrom = 6

// places are the characters that names have at each place.
type places struct {
	at [maxDigits]charset
	n  int // places that some name reaches
}

func (p *places) add(name string) {
	i := 0
	for _, r := range name {
		if i == maxDigits {
			break
		}
		p.at[i].add(r)
		i++
	}
	p.n = max(p.n, i)
}

// merge adds the characters that others have at each place, as long as these look like
// a part of a name that is a number or random, and not like words.
func (p *places) merge(others *places) {
	for i := range min(p.n, others.n) {
		runes := others.at[i].sorted()
		if len(runes) < randomFrom && strings.Trim(string(runes), "0123456789") != "" {
			return
		}
		for _, r := range runes {
			p.at[i].add(r)
		}
	}
}

// widenFirst adds to the first place the characters of the next ones where these are
// random: of random names the first samples have only a few first characters. Where
// that is wrong, the gap seems full, is probed, and is found empty.
func (p *places) widenFirst() {
	for i := 1; i < min(p.n, 4); i++ {
		if runes := p.at[i].sorted(); len(runes) >= randomFrom {
			for _, r := range runes {
				p.at[0].add(r)
			}
			return
		}
	}
}

// charset is the characters of one place.
type charset struct {
	ascii [utf8.RuneSelf]bool
	more  map[rune]bool
}

func (c *charset) add(r rune) {
	if r < utf8.RuneSelf {
		c.ascii[r] = true
		return
	}
	if c.more == nil {
		c.more = map[rune]bool{}
	}
	c.more[r] = true
}

// complete adds all digits, or all letters of hex numbers, where the samples have four
// of them.
func (c *charset) complete() {
	const some = 4
	for _, all := range []string{"0123456789", "abcdef", "ABCDEF"} {
		n := 0
		for _, r := range all {
			if c.ascii[r] {
				n++
			}
		}
		for _, r := range all {
			c.ascii[r] = c.ascii[r] || n >= some
		}
	}
}

func (c *charset) sorted() []rune {
	var runes []rune
	for r, has := range c.ascii {
		if has {
			runes = append(runes, rune(r))
		}
	}
	return append(runes, slices.Sorted(maps.Keys(c.more))...)
}

// runePrefix is what a and b have in common, whole characters only.
func runePrefix(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) {
		r, n := utf8.DecodeRuneInString(a[i:])
		if q, m := utf8.DecodeRuneInString(b[i:]); r != q || n != m || r == utf8.RuneError {
			break
		}
		i += n
	}
	return a[:i]
}

// number is the place of key on the ruler.
func (s ruler) number(key string) *big.Int {
	rest, ok := strings.CutPrefix(key, s.prefix)
	switch {
	case !ok && key < s.prefix:
		return new(big.Int)
	case !ok:
		return new(big.Int).Set(s.total)
	}
	n, i := new(big.Int), 0
	for _, r := range rest {
		if i == len(s.digits) {
			break
		}
		rank := sort.Search(len(s.digits[i]), func(k int) bool { return s.digits[i][k] >= r })
		n.Add(n, new(big.Int).Mul(s.units[i], big.NewInt(int64(rank))))
		if rank == len(s.digits[i]) || s.digits[i][rank] != r {
			break
		}
		i++
	}
	return n
}

// key is the name at a place on the ruler.
func (s ruler) key(n *big.Int) string {
	var t strings.Builder
	t.WriteString(s.prefix)
	left, rank := new(big.Int).Set(n), new(big.Int)
	for i, unit := range s.units {
		rank.QuoRem(left, unit, left)
		at := rank.Int64()
		t.WriteRune(s.digits[i][min(at, int64(len(s.digits[i])-1))])
		if left.Sign() == 0 {
			break
		}
	}
	return t.String()
}

// ratio is a/b; b is not 0.
func ratio(a, b *big.Int) float64 {
	x, _ := new(big.Float).Quo(new(big.Float).SetInt(a), new(big.Float).SetInt(b)).Float64()
	return x
}
