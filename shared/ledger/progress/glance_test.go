package progress_test

import (
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/ledger/progress"
)

// A glance answers in 5 s where a request takes 30 ms: by the clock of a
// bubble, which stands still while it works. What it works is logged.
func TestAGlanceAtALargeRunTakesFewRequests(t *testing.T) {
	began := time.Now()
	synctest.Test(t, largeGlance)
	t.Logf("%s of work in all", time.Since(began))
}

func largeGlance(t *testing.T) {
	l, run := ledgertest.NewLarge(t, true, []byte(`{}`))
	l.Slow = 30 * time.Millisecond
	began := time.Now()
	p, err := progress.Glance(t.Context(), run)
	took := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	if n := l.Requests.Load(); n > 3000 {
		t.Errorf("%d requests, want at most 3,000", n)
	}
	if took > 5*time.Second {
		t.Errorf("it waited %s for answers, want at most 5 s", took)
	}
	open, sealed, listed, verified := 0, int64(0), int64(0), 0
	for _, s := range p.Shards {
		open, sealed, listed = open+len(s.Open), sealed+s.Sealed.Batches, listed+s.Closed.Counts.Listed.Objects
		if s.Proved != nil {
			verified++
		}
	}
	if len(p.Shards) != ledgertest.LargeShards || verified != ledgertest.LargeShards/2 || open != ledgertest.LargeShards/2 || sealed != ledgertest.LargeShards*ledgertest.LargeBatches || listed != 500*ledgertest.LargeShards*ledgertest.LargeBatches {
		t.Errorf("%d shards, %d verified, %d open of %d batches, %d listed, want all of them and one open in each shard that is not verified", len(p.Shards), verified, open, sealed, listed)
	}
	if !p.Newest.Equal(time.Unix(1_800_000_000, 0)) {
		t.Errorf("the newest record is of %s, want the write-offs'", p.Newest)
	}
	t.Logf("%d shards, %d batches: %d requests, %d at a time, %s of waiting", ledgertest.LargeShards, sealed, l.Requests.Load(), l.Most.Load(), took)
}

func TestAGlanceAtARunOfTheVersionBeforeTellsTheSame(t *testing.T) {
	l, run := ledgertest.NewLarge(t, false, []byte(`{}`))
	l.Shards = l.Shards[:50]
	p, err := progress.Glance(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	sealed := int64(0)
	for _, s := range p.Shards {
		sealed += s.Sealed.Batches
	}
	if len(p.Shards) != 50 || sealed != 50*ledgertest.LargeBatches {
		t.Errorf("%d shards with %d batches, want 50 with %d", len(p.Shards), sealed, 50*ledgertest.LargeBatches)
	}
}
