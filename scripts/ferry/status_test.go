package main

import (
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/overview"
	"kodoferry/shared/store/mem"
)

// TestAStatusTellsOfABucketThatDoesNotAnswer notes an outage of a run, some time ago,
// and before or after the run's newest record.
func TestAStatusTellsOfABucketThatDoesNotAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		asked, written time.Duration // ago
		told           bool
	}{
		"it goes on":                         {5 * time.Minute, time.Hour, true},
		"what waited was written down by it": {5 * time.Minute, 4*time.Minute + 30*time.Second, true},
		"the run has gone on since":          {20 * time.Minute, time.Minute, false},
		"nobody has asked for long":          {time.Hour, 2 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now().UTC()
			b := mem.New(mem.OSS)
			at := func(ago time.Duration) { b.Now = func() time.Time { return now.Add(-ago) } }
			at(3 * time.Hour)
			run := ledger.Open(b, ".ferry/").Run("photos/20260101T000000Z")
			if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: ledgertest.Job(t), At: now.Add(-3 * time.Hour), Root: ledger.ShardRef{Shard: "0"}, Deployed: true}); err != nil {
				t.Fatal(err)
			}
			at(tc.written)
			if _, err := run.Shards().CreateListed(t.Context(), ledger.Closed{Shard: "0", At: now}); err != nil {
				t.Fatal(err)
			}
			since := now.Add(-90 * time.Minute)
			for _, o := range []live.Outage{
				{Side: "target", Since: since.Add(-time.Hour), Asked: since, Why: "an older one"},
				{Side: "source", Since: since, Asked: now.Add(-tc.asked), Why: "403 of everything"},
			} {
				at(now.Sub(o.Asked))
				if err := live.WriteOutage(t.Context(), run.Folder(), o); err != nil {
					t.Fatal(err)
				}
			}
			o, err := overview.NewViewer(run, overview.Options{}).Overview(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := show.Overview(&text, o); err != nil {
				t.Fatal(err)
			}
			want := "waiting: the source has not answered since " + show.Moment(since)
			told := strings.Contains(text.String(), want) && strings.Contains(text.String(), "403 of everything")
			if told != tc.told || (o.Says.Code == "state.waits") != tc.told {
				t.Errorf("it tells %q, and %+v, want it to tell of the outage: %v", text.String(), o.Says, tc.told)
			}
		})
	}
}
