package report_test

import (
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
)

// shard is a shard of ten objects, all listed and copied, of which so many were
// verified; lost is how many of the rows are missing.
func shard(name string, verified, lost int64) progress.Shard {
	c := ledger.Counts{
		Listed:   ledger.Tally{Objects: 10, Bytes: 100},
		States:   map[ledger.State]ledger.Tally{ledger.Copied: {Objects: 10 - lost, Bytes: 100 - 10*lost}},
		Verdicts: map[ledger.Verdict]ledger.Tally{ledger.Verified: {Objects: verified, Bytes: 10 * verified}},
	}
	return progress.Shard{
		Ref: ledger.ShardRef{Shard: name}, Closed: &ledger.Closed{Shard: name},
		Proved: &ledger.Proved{Shard: name, Counts: c, Objects: ledger.File{Name: "objects/" + name, Rows: 10}},
	}
}

func TestARunIsVerifiedOnlyIfItsBooksSayThatAllIs(t *testing.T) {
	good := shard("0", 10, 0)
	unproved, unlisted, givenUp := shard("1", 10, 0), shard("2", 10, 0), shard("3", 10, 0)
	unproved.Proved.Failed = "it was given up"
	unlisted.Closed = nil
	givenUp.Closed.Failed = "the source refused"
	for name, tc := range map[string]struct {
		shards []progress.Shard
		want   report.Result
		files  int
		reason string // of the one unknown stretch
	}{
		"every object verified":    {[]progress.Shard{good, shard("4", 10, 0)}, report.Verified, 2, ""},
		"no object at all":         {nil, report.Verified, 0, ""},
		"one not verified":         {[]progress.Shard{good, shard("4", 9, 0)}, report.Incomplete, 2, ""},
		"a row that is not there":  {[]progress.Shard{good, shard("4", 9, 1)}, report.Incomplete, 2, ""},
		"a stretch not verified":   {[]progress.Shard{good, unproved}, report.Incomplete, 1, "not verified: it was given up"},
		"a stretch that was lost":  {[]progress.Shard{good, givenUp}, report.Incomplete, 1, "the source refused"},
		"a stretch not yet listed": {[]progress.Shard{good, unlisted}, report.Incomplete, 1, "not listed: the run was cancelled before"},
	} {
		rep, m := report.Fold("j/20260101T000000Z", job.Job{}, progress.Run{Started: ledger.Started{At: epoch}, Shards: tc.shards}, epoch.Add(time.Minute))
		if rep.Result != tc.want || len(m.Files) != tc.files || rep.Seconds != 60 {
			t.Errorf("%s: %s with %d files after %v s, want %s with %d after 60", name, rep.Result, len(m.Files), rep.Seconds, tc.want, tc.files)
		}
		if got := len(rep.Unknown) == 1 && rep.Unknown[0].Reason == tc.reason; got != (tc.reason != "") || tc.reason == "" && len(rep.Unknown) > 0 {
			t.Errorf("%s: unknown %+v, want %q", name, rep.Unknown, tc.reason)
		}
	}
}

func TestAReportNamesTheFirstFailuresAndNoAbsentKeyAmongThem(t *testing.T) {
	p := progress.Run{Failures: []ledger.Failure{{Key: "absent", State: ledger.Gone}}}
	for range ledger.MaxFailures + 5 {
		p.Failures = append(p.Failures, ledger.Failure{Key: "failed", State: ledger.Failed})
	}
	rep, _ := report.Fold("j/r", job.Job{}, p, epoch)
	if len(rep.Failures) != ledger.MaxFailures || rep.Failures[0].Key != "failed" {
		t.Errorf("%d failures, the first of %q, want %d that failed", len(rep.Failures), rep.Failures[0].Key, ledger.MaxFailures)
	}
	rep.Absent = 1
	rep.Doubt(job.Job{AllowEmpty: true}, 7, nil)
	if want := "the source does not have 1 of the 7 named keys: absent; "; rep.Result != report.Incomplete || len(rep.Reason) < len(want) || rep.Reason[:len(want)] != want {
		t.Errorf("%s, %q, want it incomplete, for %q", rep.Result, rep.Reason, want)
	}
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
