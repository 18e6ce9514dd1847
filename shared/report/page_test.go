package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// paper is the report of a good run, for tests to change.
func paper(set ...func(*report.Report)) (report.Report, report.Manifest) {
	rep := report.Report{
		V: 1,
		Summary: report.Summary{
			Run: "photos-to-photos-new-3f9a1c20b7de/20260301T020304Z", Result: report.Verified, Seconds: 5025.2,
			Objects: report.Totals{Listed: 1234567, Copied: 1234500, Unchanged: 50, Skipped: 12, Gone: 5, Verified: 1234550},
			Bytes:   report.Totals{Listed: 5 << 40, Copied: 5<<40 - 1000, Unchanged: 600, Skipped: 300, Gone: 100, Verified: 5<<40 - 400},
		},
		Source: "kodo://photos/?region=z0", Target: "oss://photos-new/archive/?region=cn-hangzhou&endpoint=internal",
		Started: time.Date(2026, 3, 1, 2, 3, 4, 0, time.UTC), Finished: time.Date(2026, 3, 1, 3, 26, 49, 0, time.UTC),
		Balanced: true, Warned: 3, Shards: 7,
		Proofs: map[ledger.Proof]ledger.Tally{
			ledger.ByQetag: {Objects: 1234400, Bytes: 5<<40 - 6000}, ledger.ByMD5: {Objects: 20, Bytes: 4000},
			ledger.ByCRC: {Objects: 80, Bytes: 1000}, ledger.ByKept: {Objects: 40, Bytes: 500}, ledger.ByTime: {Objects: 10, Bytes: 100},
		},
	}
	m := report.Manifest{V: 1, Run: rep.Run}
	for i := range 7 {
		m.Files = append(m.Files, ledger.File{Name: fmt.Sprintf("objects/%d-abcdefgh.csv.gz", i), Rows: 176366 + int64(i)%2, SHA256: strings.Repeat("0123456789abcdef", 4)})
	}
	for _, f := range set {
		f(&rep)
	}
	return rep, m
}

// failing makes a report of a run that n objects failed in, for three causes.
func failing(n int) func(*report.Report) {
	return func(r *report.Report) {
		r.Result = report.Incomplete
		r.Objects.Copied -= int64(n)
		r.Objects.Verified -= int64(n)
		r.Objects.Failed, r.Objects.Conflict = int64(n-n/5), int64(n/5)
		for i := range n {
			f := ledger.Failure{Key: fmt.Sprintf("2019/07/img_%05d.jpg", i), State: ledger.Failed}
			switch {
			case i%5 == 0:
				f.State, f.Reason = ledger.Conflict, "the target holds an object that Ferry did not write; it was left alone (overwrite=always would replace it)"
			case i%5 == 1:
				f.Key = fmt.Sprintf("/2019/img_%05d.jpg", i)
				f.Reason = `OSS keys cannot begin with "/"; give the target a prefix`
			case i%5 == 2:
				f.Reason = fmt.Sprintf(`kodo.Open %q: temporary: 503 Service Unavailable, request %08x`, f.Key, i*7919)
			default:
				f.Reason = fmt.Sprintf("the listed hash is wrong: two reads agree on the qetag FnR%025d, the listing says FqX%025d; hashMismatch=copy accepts the bytes as they are", i, i+1)
			}
			r.Failures = append(r.Failures, f)
		}
	}
}

func render(t *testing.T, set ...func(*report.Report)) string {
	t.Helper()
	page, err := report.Page(paper(set...))
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("FERRY_PAGES"); dir != "" { // for a human to look at
		name := strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-") + ".html"
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return string(page)
}

// unknown makes a report of a run that lost two stretches of the listing.
func unknown(r *report.Report) {
	r.Result, r.Balanced = report.Incomplete, false
	r.Unknown = []report.Unknown{
		{Shard: "k3j2h1g0", After: "2019/07/", UpTo: "2020/\x01", Reason: `kodo.List "2019/07/": denied: 403 bad token`},
		{Shard: "0", Reason: "the report could not be folded"},
	}
}

func TestThePageSaysWhatTheReportSays(t *testing.T) {
	for name, tc := range map[string]struct {
		set  []func(*report.Report)
		want []string
		not  []string
	}{
		"a verified run says so, and what it left out": {
			want: []string{"<h1>Verified; 17 not moved</h1>", "What was not moved", "12 skipped", "5 gone", "All 1,234,567 objects listed", "1,234,550", "12 were skipped", "5 were deleted at the source", "the books balance", "5,497,558,138,880", "It proves nothing", "1 h 23 min"},
			not:  []string{"Incomplete", "What needs a person", "Not known"},
		},
		"a failed run counts what needs a person": {
			set:  []func(*report.Report){failing(10)},
			want: []string{"<h1>Incomplete; 17 not moved</h1>", "10 objects need a person to look: 8 failed, 2 in conflict", "1,234,557 are accounted for", "What needs a person", "the books balance"},
			not:  []string{"<h1>Verified</h1>", "The first"},
		},
		"more failures than a report names are counted": {
			set:  []func(*report.Report){failing(1000), func(r *report.Report) { r.Objects.Failed += 4000; r.Objects.Copied -= 4000 }},
			want: []string{"The first 1,000 are named here", "5,000 objects, grouped by cause", "390 more"},
		},
		"given up stretches are not counted as nothing": {
			set:  []func(*report.Report){unknown},
			want: []string{"<h1>Incomplete; 17 not moved</h1>", "2 stretches of the source could not be listed", "Not known", "the beginning", "the end", "U&#43;0001", "not in these books"},
			not:  []string{"the books balance"},
		},
		"books that do not balance show by how much": {
			set: []func(*report.Report){func(r *report.Report) {
				r.Result, r.Balanced = report.Incomplete, false
				r.Objects.Copied -= 1234
			}},
			want: []string{"do not balance", ">1,234<", "Treat nothing on this page as proof"},
			not:  []string{"the books balance"},
		},
		"what was not moved stands there by cause, with the cure": {
			set: []func(*report.Report){func(r *report.Report) {
				r.Causes = map[ledger.Cause]ledger.Tally{ledger.Archived: {Objects: 7, Bytes: 200}, ledger.Disabled: {Objects: 5, Bytes: 100}, ledger.VanishedLate: {Objects: 5, Bytes: 100}}
			}},
			want: []string{"17 not moved", "Archived at the source and not thawed", "7 skipped", "Disabled at the source", "5 skipped", "chstatus", "Deleted at the source after it was copied", "5 gone", "--delete"},
			not:  []string{"column reason of the"},
		},
		"an empty source that may be so is no failure": {
			set: []func(*report.Report){func(r *report.Report) {
				*r = report.Report{V: 1, Summary: report.Summary{Run: r.Run, Result: report.Verified}, Balanced: true}
			}},
			want: []string{"<h1>Verified</h1>", "nothing to copy"},
			not:  []string{"How it was proved"},
		},
		"an empty source is told, with what is there instead": {
			set: []func(*report.Report){func(r *report.Report) {
				*r = report.Report{V: 1, Summary: report.Summary{Run: r.Run, Result: report.Incomplete, Reason: "nothing was listed below 2019; there are photos/"}, Balanced: true}
			}},
			want: []string{"<h1>Incomplete</h1>", "Nothing was listed below 2019; there are photos/."},
			not:  []string{"<h1>Verified</h1>"},
		},
		"a listing that ended early is told, and so is what speaks against it": {
			set:  []func(*report.Report){failing(1), func(r *report.Report) { r.Behind, r.Reason = 2, "7 objects were left out" }},
			want: []string{"the source ended its listing early 2 times; what was behind was listed", "7 objects were left out"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			page := render(t, tc.set...)
			for _, want := range tc.want {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(page, not) {
					t.Errorf("the page says %q", not)
				}
			}
		})
	}
}

func TestFailuresAreGroupedByCause(t *testing.T) {
	page := render(t, failing(1000))
	if got := strings.Count(page, `<article class="cause">`); got != 4 {
		t.Errorf("groups = %d, want 4: one for each cause", got)
	}
	for _, want := range []string{
		"The listed hash is wrong: two reads agree on the qetag …, the listing says …", "FnR0000000000000000000000003", // what is common, and what is special
		"hashMismatch=copy accepts the bytes as they are", "Decide which of the two is wanted; it was left alone", // the cures
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for i := range 1000 {
		if key := fmt.Sprintf("img_%05d.jpg", i); !strings.Contains(page, key) {
			t.Fatalf("the page lacks the failed key %q", key)
		}
	}
}

// hostile are keys that would fool a browser or an eye, and how they must look.
var hostile = map[string]string{
	`<script>alert(1)</script>`:      `&lt;script&gt;alert(1)&lt;/script&gt;`,
	`"><img src=x onerror=alert(1)>`: `&#34;&gt;&lt;img src=x onerror=alert(1)&gt;`,
	`{{.Run}}`:                       `{{.Run}}`,
	"invoice\u202egpj.exe":           `invoice<span class="c">U&#43;202E</span>gpj.exe`,
	"a\x00b\tc\nd\re":                `<span class="c">U&#43;000A</span>d`,
	" lead and trail ":               `<span class="c">space</span>lead and trail<span class="c">space</span>`,
	"no\u00a0break\u200bzero":        `no<span class="c">U&#43;00A0</span>break<span class="c">U&#43;200B</span>zero`,
	"\xff\xfeutf":                    `<span class="c">\xFF</span><span class="c">\xFE</span>utf`,
	"图片/照片 é.jpg":                    `图片/照片 é.jpg`,
	"long/" + longKey:                longKey,
}

var longKey = strings.Repeat("very-long-", 60)

func TestHostileKeysAreHarmless(t *testing.T) {
	page := render(t, func(r *report.Report) {
		failing(1)(r)
		r.Failures = nil
		for key := range hostile {
			r.Failures = append(r.Failures, ledger.Failure{Key: key, State: ledger.Failed, Reason: "</bdi><script>alert(2)</script> " + key + "; <b>cure</b>\u202e"})
		}
		r.Run = `<script>alert(3)</script>`
		r.Source = "javascript:alert(4)"
	})
	for key, want := range hostile {
		if !strings.Contains(page, want) {
			t.Errorf("key %q is not shown as %q", key, want)
		}
	}
	for _, bad := range []string{"<script", "<img", "<b>cure", "\u202e", "\x00", "\u200b"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q as it is", bad)
		}
	}
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	page := render(t, failing(10))
	for _, bad := range []string{"http://", "https://", "<script", "<link", "@import", "url(", "src="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if want := "default-src 'none'"; !strings.Contains(page, want) {
		t.Errorf("the page lacks the policy %q", want)
	}
}
