package job

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/job/glob"
	"kodoferry/shared/store"
)

// Filter says which objects of the source belong to the job. An object belongs
// if every field that is set lets it in. Patterns are held against the key
// without the source's prefix, byte for byte and in its case.
//
// In a glob, * and ? stand for what is not a /, [a-z] and [!a-z] for a
// character, {jpg,png} for one of several words, a backslash takes a
// character as it is, and ** alone between slashes stands for any number of
// levels, none included: **/*.jpg is every .jpg, raw/** is raw and all below it.
type Filter struct {
	Include       []string  `json:"include,omitempty"`       // globs, with ** for any depth; one must match
	Exclude       []string  `json:"exclude,omitempty"`       // globs; none may match
	IncludeRegexp []string  `json:"includeRegexp,omitempty"` // RE2 expressions, not anchored; beside Include: one of either must match
	ExcludeRegexp []string  `json:"excludeRegexp,omitempty"` // none may match
	Suffix        []string  `json:"suffix,omitempty"`        // the key must end in one
	MinSize       int64     `json:"minSize,omitempty"`       // bytes, at least
	MaxSize       int64     `json:"maxSize,omitempty"`       // bytes, at most; 0 does not bound
	After         time.Time `json:"after,omitzero"`          // uploaded at that time or later
	Before        time.Time `json:"before,omitzero"`         // uploaded before that time
	Classes       []string  `json:"classes,omitempty"`       // storage classes, as store.Class
}

// Matcher is a Filter made ready. The zero Matcher takes everything. It is
// safe for concurrent use, and asking it allocates nothing.
type Matcher struct {
	prefix         string
	byKey, byRest  bool // whether the key, whether anything else decides
	include, avoid []glob.Pattern
	like, unlike   []*regexp.Regexp
	suffix         []string
	least, most    int64
	after, before  time.Time
	classes        []store.Class
}

// Compile makes f ready for keys that begin with prefix. The error is Invalid
// and names every pattern that does not compile, and all else that is wrong.
func (f Filter) Compile(prefix string) (*Matcher, error) {
	m, bad := f.compile(prefix)
	if err := bad.err("job.Compile", ""); err != nil {
		return nil, err
	}
	return m, nil
}

func (f Filter) compile(prefix string) (*Matcher, problems) {
	var bad problems
	m := &Matcher{
		prefix: prefix, suffix: f.Suffix, least: f.MinSize, most: f.MaxSize, after: f.After, before: f.Before,
		include: globs(&bad, "filter.include", f.Include), avoid: globs(&bad, "filter.exclude", f.Exclude),
		like: expressions(&bad, "filter.includeRegexp", f.IncludeRegexp), unlike: expressions(&bad, "filter.excludeRegexp", f.ExcludeRegexp),
	}
	for i, s := range f.Suffix {
		pattern(&bad, at("filter.suffix", i), "filter.suffix", s)
	}
	if f.MinSize < 0 {
		bad.at("filter.minSize", "filter.minSize is %d: write a size from 0, or leave it out", f.MinSize)
	}
	if f.MaxSize < 0 || f.MaxSize > 0 && f.MaxSize < f.MinSize {
		bad.at("filter.maxSize", "filter.maxSize is %d, which no object from %d bytes keeps to: write a greater one, or leave it out", f.MaxSize, f.MinSize)
	}
	if !f.After.IsZero() && !f.Before.IsZero() && !f.After.Before(f.Before) {
		bad.at("filter.before", "filter.before is %s, and only what was uploaded from %s on is taken: nothing lies between, so change one of them", f.Before.Format(time.RFC3339), f.After.Format(time.RFC3339))
	}
	for i, c := range f.Classes {
		if !slices.Contains(classes, c) {
			bad.at(at("filter.classes", i), "filter.classes has %q%s: write one of %s", c, Meant(c, classes...), strings.Join(classes, ", "))
		}
		m.classes = append(m.classes, store.Class(c))
	}
	m.byKey = len(m.include)+len(m.avoid)+len(m.like)+len(m.unlike)+len(m.suffix) > 0
	m.byRest = m.least != 0 || m.most != 0 || !m.after.IsZero() || !m.before.IsZero() || len(m.classes) > 0
	return m, bad
}

// at is the path of an item of a list.
func at(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }

// pattern tells what is wrong with a pattern of any sort, and whether it is worth a closer look.
func pattern(bad *problems, field, name, text string) bool {
	switch {
	case text == "":
		bad.at(field, "%s has an empty pattern: write one, or take it out", name)
	case !utf8.ValidString(text):
		bad.at(field, "%s %q is not UTF-8: write it in UTF-8", name, text)
	default:
		return true
	}
	return false
}

// globs makes the patterns ready and tells which are none.
func globs(bad *problems, name string, texts []string) []glob.Pattern {
	var all []glob.Pattern
	for i, text := range texts {
		if !pattern(bad, at(name, i), name, text) {
			continue
		}
		one, err := glob.Compile(text)
		if err != nil {
			bad.at(at(name, i), "%s %q is no glob: %s", name, text, err)
			continue
		}
		all = append(all, one...)
	}
	return all
}

func expressions(bad *problems, name string, texts []string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for i, text := range texts {
		if !pattern(bad, at(name, i), name, text) {
			continue
		}
		e, err := regexp.Compile(text)
		if err != nil {
			bad.at(at(name, i), "%s %q does not compile: %s: write it in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax)", name, text, reason(err))
			continue
		}
		all = append(all, e)
	}
	return all
}

// reason is err without the whole expression, which is named already.
func reason(err error) string {
	e, ok := err.(*syntax.Error)
	if !ok {
		return err.Error()
	}
	return string(e.Code) + " in " + e.Expr
}

// Match reports whether an object of the source belongs to the job.
func (m *Matcher) Match(o *store.Object) bool {
	return (!m.byRest || m.matchRest(o)) && m.MatchKey(o.Key)
}

func (m *Matcher) matchRest(o *store.Object) bool {
	switch {
	case o.Size < m.least, m.most > 0 && o.Size > m.most:
		return false
	case !m.after.IsZero() && o.Modified.Before(m.after), !m.before.IsZero() && !o.Modified.Before(m.before):
		return false
	case len(m.classes) == 0:
		return true
	case o.Class == "":
		return slices.Contains(m.classes, store.Standard)
	}
	return slices.Contains(m.classes, o.Class)
}

// KeyDecides reports whether MatchKey is all there is to Match.
func (m *Matcher) KeyDecides() bool { return !m.byRest }

// MatchKey reports whether an object of that source key could belong to the
// job, as far as a key alone tells: by patterns and suffix.
func (m *Matcher) MatchKey(key string) bool {
	if !m.byKey {
		return true
	}
	key = strings.TrimPrefix(key, m.prefix)
	hasSuffix := func(s string) bool { return strings.HasSuffix(key, s) }
	matches := func(g glob.Pattern) bool { return g.Match(key) }
	found := func(e *regexp.Regexp) bool { return e.MatchString(key) }
	switch {
	case len(m.suffix) > 0 && !slices.ContainsFunc(m.suffix, hasSuffix):
		return false
	case slices.ContainsFunc(m.avoid, matches) || slices.ContainsFunc(m.unlike, found):
		return false
	case len(m.include)+len(m.like) == 0:
		return true
	}
	return slices.ContainsFunc(m.include, matches) || slices.ContainsFunc(m.like, found)
}
