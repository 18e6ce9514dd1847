package glob_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"kodoferry/shared/job/glob"
)

// TestGlobsMeanWhatTheLibraryMeans holds spread braces and short cuts against
// doublestar, whose meaning is ours, asked for each combination of words.
func TestGlobsMeanWhatTheLibraryMeans(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewPCG(seed, seed))
	pieces := [][]string{{"a"}, {"b"}, {"/"}, {"*"}, {"**/"}, {"/**"}, {"**"}, {"?"}, {"[ab]"}, {"[!a]"}, {"a", "b"}, {"", "/b", "**/"}, {`\*`}, {"."}, {"图"}}
	chars := []string{"a", "b", "/", "*", ".", "图", "\xff"}
	tried, matched := 0, 0
	for range 20_000 {
		text, each := "", []string{""}
		for range 1 + r.IntN(5) {
			words := pieces[r.IntN(len(pieces))]
			if len(words) == 1 {
				text += words[0]
			} else {
				text += "{" + strings.Join(words, ",") + "}"
			}
			var longer []string
			for _, e := range each {
				for _, w := range words {
					longer = append(longer, e+w)
				}
			}
			each = longer
		}
		patterns, err := glob.Compile(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "** stands for") { // all that these pieces can get wrong
				t.Fatalf("seed %d: %q: %v", seed, text, err)
			}
			continue
		}
		for range 10 {
			key := ""
			for range 1 + r.IntN(6) {
				key += chars[r.IntN(len(chars))]
			}
			want := slices.ContainsFunc(each, func(e string) bool { return doublestar.MatchUnvalidated(e, key) })
			if got := slices.ContainsFunc(patterns, func(p glob.Pattern) bool { return p.Match(key) }); got != want {
				t.Fatalf("seed %d: %q matches %q: %v, want %v", seed, text, key, got, want)
			}
			tried++
			if want {
				matched++
			}
		}
	}
	if matched < tried/50 || tried < 50_000 {
		t.Errorf("%d of %d keys matched: the patterns try nothing", matched, tried)
	}
}
