// Package glob holds keys against patterns. * and ? stand for what is not a /, [a-z] and
// [!a-z] for a character, {jpg,png} for one of several words, a backslash takes a
// character as it is, and ** alone between slashes stands for any number of levels.
package glob

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Pattern is a glob without alternatives. The most usual shapes need no more
// than a comparison.
type Pattern struct {
	shape shape
	text  string // of anything: the pattern; else what the shape compares with
}

type shape int

const (
	anything shape = iota // whatever doublestar makes of text
	all                   // **
	exactly               // text
	below                 // text/**
	endsWith              // **/*text
)

// maxAlternatives bounds what the words in braces multiply to.
const maxAlternatives = 1000

// Compile makes a glob ready: a pattern for each combination of the words in its braces,
// of which a key need match one. To match the braces themselves would cost memory for
// each key. The error says why it is no glob, and the cure.
func Compile(text string) ([]Pattern, error) {
	if !doublestar.ValidatePattern(text) {
		return nil, errors.New(unclosed(text))
	}
	var patterns []Pattern
	queue := []string{text}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		words, ok := firstBraces(s)
		if ok {
			queue = append(queue, words...)
		} else {
			if why := misused(s); why != "" {
				return nil, errors.New(why)
			}
			patterns = append(patterns, ready(s))
		}
		if len(queue)+len(patterns) > maxAlternatives {
			return nil, fmt.Errorf("its braces make more than %d patterns: write an expression instead", maxAlternatives)
		}
	}
	return patterns, nil
}

// ready finds the shape of a glob that has no braces.
func ready(s string) Pattern {
	plain := func(s string) bool { return !strings.ContainsAny(s, `*?[\`) }
	if s == "**" {
		return Pattern{all, ""}
	}
	if plain(s) {
		return Pattern{exactly, s}
	}
	if dir, ok := strings.CutSuffix(s, "/**"); ok && plain(dir) && dir != "" {
		return Pattern{below, dir}
	}
	if end, ok := strings.CutPrefix(s, "**/*"); ok && plain(end) && end != "" && !strings.Contains(end, "/") {
		return Pattern{endsWith, end}
	}
	return Pattern{anything, s}
}

// Match reports whether the pattern takes the key as a whole. It allocates nothing.
func (p Pattern) Match(key string) bool {
	switch p.shape {
	case all:
		return true
	case exactly:
		return key == p.text
	case below:
		return strings.HasPrefix(key, p.text) && (len(key) == len(p.text) || key[len(p.text)] == '/')
	case endsWith:
		return strings.HasSuffix(key, p.text)
	}
	return doublestar.MatchUnvalidated(p.text, key)
}

// firstBraces replaces the first braces of s by each of their words.
func firstBraces(s string) ([]string, bool) {
	depth, start, word := 0, 0, 0
	var words []string
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\', '[':
			i += opaque(s[i:]) - 1
		case '{':
			if depth++; depth == 1 {
				start, word = i, i+1
			}
		case ',':
			if depth == 1 {
				words, word = append(words, s[word:i]), i+1
			}
		case '}':
			if depth--; depth > 0 {
				continue
			}
			words = append(words, s[word:i])
			for k, w := range words {
				words[k] = s[:start] + w + s[i+1:]
			}
			return words, true
		}
	}
	return nil, false
}

// opaque is how many bytes of s, which begins with a backslash or a bracket, stand for one
// character: in them nothing means what it does elsewhere.
func opaque(s string) int {
	if s[0] == '[' {
		return len(class(s))
	}
	return 2 // with a character behind
}

// class is the [...] that s begins with.
func class(s string) string {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ']':
			return s[:i+1]
		}
	}
	return s
}

// misused says what is wrong with a glob without braces whose brackets are closed.
func misused(s string) string {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\', '[':
			i += opaque(s[i:]) - 1
		case '*':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], "*"))
			if n > 1 && (n > 2 || i > 0 && s[i-1] != '/' || i+2 < len(s) && s[i+2] != '/') {
				return "** stands for any number of levels and alone between slashes: write **/*.jpg for every .jpg, * within a level"
			}
			i += n - 1
		}
	}
	return ""
}

// unclosed says which bracket of what is no glob is to blame.
func unclosed(text string) string {
	braces := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i++; i == len(text) {
				return `it ends in a backslash, which takes the next character as it is: write \\ for a backslash`
			}
		case '[':
			c := class(text[i:])
			if !doublestar.ValidatePattern(c) {
				return `a [ has no ] or nothing before it: close it, or write \[ for a bracket`
			}
			i += len(c) - 1
		case '{':
			braces++
		case '}':
			braces--
		}
	}
	if braces > 0 {
		return `a { has no }: close it, or write \{ for a brace`
	}
	return `a } has no {: open it, or write \} for a brace`
}
