package cache_test

import (
	"slices"
	"testing"

	"kodoferry/shared/pipeline/cache"
)

// of returns a cache of up to most names, of which busy is in use, and what it forgot.
func of(most int, busy string) (*cache.Cache[string], *[]string) {
	var forgotten []string
	return &cache.Cache[string]{
		Most: most, Busy: func(v string) bool { return v == busy },
		Forget:  func(v string) { forgotten = append(forgotten, v) },
		Changed: func([]string) {},
	}, &forgotten
}

func TestWhatWasUsedLongestAgoIsForgotten(t *testing.T) {
	c, forgotten := of(2, "")
	c.Keep("a", "a")
	c.Keep("b", "b")
	c.Use("a")
	c.Get("b") // to look at it is no use
	c.Keep("c", "c")
	if want := []string{"b"}; !slices.Equal(*forgotten, want) {
		t.Errorf("forgotten are %q, want %q", *forgotten, want)
	}
	if _, ok := c.Get("b"); ok {
		t.Error("b is kept, want it forgotten")
	}
}

func TestWhatIsBusyIsKept(t *testing.T) {
	c, forgotten := of(1, "a")
	c.Keep("a", "a")
	c.Keep("b", "b")
	if all := c.All(); len(all) != 2 || len(*forgotten) != 0 {
		t.Errorf("%q are kept and %q forgotten, want both kept: a is busy, and b new", all, *forgotten)
	}
	c.Keep("c", "c")
	if want := []string{"b"}; !slices.Equal(*forgotten, want) {
		t.Errorf("forgotten are %q, want %q", *forgotten, want)
	}
}

func TestTheFirstOfANameIsKept(t *testing.T) {
	c, forgotten := of(2, "")
	c.Keep("a", "first")
	if got := c.Keep("a", "second"); got != "first" {
		t.Errorf("Keep = %q, want the first", got)
	}
	if want := []string{"second"}; !slices.Equal(*forgotten, want) {
		t.Errorf("forgotten are %q, want %q: it is of no use", *forgotten, want)
	}
}
