package overview_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/ledgertest"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/overview"
)

// refreshed is how a run stands 3 s later; the requests for that alone are counted.
func refreshed(t *testing.T, l *ledgertest.Large, v *overview.Viewer) overview.Overview {
	t.Helper()
	time.Sleep(3 * time.Second)
	l.Requests.Store(0)
	o, err := v.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestALargeRunIsShownByFewRequests looks at a run of 2,000 shards and 800,000 batches, at
// 30 ms a request, by the clock of a bubble.
func TestALargeRunIsShownByFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, run := ledgertest.NewLarge(t, true, ledgertest.Job(t))
		l.Slow = 30 * time.Millisecond
		v := overview.NewViewer(run, overview.Options{})
		look := func(most int64) overview.Overview {
			t.Helper()
			o := refreshed(t, l, v)
			if n := l.Requests.Load(); n > most {
				t.Errorf("%d requests, want at most %d", n, most)
			}
			return o
		}
		began := time.Now()
		o := look(400)
		if took := time.Since(began) - 3*time.Second; took > 2*time.Second {
			t.Errorf("the first figures took %s, want 2 s at most", took)
		}
		t.Logf("first figures: %d requests, %d of %d records, %s", l.Requests.Load(), o.Read, o.Records, time.Since(began)-3*time.Second)
		const all = ledgertest.LargeShards * ledgertest.LargeBatches * 500
		about := func(what string, got, want int64) {
			t.Helper()
			if float64(got) < 0.9*float64(want) || float64(got) > 1.1*float64(want) {
				t.Errorf("%s is told as %d, want about %d", what, got, want)
			}
		}
		if o.Exact || len(o.Notes) == 0 || o.Notes[0].Code != "note.scaled" {
			t.Errorf("the first figures are told as exact %v with notes %+v, want that they are scaled up", o.Exact, o.Notes)
		}
		about("listed", o.Counts.Listed.Objects, all)
		about("ended", o.Counts.Ended.Objects, all)
		about("verified", o.Counts.Verified.Objects, all/2)
		about("open batches", o.Batches.Sealed-o.Batches.Ended, ledgertest.LargeShards/2)

		looks := 1
		for ; !o.Exact && looks < 20; looks++ {
			o = look(400)
		}
		t.Logf("exact after %d looks", looks)
		open := int64(500 * ledgertest.LargeShards / 2)
		if o.Counts.Listed.Objects != all || o.Counts.Verified.Objects != all/2 || o.Counts.Open.Objects != open || o.Shards.Verified != ledgertest.LargeShards/2 || o.State != overview.Copying {
			t.Errorf("once all is read: %s, %+v, want all of it, half verified, and %d objects open", o.State, o.Counts, open)
		}
		if n := len(o.Space); n == 0 || n > overview.MaxStretches {
			t.Errorf("%d stretches, want up to %d", n, overview.MaxStretches)
		}
		if n := len(o.Series.Objects); n == 0 || n > overview.MaxPoints {
			t.Errorf("%d points, want up to %d", n, overview.MaxPoints)
		}

		// Later ones read what is new.
		l.Verify(0)
		o = look(30)
		if o.Shards.Verified != ledgertest.LargeShards/2+1 || o.Counts.Open.Objects != open-500 {
			t.Errorf("after one more is verified: %d are, %d objects open", o.Shards.Verified, o.Counts.Open.Objects)
		}
		l.End(2)
		batch := ledgertest.LargeBatch(l.Shards[2], ledgertest.LargeBatches-1)
		sign := live.Work{Process: "p", Since: time.Now().Add(-time.Hour), At: time.Now(), Copies: true, Binds: "window", InFlight: 64,
			Minute: live.Done{Objects: 600, Bytes: 60 << 20}, Total: live.Done{Objects: 36000}, Written: []live.BatchDone{{ID: batch, Done: live.Done{Objects: 500}}}}
		sign.UnderWay = []live.BatchDone{{ID: ledgertest.LargeBatch(l.Shards[4], ledgertest.LargeBatches-1), Done: live.Done{Objects: 123, Bytes: 1 << 20}}}
		l.Now = time.Now
		if err := live.WriteWork(t.Context(), run.Folder(), sign); err != nil {
			t.Fatal(err)
		}
		o = look(30)
		if want := open - 500 - 500 - 123; o.Counts.Open.Objects != want || o.Counts.UnderWay.Objects != 123 {
			t.Errorf("with a batch that is told to be written off, and one under way: %d open, %d under way, want %d and 123", o.Counts.Open.Objects, o.Counts.UnderWay.Objects, want)
		}
		if o.Rate.Objects != 10 || !o.Left.Known || o.Work.Alive != 1 || o.Binds.Code != "window" {
			t.Errorf("rate %+v, left %+v, %d at work, bound by %q, want 10 objects a second, and what the process tells", o.Rate, o.Left, o.Work.Alive, o.Binds.Code)
		}
	})
}

// TestWriteOffsThatNobodyTellsOfAreFound has batches end of which no sign tells, among many
// shards that are open.
func TestWriteOffsThatNobodyTellsOfAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, run := ledgertest.NewLarge(t, true, ledgertest.Job(t))
		l.Shards = l.Shards[:100]
		v := overview.NewViewer(run, overview.Options{})
		left := func() int64 {
			t.Helper()
			o := refreshed(t, l, v)
			if n := l.Requests.Load(); o.Exact && o.Counts.Open.Objects < 50*500 && n > 30 {
				t.Errorf("a refresh took %d requests, want at most 30", n)
			}
			return o.Counts.Open.Objects
		}
		if n := left(); n != 50*500 {
			t.Fatalf("%d objects open, want those of 50 batches", n)
		}
		for i := range 50 {
			l.End(2 * i)
		}
		for looks := 1; left() > 0; looks++ {
			if looks == 20 {
				t.Fatal("after 20 refreshes not all ends are known")
			}
		}
	})
}

// TestALookAfterALongAbsenceIsWhole has half of a run be verified while nobody looks.
func TestALookAfterALongAbsenceIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, run := ledgertest.NewLarge(t, true, ledgertest.Job(t))
		l.Shards = l.Shards[:200]
		v := overview.NewViewer(run, overview.Options{})
		if _, err := v.Overview(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < 100; i += 2 {
			l.Verify(i)
		}
		time.Sleep(time.Minute)
		l.Requests.Store(0)
		o, err := v.Overview(t.Context())
		if n := l.Requests.Load(); err != nil || !o.Exact || n > 400 {
			t.Errorf("a look after a minute takes %d requests and is exact %v, %v, want at most 400, and that it is", n, o.Exact, err)
		}
		l.Requests.Store(0)
		time.Sleep(3 * time.Second)
		if _, err := v.Overview(t.Context()); err != nil || l.Requests.Load() > 30 {
			t.Errorf("the next takes %d requests, %v, want at most 30", l.Requests.Load(), err)
		}
	})
}

// TestTenWhoLookCostWhatOneCosts asks side by side, and again within the time of a refresh.
func TestTenWhoLookCostWhatOneCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, run := ledgertest.NewLarge(t, true, ledgertest.Job(t))
		l.Shards = l.Shards[:20]
		l.Slow = 30 * time.Millisecond
		all := overview.NewViewers(ledger.Open(l, ".ferry/"), overview.Options{})
		ask := func(n int) int64 {
			l.Requests.Store(0)
			var g sync.WaitGroup
			for range n {
				g.Go(func() {
					if o, err := all.Overview(t.Context(), run.Name); err != nil || !o.Exact {
						t.Errorf("exact %v, %v", o.Exact, err)
					}
				})
			}
			g.Wait()
			return l.Requests.Load()
		}
		if n := ask(10); n == 0 || n > 70 {
			t.Errorf("ten who look at once take %d requests, want those of one", n)
		}
		time.Sleep(time.Second)
		if n := ask(10); n != 0 {
			t.Errorf("ten who look a second later take %d requests, want none", n)
		}
		time.Sleep(2 * time.Second)
		if n := ask(10); n == 0 || n > 30 {
			t.Errorf("ten who look once more take %d requests, want those of one refresh", n)
		}
	})
}

// TestWhoLeavesDoesNotEndTheRefreshOfOthers has the one who asked first go away.
func TestWhoLeavesDoesNotEndTheRefreshOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, run := ledgertest.NewLarge(t, true, ledgertest.Job(t))
		l.Shards = l.Shards[:20]
		l.Slow = 30 * time.Millisecond
		v := overview.NewViewer(run, overview.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(10 * time.Millisecond)
			cancel()
		}()
		var g sync.WaitGroup
		g.Go(func() {
			time.Sleep(5 * time.Millisecond)
			if o, err := v.Overview(t.Context()); err != nil || !o.Exact {
				t.Errorf("exact %v, %v, want it as if the first had stayed", o.Exact, err)
			}
		})
		if _, err := v.Overview(ctx); err != context.Canceled {
			t.Errorf("who left has %v, want canceled", err)
		}
		g.Wait()
	})
}
