package language

import (
	"regexp"
	"slices"
	"testing"

	"kodoferry/shared/console/language/sourcetest"
	"kodoferry/shared/overview"
)

var place = regexp.MustCompile(`\{[a-z0-9_]+\}`)

// TestEveryLanguageHasEverySentence, with the same places for what is filled in.
func TestEveryLanguageHasEverySentence(t *testing.T) {
	first := All[0]
	if len(first.Names()) < 400 {
		t.Fatalf("the catalogue has %d sentences: it was not read", len(first.Names()))
	}
	for _, l := range All[1:] {
		if got, want := l.Names(), first.Names(); !slices.Equal(got, want) {
			for _, name := range want {
				if !l.Has(name) {
					t.Errorf("%s has no sentence %s", l.Tag, name)
				}
			}
			for _, name := range got {
				if !first.Has(name) {
					t.Errorf("%s alone has a sentence %s", l.Tag, name)
				}
			}
		}
		for _, name := range first.Names() {
			got, want := place.FindAllString(l.Say(name), -1), place.FindAllString(first.Say(name), -1)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
				t.Errorf("%s: %s fills in %q, %s %q", name, l.Tag, got, first.Tag, want)
			}
		}
	}
}

// TestEverySentenceOfAnOverviewIsInTheCatalogues, and has the arguments of the English form.
func TestEverySentenceOfAnOverviewIsInTheCatalogues(t *testing.T) {
	for _, l := range All {
		for code, form := range overview.Forms {
			if !l.Has("says." + code) {
				t.Errorf("%s has no sentence says.%s: %s", l.Tag, code, form)
				continue
			}
			got, want := place.FindAllString(l.Say("says."+code), -1), place.FindAllString(form, -1)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: says.%s fills in %q, want %q", l.Tag, code, got, want)
			}
		}
	}
}

// asked finds the questions of a check, and what remarks on a job are called.
var asked = regexp.MustCompile(`\bask\(ctx, "([^"]+)"|Remark\{"[a-z]+", "([^"]+)"`)

func TestEveryQuestionOfACheckHasAName(t *testing.T) {
	found := 0
	for _, dir := range []string{"../../check", "../../job"} {
		for _, m := range sourcetest.Matches(t, dir, asked) {
			found++
			for _, l := range All {
				if what := m.Groups[1] + m.Groups[2]; !l.Has("question." + what) {
					t.Errorf("%s: %s has no name for %q", m.File, l.Tag, what)
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("%d questions were found", found)
	}
}

func TestTheLanguageIsTheOneThatIsWantedMost(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "zh-CN,zh;q=0.9,en;q=0.8": "zh", "en-US,en;q=0.9,zh;q=0.8": "en", "fr, zh;q=0.5, en;q=0.4": "zh", "de": "en", "zh;q=0, en;q=0.1": "en", "ZH": "zh", "*;q=1": "en", "zh;q=x": "en",
	} {
		if got := Accepted(header); got.Tag != want {
			t.Errorf("%q speaks %s, want %s", header, got.Tag, want)
		}
	}
}

func TestTheLanguageOfALocaleIsSpoken(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want string
	}{
		"nothing is said":          {nil, "en"},
		"Chinese":                  {map[string]string{"LANG": "zh_CN.UTF-8"}, "zh"},
		"Chinese, of Taiwan":       {map[string]string{"LANG": "zh_TW"}, "zh"},
		"Chinese, as a browser":    {map[string]string{"LANG": "zh-CN"}, "zh"},
		"what is said of all else": {map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"},
		"what is said of messages": {map[string]string{"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"},
		"one that nobody wrote":    {map[string]string{"LANG": "de_DE.UTF-8"}, "en"},
	} {
		if got := Spoken(func(v string) string { return tc.env[v] }); got.Tag != tc.want {
			t.Errorf("%s: %s is spoken, want %s", name, got.Tag, tc.want)
		}
	}
}
