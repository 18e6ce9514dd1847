package job_test

import (
	"strings"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/store"
)

func compiled(t testing.TB, f job.Filter, prefix string) *job.Matcher {
	t.Helper()
	m, err := f.Compile(prefix)
	if err != nil {
		t.Fatalf("Compile(%+v) = %v, want no error", f, err)
	}
	return m
}

func TestPatternsChooseKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		filter  job.Filter
		in, out []string // below the prefix 2019/
	}{
		"nothing is asked":            {job.Filter{}, []string{"", "a", "a/b", "\xff"}, nil},
		"a star stays in its level":   {job.Filter{Include: []string{"*.jpg"}}, []string{"a.jpg", ".jpg", "图.jpg", "\xff.jpg"}, []string{"a/b.jpg", "a.JPG", "a.jpg.txt"}},
		"two stars are any level":     {job.Filter{Include: []string{"**/*.jpg"}}, []string{"a.jpg", "a/b/c.jpg", "a//b.jpg"}, []string{"a.png", "a.jpg/b"}},
		"all below a name":            {job.Filter{Include: []string{"raw/**"}}, []string{"raw/a", "raw/a/b", "raw/", "raw"}, []string{"raws/a", "a/raw/b"}},
		"two stars in the middle":     {job.Filter{Include: []string{"raw/**/x?.jpg"}}, []string{"raw/x1.jpg", "raw/a/b/x图.jpg"}, []string{"raw/x.jpg", "x1.jpg", "raw/x/.jpg"}},
		"everything but one":          {job.Filter{Exclude: []string{"tmp/**"}}, []string{"a", "a/tmp/b"}, []string{"tmp/a"}},
		"words in braces":             {job.Filter{Include: []string{"{a,b{1,2},}/*.{jpg,png}"}}, []string{"a/x.jpg", "b2/x.png", "/x.jpg"}, []string{"b/x.jpg", "a/x.gif"}},
		"a class of characters":       {job.Filter{Include: []string{"[a-c{,]?[!0-9]"}}, []string{"axx", "{1x", ",1x"}, []string{"ax1", "dxx"}},
		"marks taken as they are":     {job.Filter{Include: []string{`\*\{a,b\}\[\?`}}, []string{"*{a,b}[?"}, []string{"x{a,b}[?", "*a[?"}},
		"one of either must match":    {job.Filter{Include: []string{"*.jpg"}, IncludeRegexp: []string{"^[0-9]+$"}}, []string{"a.jpg", "123"}, []string{"a.png", "a123"}},
		"excluded by an expression":   {job.Filter{Include: []string{"**"}, ExcludeRegexp: []string{`(?i)\.TMP$`, "^x"}}, []string{"a/x"}, []string{"a.tmp", "x", "b/c.Tmp"}},
		"the prefix is not looked at": {job.Filter{IncludeRegexp: []string{"^a"}, Exclude: []string{"2019/**"}}, []string{"a", "abc"}, []string{"2019/a"}},
		"one of the ends":             {job.Filter{Suffix: []string{".jpg", ".png"}, Exclude: []string{"b*"}}, []string{"x/a.jpg", "a.png", "x/b.png"}, []string{"a.gif", "b.jpg"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := compiled(t, tc.filter, "2019/")
			for want, keys := range map[bool][]string{true: tc.in, false: tc.out} {
				for _, key := range keys {
					if got := m.MatchKey("2019/" + key); got != want {
						t.Errorf("MatchKey(%q) = %v, want %v", key, got, want)
					}
					if got := m.Match(&store.Object{Key: "2019/" + key}); got != want {
						t.Errorf("Match(%q) = %v, want %v", key, got, want)
					}
				}
			}
		})
	}
	if m := new(job.Matcher); !m.Match(&store.Object{Key: "a"}) || !m.MatchKey("a") {
		t.Error("the zero Matcher refuses an object, want that it takes all")
	}
}

func TestAttributesChooseObjects(t *testing.T) {
	noon := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	object := func(size int64, at time.Time, c store.Class) store.Object {
		return store.Object{Key: "a.jpg", Size: size, Modified: at, Class: c}
	}
	for name, tc := range map[string]struct {
		filter  job.Filter
		in, out []store.Object
	}{
		"at least":        {job.Filter{MinSize: 10}, []store.Object{object(10, noon, "")}, []store.Object{object(9, noon, "")}},
		"at most":         {job.Filter{MaxSize: 10}, []store.Object{object(10, noon, ""), object(0, noon, "")}, []store.Object{object(11, noon, "")}},
		"from a time on":  {job.Filter{After: noon}, []store.Object{object(1, noon, "")}, []store.Object{object(1, noon.Add(-1), ""), {Key: "a"}}},
		"before a time":   {job.Filter{Before: noon}, []store.Object{object(1, noon.Add(-1), "")}, []store.Object{object(1, noon, "")}},
		"in another zone": {job.Filter{After: noon.In(time.FixedZone("", 8*3600))}, []store.Object{object(1, noon, "")}, []store.Object{object(1, noon.Add(-1), "")}},
		"of two classes":  {job.Filter{Classes: []string{"ia", "standard"}}, []store.Object{object(1, noon, "ia"), object(1, noon, "")}, []store.Object{object(1, noon, "archive")}},
		"not the default": {job.Filter{Classes: []string{"archive"}}, []store.Object{object(1, noon, "archive")}, []store.Object{object(1, noon, "")}},
		"all of it":       {job.Filter{MinSize: 5, Suffix: []string{"jpg"}, After: noon}, []store.Object{object(5, noon, "")}, []store.Object{object(4, noon, ""), {Key: "a.png", Size: 5, Modified: noon}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := compiled(t, tc.filter, "")
			for want, objects := range map[bool][]store.Object{true: tc.in, false: tc.out} {
				for _, o := range objects {
					if got := m.Match(&o); got != want {
						t.Errorf("Match(%+v) = %v, want %v", o, got, want)
					}
				}
			}
			if len(tc.filter.Suffix) == 0 && !m.MatchKey("anything") {
				t.Error("MatchKey = false, want true: a key does not tell")
			}
		})
	}
}

func TestEveryPatternThatDoesNotCompileIsNamed(t *testing.T) {
	_, err := job.Filter{
		Include:       []string{"[a", "{a,b", "a}", "**.jpg", "a**", "***", `a\`, "[]", "ok", "{" + strings.Repeat("{a,b}", 11) + "}"},
		Exclude:       []string{""},
		IncludeRegexp: []string{"(", "ok"},
		ExcludeRegexp: []string{"(?=a)"},
	}.Compile("")
	wrong(t, err,
		`filter.include "[a" is no glob: a [ has no ]`, `filter.include "{a,b" is no glob: a { has no }`, `filter.include "a}" is no glob: a } has no {`,
		`filter.include "**.jpg" is no glob: ** stands`, `filter.include "a**" is no glob: **`, `filter.include "***" is no glob: **`,
		`is no glob: it ends in a backslash`, `filter.include "[]" is no glob: a [ has no ] or nothing before it`, "more than 1000 patterns",
		"filter.exclude has an empty pattern", `filter.includeRegexp "(" does not compile: missing closing )`, `filter.excludeRegexp "(?=a)" does not compile: invalid or unsupported Perl syntax`,
	)
	if strings.Contains(err.Error(), `"ok"`) {
		t.Errorf("error = %v, want nothing about the patterns that are right", err)
	}
}

// busy is a filter with something of everything.
var busy = job.Filter{
	Include: []string{"**/*.{jpg,png}", "raw/**/img_[0-9]*.cr2"}, Exclude: []string{"tmp/**", "**/.git/**"}, ExcludeRegexp: []string{`/thumb_\d+\.`},
	MinSize: 1, MaxSize: 1 << 40, After: time.Unix(0, 0), Classes: []string{"standard"},
}

func TestMatchingAllocatesNothing(t *testing.T) {
	o := store.Object{Key: "2019/raw/01/02/img_0001.cr2", Size: 5, Modified: time.Unix(1, 0)}
	for name, f := range map[string]job.Filter{"no filter": {}, "a busy one": busy} {
		m := compiled(t, f, "2019/")
		if !m.Match(&o) {
			t.Errorf("%s: Match(%s) = false, want true", name, o.Key)
		}
		if n := testing.AllocsPerRun(100, func() { m.Match(&o) }); n != 0 {
			t.Errorf("%s: %v allocations an object, want none", name, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	o := store.Object{Key: "2019/raw/01/02/img_0001.cr2", Size: 5, Modified: time.Unix(1, 0)}
	for name, f := range map[string]job.Filter{
		"none": {}, "suffix": {Suffix: []string{".cr2"}}, "short cut": {Include: []string{"**/*.cr2"}}, "glob": {Include: []string{"raw/**/img_*.cr2"}},
		"expression": {IncludeRegexp: []string{`img_\d+\.cr2$`}}, "busy": busy,
	} {
		m := compiled(b, f, "2019/")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Match(&o)
			}
		})
	}
}
