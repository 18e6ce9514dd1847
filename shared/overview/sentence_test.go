package overview

import (
	"regexp"
	"testing"
	"time"

	"kodoferry/shared/console/language/sourcetest"
)

var (
	said  = regexp.MustCompile(`say\("([a-z.]+)"`)
	holes = regexp.MustCompile(`\{([a-z_]+)\}`)
)

// TestEveryCodeHasAFormAndEveryFormACode reads the sources of this package.
func TestEveryCodeHasAFormAndEveryFormACode(t *testing.T) {
	used := map[string]bool{}
	for _, m := range sourcetest.Matches(t, ".", said) {
		used[m.Groups[1]] = true
	}
	for _, by := range []string{"throttle", "bandwidth", "requests", "instances", "capacity", "parallel", "window", "tasks"} {
		used["binds."+by] = true
	}
	delete(used, "binds.")
	for code := range used {
		if Forms[code] == "" {
			t.Errorf("%s has no form", code)
		}
	}
	for code := range Forms {
		if !used[code] {
			t.Errorf("%s has a form, and is never said", code)
		}
	}
}

func TestASentenceFillsInItsArguments(t *testing.T) {
	s := say("next.side", word("side", "source"), at("asked", time.Time{}), text("why", "503 {side}"))
	got := s.In(nil, func(a Arg) string { return "<" + a.Name + a.Text + ">" })
	if len(holes.FindAllString(got, -1)) != 1 || got != "see to the <sidesource>, and the run goes on by itself; asked last at <asked>, it said: <why503 {side}>" {
		t.Errorf("it reads %q", got)
	}
	if got := (Sentence{Code: "of.tomorrow"}).In(nil, nil); got != "of.tomorrow" {
		t.Errorf("a code of a newer version reads %q", got)
	}
}
