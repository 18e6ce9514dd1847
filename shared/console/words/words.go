// Package words writes numbers, sizes, times and what an overview says, in the language of a page.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/console/language"
	"kodoferry/shared/overview"
)

// Words writes in a language.
type Words struct{ Lang *language.Language }

// Number groups its digits.
func Number[N int | int64](n N) string { return humanize.Comma(int64(n)) }

// Size is so many bytes, in the unit that fits.
func Size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// Rate is a number a second, as exact as it is of use.
func Rate(v float64) string {
	if v < 10 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return humanize.Comma(int64(v + 0.5))
}

// Percent writes a share of 1; nothing but all of it is 100%.
func Percent(share float64) string {
	text := strconv.FormatFloat(share*100, 'f', 1, 64)
	if share < 1 && text == "100.0" { // all is said of all alone
		text = "99.9"
	}
	return strings.TrimSuffix(text, ".0") + "%"
}

// Part is the share that of is of whole, at most 1.
func Part(of, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return min(float64(of)/float64(whole), 1)
}

// Instant is a time as an attribute and a text have it.
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Span is a duration in its two largest units, or one where the other is nothing.
func (w Words) Span(d time.Duration) string {
	d = max(d, 0)
	two := func(a time.Duration, first string, b time.Duration, second string) string {
		if d%a/b == 0 {
			return w.Lang.Say("span.one", int64(d/a), w.Lang.Say("unit."+first))
		}
		return w.Lang.Say("span.two", int64(d/a), w.Lang.Say("unit."+first), fmt.Sprintf("%02d", d%a/b), w.Lang.Say("unit."+second))
	}
	const day = 24 * time.Hour
	switch {
	case d < 10*time.Second:
		return w.Lang.Say("span.one", strconv.FormatFloat(d.Seconds(), 'f', 1, 64), w.Lang.Say("unit.s"))
	case d < time.Minute:
		return w.Lang.Say("span.one", int64(d/time.Second), w.Lang.Say("unit.s"))
	case d < time.Hour:
		return two(time.Minute, "min", time.Second, "s")
	case d < day:
		return two(time.Hour, "h", time.Minute, "min")
	}
	return two(day, "d", time.Hour, "h")
}

// Count writes a number with what it counts: n.objects.one, n.objects.many.
func (w Words) Count(what string, n int64) string {
	name := "n." + what + ".many"
	if n == 1 {
		name = "n." + what + ".one"
	}
	return w.Lang.Say(name, humanize.Comma(n))
}

// Sentence writes what an overview says. A code without a sentence in the catalogue, of a
// newer model, is written in English.
func (w Words) Sentence(s overview.Sentence) string {
	if s.IsZero() {
		return ""
	}
	forms := map[string]string{}
	if w.Lang.Has("says." + s.Code) {
		forms[s.Code] = w.Lang.Say("says." + s.Code)
	}
	text := s.In(forms, w.argument)
	if w.Lang.Tag == "en" && text != "" {
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return text
}

func (w Words) argument(a overview.Arg) string {
	switch a.Kind {
	case overview.Word:
		return w.Lang.Or("word."+a.Text, a.Text)
	case overview.Key:
		return strconv.Quote(a.Text)
	case overview.Number:
		return humanize.Comma(a.Number)
	case overview.Size:
		return Size(a.Number)
	case overview.Instant:
		return Instant(a.Time)
	case overview.Span:
		return w.Span(a.Duration)
	}
	return w.Lang.Tell(a.Text)
}
