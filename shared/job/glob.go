package job

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// glob is a pattern without alternatives. The most usual shapes need no more
// than a comparison.
type glob struct {
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

// globs makes the patterns ready and tells which are none. Braces are spread
// out here, for to match them costs memory for each key.
func globs(bad *problems, name string, texts []string) []glob {
	var ready []glob
	for i, text := range texts {
		if !pattern(bad, at(name, i), name, text) {
			continue
		}
		spread, why := spreadOut(text)
		if why != "" {
			bad.at(at(name, i), "%s %q is no glob: %s", name, text, why)
			continue
		}
		for _, s := range spread {
			ready = append(ready, newGlob(s))
		}
	}
	return ready
}

// at is the path of an item of a list.
func at(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }

func newGlob(s string) glob {
	plain := func(s string) bool { return !strings.ContainsAny(s, `*?[\`) }
	if s == "**" {
		return glob{all, ""}
	}
	if plain(s) {
		return glob{exactly, s}
	}
	if dir, ok := strings.CutSuffix(s, "/**"); ok && plain(dir) && dir != "" {
		return glob{below, dir}
	}
	if end, ok := strings.CutPrefix(s, "**/*"); ok && plain(end) && end != "" && !strings.Contains(end, "/") {
		return glob{endsWith, end}
	}
	return glob{anything, s}
}

func (g glob) match(key string) bool {
	switch g.shape {
	case all:
		return true
	case exactly:
		return key == g.text
	case below:
		return strings.HasPrefix(key, g.text) && (len(key) == len(g.text) || key[len(g.text)] == '/')
	case endsWith:
		return strings.HasSuffix(key, g.text)
	}
	return doublestar.MatchUnvalidated(g.text, key)
}

// spreadOut writes a glob once for each combination of the words in its
// braces. It says why where it is no glob, and the cure.
func spreadOut(text string) (spread []string, why string) {
	if !doublestar.ValidatePattern(text) {
		return nil, unclosed(text)
	}
	queue := []string{text}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		words, ok := firstBraces(s)
		if ok {
			queue = append(queue, words...)
		} else {
			if why := misused(s); why != "" {
				return nil, why
			}
			spread = append(spread, s)
		}
		if len(queue)+len(spread) > maxAlternatives {
			return nil, fmt.Sprintf("its braces make more than %d patterns: write an expression instead", maxAlternatives)
		}
	}
	return spread, ""
}

// firstBraces replaces the first braces of s by each of their words.
func firstBraces(s string) ([]string, bool) {
	depth, start, word := 0, 0, 0
	var words []string
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			i += len(class(s[i:])) - 1
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
		case '\\':
			i++
		case '[':
			i += len(class(s[i:])) - 1
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
