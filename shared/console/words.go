package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/console/language"
	"kodoferry/shared/overview"
)

// words write numbers, sizes, times and what an overview says, in a language.
type words struct{ lang *language.Language }

func number[N int | int64](n N) string { return humanize.Comma(int64(n)) }

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// rate is a number a second, as exact as it is of use.
func rate(v float64) string {
	if v < 10 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return humanize.Comma(int64(v + 0.5))
}

func percent(share float64) string {
	text := strconv.FormatFloat(share*100, 'f', 1, 64)
	if share < 1 && text == "100.0" { // all is said of all alone
		text = "99.9"
	}
	return strings.TrimSuffix(text, ".0") + "%"
}

func part(of, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return min(float64(of)/float64(whole), 1)
}

// instant is a time as an attribute and a text have it.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span is a duration in its two largest units.
func (w words) span(d time.Duration) string {
	d = max(d, 0)
	two := func(a time.Duration, first string, b time.Duration, second string) string {
		return w.lang.Say("span.two", int64(d/a), w.lang.Say("unit."+first), fmt.Sprintf("%02d", d%a/b), w.lang.Say("unit."+second))
	}
	const day = 24 * time.Hour
	switch {
	case d < 10*time.Second:
		return w.lang.Say("span.one", strconv.FormatFloat(d.Seconds(), 'f', 1, 64), w.lang.Say("unit.s"))
	case d < time.Minute:
		return w.lang.Say("span.one", int64(d/time.Second), w.lang.Say("unit.s"))
	case d < time.Hour:
		return two(time.Minute, "min", time.Second, "s")
	case d < day:
		return two(time.Hour, "h", time.Minute, "min")
	}
	return two(day, "d", time.Hour, "h")
}

// count writes a number with what it counts: n.objects.one, n.objects.many.
func (w words) count(what string, n int64) string {
	name := "n." + what + ".many"
	if n == 1 {
		name = "n." + what + ".one"
	}
	return w.lang.Say(name, humanize.Comma(n))
}

// sentence writes what an overview says. A code without a sentence in the catalogue, of a
// newer model, is written in English.
func (w words) sentence(s overview.Sentence) string {
	if s.IsZero() {
		return ""
	}
	forms := map[string]string{}
	if w.lang.Has("says." + s.Code) {
		forms[s.Code] = w.lang.Say("says." + s.Code)
	}
	text := s.In(forms, w.argument)
	if w.lang.Tag == "en" && text != "" {
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return text
}

func (w words) argument(a overview.Arg) string {
	switch a.Kind {
	case overview.Word:
		return w.lang.Or("word."+a.Text, a.Text)
	case overview.Key:
		return strconv.Quote(a.Text)
	case overview.Number:
		return humanize.Comma(a.Number)
	case overview.Size:
		return size(a.Number)
	case overview.Instant:
		return instant(a.Time)
	case overview.Span:
		return w.span(a.Duration)
	}
	return a.Text
}
