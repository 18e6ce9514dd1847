package show

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/console/language"
	"kodoferry/shared/ledger"
	"kodoferry/shared/overview"
	"kodoferry/shared/report"
)

// named finds the names of sentences that are asked for by what they are called.
var named = regexp.MustCompile(`\b(say|row|line|Sentence|Padded|count|Count|Said|happened|Or)\("([a-z_.]+)"`)

// TestEverySentenceThatIsAskedForIsInTheCatalogue reads the source: a name that no catalogue
// has would be printed as it is.
func TestEverySentenceThatIsAskedForIsInTheCatalogue(t *testing.T) {
	asked := map[string]bool{"wait.answer": true, "wait.ends": true, "wait.places": true, "wait.deployment": true, "bad.failed": true, "bad.conflict": true, "bad.mismatch": true}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		elsewhere := filepath.Base(filepath.Dir(name)) != "show"
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range named.FindAllStringSubmatch(string(source), -1) {
			switch name := m[2]; {
			case strings.HasSuffix(name, "."), m[1] == "line" && elsewhere: // what follows is a word of the model; another's line
			case m[1] == "row":
				asked["label."+name] = true
			case m[1] == "count", m[1] == "Count":
				asked["n."+name] = true
			case m[1] != "Or":
				asked[name] = true
			}
		}
		return nil
	})
	if err != nil || len(asked) < 100 {
		t.Fatalf("%d names were found, %v, want those of all that is printed", len(asked), err)
	}
	for _, s := range []overview.State{overview.Listing, overview.Copying, overview.Verifying, overview.Reporting, overview.Following, overview.Over} {
		asked["run."+string(s)] = true
	}
	for _, does := range []string{overview.Copies, overview.Works, overview.Waits} {
		asked["does."+does] = true
	}
	for _, s := range []ledger.State{ledger.Pending, ledger.Copied, ledger.Updated, ledger.Unchanged, ledger.Present, ledger.Skipped, ledger.Conflict, ledger.Gone, ledger.Deleted, ledger.Failed, overview.OpenLine, "mismatch"} {
		asked["state."+string(s)] = true
	}
	for _, story := range []string{"overwritten", "overwritten.moral", "removed", "claimed", "claimed.moral", "mislabelled", "mislabelled.moral", "archived", "disabled", "slash", "md5", "no_hash"} {
		asked["story."+story] = true
	}
	for _, f := range ledger.Findings {
		asked["again.found."+string(f)] = true
	}
	for _, r := range []string{"only_source", "only_target", "different", "same_md5", "same_run", "same_kept", "same_size"} {
		asked["diff.of."+r] = true
	}
	for _, r := range []report.Result{report.Verified, report.Incomplete, report.Unproved, report.Cancelled, report.Result(ledger.Going), report.Result(ledger.Paused), report.Result(ledger.Sealed), report.Result(ledger.Over)} {
		asked["came."+string(r)] = true
	}
	for _, change := range []string{"new", "changed", "same", "replaced"} {
		asked["jobs.change."+change] = true
	}
	for _, stage := range []string{"listed", "copied", "verified", "report", "event"} {
		asked["why.stage."+stage] = true
	}
	for _, why := range []string{"unverified", "metadata_only", "source_gone", "source_changed", "target_gone", "target_changed", "with_nul", "with_break"} {
		asked["export."+why] = true
	}
	for _, does := range []string{"a_second", "number"} {
		asked["limits."+does] = true
	}
	for _, label := range []string{"aborted", "removed", "rows", "stays"} {
		asked["clean."+label] = true
	}
	for _, c := range ledger.Causes {
		if c != ledger.Other {
			asked["unmoved."+string(c)], asked["unmoved."+string(c)+".cure"] = true, true
		}
	}
	for _, l := range language.All {
		for name := range asked {
			if what, counted := strings.CutPrefix(name, "n."); counted {
				if !l.Has("n."+what+".one") || !l.Has("n."+what+".many") {
					t.Errorf("%s counts no %s", l.Tag, what)
				}
				continue
			}
			if !l.Has("cli." + name) {
				t.Errorf("%s has no sentence cli.%s", l.Tag, name)
			}
		}
	}
}

// TestARunIsShownInChinese looks for English words in what is shown of a run, but for those that
// name things as they are.
func TestARunIsShownInChinese(t *testing.T) {
	t.Setenv("LC_ALL", "zh_CN.UTF-8")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	many := ledger.Tally{Objects: 1000, Bytes: 1 << 30}
	o := overview.Overview{
		Run: "photos/20260301T120000Z", Source: "kodo://photos/", Target: "oss://photos-new/", State: overview.Copying, At: now, Started: now.Add(-time.Hour),
		Says:    overview.Sentence{Code: "state.verifying", Args: []overview.Arg{{Name: "checked", Kind: overview.Number, Number: 1}, {Name: "listed", Kind: overview.Number, Number: 2}}},
		Counts:  overview.Counts{Listed: many, ToCopy: many, Ended: many, Open: many, Verified: many, Failed: many, Excluded: many, UnderWay: many, Throttled: 12, Settled: many, Checked: many},
		Batches: overview.Batches{Sealed: 8, UnderWay: 4}, Shards: overview.Shards{Known: 20, Listed: 10},
		Rate: overview.Rate{Objects: 5, Bytes: 1e9, Over: time.Minute}, Left: overview.Left{Known: true, Time: time.Hour, Rests: overview.Sentence{Code: "left.listing"}},
		Books: overview.Books{Listed: many, Lines: []overview.Line{{State: ledger.Copied, Tally: many}, {State: overview.EndedLine, Tally: many}}},
		Work:  overview.Work{Alive: 1, Workers: []overview.Worker{{Process: "1", Does: overview.Copies, Since: now, Seen: now, Ended: many}}},
	}
	o.Series.Objects, o.Series.Bytes = []int64{1, 2}, []int64{1, 2}
	rep := report.Report{Summary: report.Summary{Run: "photos/20260301T120000Z", Result: report.Incomplete, Seconds: 3, Objects: report.Totals{Listed: 9, Copied: 3, Skipped: 1, Failed: 2, Conflict: 1, Verified: 3, Excluded: 4}, Bytes: report.Totals{Copied: 1 << 20}}, Warned: 2, Causes: map[ledger.Cause]ledger.Tally{ledger.Archived: {Objects: 1}}}
	rep.Failures = []ledger.Failure{{Key: "1", State: ledger.Failed, Reason: "原因; 办法"}}
	var text strings.Builder
	for _, write := range []func() error{func() error { return Summary(&text, rep) }, func() error { return Failures(&text, rep) }} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	style := Style{Width: 100, Tongue: spoken()}
	all := append(append(Lines(o, style, true), Moving(o, style)...), OverviewLine(o), moved(o), strings.ReplaceAll(text.String(), report.ListFile("failed"), ""))
	english := regexp.MustCompile(`\b(the|of|and|objects?|listed|copied|failed|verified|Next|about|open|copies|left|rate)\b`)
	for _, line := range all {
		if word := english.FindString(line); word != "" {
			t.Errorf("%q stands in %q", word, line)
		}
	}
}
