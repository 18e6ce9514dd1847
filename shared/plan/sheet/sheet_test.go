package sheet

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/columns"
	"kodoferry/shared/console/language"
	"kodoferry/shared/console/language/sourcetest"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/plan/forecast"
	"kodoferry/shared/store"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// forecasts are of jobs that have something of everything between them.
func forecasts(t *testing.T) (all []forecast.Forecast) {
	t.Helper()
	prices, err := forecast.ReadPrices("")
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Plan{Estimated: true, How: []string{"every one of the source's 3 objects was looked at"}, Notes: []string{"a run would delete nothing from the target: too many"}, Listed: ledger.Tally{Objects: 1 << 30, Bytes: 1 << 50}, LeftOut: ledger.Tally{Objects: 7, Bytes: 1 << 20}, TargetOnly: ledger.Tally{Objects: 9}}
	for i, fate := range plan.Fates {
		for k, class := range []store.Class{store.Standard, store.Infrequent, store.ArchiveIR, store.Archive, store.DeepArchive, store.ColdDeep} {
			p.Shares = append(p.Shares, plan.Share{Will: fate, Class: class, Size: plan.Sizes[(i+k)%len(plan.Sizes)].Name, Objects: 123_456_789, Bytes: 1 << 47})
		}
		p.Reasons = append(p.Reasons, plan.Reason{Will: fate, Why: "the target does not have it", Objects: 100, Examples: []string{strings.Repeat("图片/", 40)}})
	}
	p.Reasons = append(p.Reasons, plan.Reason{Will: plan.Warned, Why: "metadata \"exif\" not kept", Objects: 1, Examples: []string{"a"}})
	for _, src := range []string{"kodo://photos/?region=z0", "s3://photos/?region=eu-west-1"} {
		for _, thaws := range []bool{true, false} {
			j, err := job.New(src, "oss://photos-new/?region=cn-hangzhou", "", func(j *job.Job) {
				j.Thaw = thaws
				j.Limits.Requests, j.Limits.Instances, j.Limits.Bandwidth.Rate = 5, 5, 1<<20
			})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, forecast.New(j, p, prices, thaws))
			p.Estimated, p.Partial = !p.Estimated, !p.Partial
		}
	}
	return all
}

func text(f forecast.Forecast, l *language.Language, width int) string {
	return Reader{Lang: l, Width: width, Key: func(key string) string { return key }, Now: now}.Text(f)
}

// TestNoLineOfAForecastIsWiderThanTheTerminal, in any language.
func TestNoLineOfAForecastIsWiderThanTheTerminal(t *testing.T) {
	for _, f := range forecasts(t) {
		for _, l := range language.All {
			for _, width := range []int{60, 80, 140} {
				for line := range strings.Lines(text(f, l, width)) {
					if n := columns.Width(strings.TrimRight(line, "\n")); n > width {
						t.Errorf("%s: at %d columns a line has %d: %q", l.Tag, width, n, line)
					}
				}
			}
		}
	}
}

// TestColumnsOfATableStandBelowEachOther looks at the ends of the amounts of money.
func TestColumnsOfATableStandBelowEachOther(t *testing.T) {
	amount := regexp.MustCompile(`  x [^ ].*  [\d,]+\.\d\d$`)
	for _, l := range language.All {
		ends := map[int]int{}
		for line := range strings.Lines(text(forecasts(t)[0], l, 0)) {
			if line = strings.TrimRight(line, "\n"); amount.MatchString(line) {
				ends[columns.Width(line)]++
			}
		}
		if len(ends) != 1 {
			t.Errorf("%s: lines of the bill end in columns %v, want one", l.Tag, ends)
		}
	}
}

// TestAForecastIsInTheCatalogue reads the source for the names of sentences, and forecasts for
// the names of what they count.
func TestAForecastIsInTheCatalogue(t *testing.T) {
	names, named := map[string]bool{}, map[string]bool{"not known": true, "built in": true}
	for _, m := range sourcetest.Matches(t, ".", regexp.MustCompile(`(?:say|of)\("([a-z_.]+)"`)) {
		if !strings.HasSuffix(m.Groups[1], ".") {
			names["sheet."+m.Groups[1]] = true
		}
	}
	if len(names) < 35 {
		t.Errorf("%d names were found in the source, want those of all that is said", len(names))
	}
	for _, fate := range append(plan.Fates[:], plan.Warned) {
		names["sheet.fate."+string(fate)] = true
	}
	for _, size := range plan.Sizes {
		names["sheet.size."+size.Name] = true
	}
	for _, f := range forecasts(t) {
		for _, costs := range [][]forecast.Cost{f.Bill.Once, f.Bill.Monthly, f.Bill.Thaw} {
			for _, c := range costs {
				named[c.What] = true
			}
		}
		for _, x := range f.Time.Limits {
			named[x.Name] = !strings.HasPrefix(x.Name, "limits.") // which are called so everywhere
		}
	}
	for _, l := range language.All {
		for name := range names {
			if !l.Has(name) {
				t.Errorf("%s has no sentence %s", l.Tag, name)
			}
		}
		for name, is := range named {
			if is && l != language.All[0] && (words{l}).name(name) == name {
				t.Errorf("%s has no name for %s", l.Tag, name)
			}
		}
	}
}

func TestAForecastSaysHowOldItsPricesAre(t *testing.T) {
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	for name, tc := range map[string]struct {
		checked string
		now     time.Time
		want    string
	}{
		"of today": {"2026-11-29", day(0), "2026-11-29, today:"}, "of yesterday": {"2026-11-29", day(1), "2026-11-29, yesterday:"},
		"of last week": {"2026-11-29", day(7), "2026-11-29, 7 days ago:"}, "of last year": {"2026-11-29", day(300), "300 days ago, which is long: look them up again:"},
		"of no date": {"last spring", day(0), "looked up last spring:"}, "of a clock that is behind": {"2026-11-29", day(-2), "2026-11-29, today:"},
	} {
		got := Reader{Lang: language.All[0], Now: tc.now}.Text(forecast.Forecast{Bill: forecast.Bill{Checked: tc.checked}})
		if !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q in it", name, got, tc.want)
		}
	}
}
