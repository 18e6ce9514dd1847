package show

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/timeline"
	"kodoferry/shared/report"
)

// pages are reports that say everything between them.
func pages() map[string]report.Report {
	many := report.Totals{Listed: 900, Copied: 500, Updated: 9, Unchanged: 100, Present: 50, Skipped: 90, Conflict: 40, Gone: 60, Failed: 50, Open: 1, Verified: 500, Mismatch: 3, Restored: 4, Excluded: 7, Deleted: 8}
	of := func(result report.Result, set func(*report.Report)) report.Report {
		rep := report.Report{Summary: report.Summary{Run: "photos/20260301T120000Z", Result: result, Seconds: 4000, Objects: many, Bytes: many}, Source: "kodo://photos/?region=z0", Target: "oss://photos-new/", Started: time.Unix(1e9, 0), Finished: time.Unix(1e9+4000, 0), Balanced: true, Warned: 2, Behind: 1}
		rep.Causes = map[ledger.Cause]ledger.Tally{}
		for _, c := range ledger.Causes {
			rep.Causes[c] = ledger.Tally{Objects: 1}
		}
		rep.Proofs = map[ledger.Proof]ledger.Tally{ledger.ByQetag: {Objects: 1}, ledger.ByMD5: {Objects: 1}, ledger.ByCRC: {Objects: 1}, ledger.ByKept: {Objects: 1}, ledger.ByTime: {Objects: 1}}
		rep.Provers = map[string]ledger.Tally{"photos/1": {Objects: 1}, "": {Objects: 1}}
		rep.Profile.Times = timeline.Timeline{From: 1e9, Each: 60, Ticks: []timeline.Tick{{Objects: 1, Bytes: 1, Failed: 1}, {Objects: 2}}}
		rep.Profile.Sizes = []ledger.Tally{{Objects: 1}, {Objects: 2, Bytes: 2}}
		rep.Profile.Classes = map[ledger.ClassName]ledger.Tally{ledger.UnknownClass: {Objects: 1}, ledger.OtherClass: {Objects: 1, Bytes: 1}}
		rep.Failures = []ledger.Failure{{Key: "1", State: ledger.Failed, Reason: "原因; 办法"}, {Key: "2", State: ledger.Conflict, Reason: "原因"}, {Key: "3", State: ledger.Copied, Verdict: ledger.Mismatch, Reason: "原因"}}
		set(&rep)
		return rep
	}
	one := report.Totals{Listed: 1, Copied: 1, Verified: 1}
	return map[string]report.Report{
		"incomplete": of(report.Incomplete, func(*report.Report) {}),
		"verified": of(report.Verified, func(r *report.Report) {
			r.Objects.Failed, r.Objects.Conflict, r.Objects.Mismatch, r.Failures, r.Seconds = 0, 0, 0, nil, 100
		}),
		"one object": of(report.Verified, func(r *report.Report) { r.Objects, r.Failures, r.Seconds = one, nil, 5 }),
		"no object":  of(report.Verified, func(r *report.Report) { r.Objects, r.Failures = report.Totals{}, nil }),
		"cancelled":  of(report.Cancelled, func(r *report.Report) { r.Unknown = []report.Unknown{{Shard: "0", Reason: "原因"}} }),
		"unproved":   of(report.Unproved, func(r *report.Report) { r.Objects.Failed = 0 }),
		"not known": of(report.Incomplete, func(r *report.Report) {
			r.Balanced, r.Unknown = false, []report.Unknown{{Shard: "0", After: "1", UpTo: "2", Reason: "原因"}}
		}),
		"off":     of(report.Incomplete, func(r *report.Report) { r.Balanced = false }),
		"refused": of(report.Incomplete, func(r *report.Report) { r.Objects, r.Mirror = one, &report.Mirror{Refused: "原因"} }),
		"not deleted": of(report.Incomplete, func(r *report.Report) {
			r.Objects, r.Mirror = one, &report.Mirror{Failed: ledger.Tally{Objects: 2}}
		}),
	}
}

// TestThePageOfAReportIsInChinese looks for English words in what a reader sees of it, but for
// those that name things as they are.
func TestThePageOfAReportIsInChinese(t *testing.T) {
	t.Setenv("LC_ALL", "zh_CN.UTF-8")
	hidden := regexp.MustCompile(`(?s)<style>.*?</style>|<pre>.*?</pre>|<code>.*?</code>|<a [^>]*>.*?</a>|ferry (jobs )?[a-z]+`)
	english := regexp.MustCompile(`\b[a-z]{3,}( [a-z]{2,})+\b|\b(Objects|Bytes|Rows|State|Proof|Took|Started|Finished|Incomplete|Verified|Cancelled|more|rows|files)\b`)
	for name, rep := range pages() {
		m := report.Manifest{Run: rep.Run, Files: make([]ledger.File, 30), Lists: []report.List{{File: ledger.File{Name: "failed.csv", Rows: 2}, Of: 9}, {File: ledger.File{Name: "present.csv", Rows: 2}, Of: 2}}}
		page, err := PageWords().Page(rep, m)
		if err != nil {
			t.Fatal(err)
		}
		text := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(hidden.ReplaceAllString(string(page), ""), "\n"))
		for line := range strings.Lines(text) {
			if word := english.FindString(line); word != "" {
				t.Errorf("%s: the page has %q in %q", name, word, strings.TrimSpace(line))
			}
		}
		if !strings.Contains(string(page), `<html lang="zh-CN">`) || strings.Contains(string(page), "{0}") {
			t.Errorf("%s: the page names another language, or leaves a value out", name)
		}
	}
}
