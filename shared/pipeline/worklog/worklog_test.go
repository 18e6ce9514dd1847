package worklog_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/pipeline/worklog"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// puts counts the PUTs to a bucket.
type puts struct {
	*mem.Bucket
	n     atomic.Int64
	stuck bool // it does not answer
}

func (b *puts) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	b.n.Add(1)
	if b.stuck {
		<-ctx.Done()
		return store.Stored{}, ctx.Err()
	}
	return b.Bucket.Put(ctx, o, body, how)
}

// opened is a run in an empty bucket whose clock is the bubble's, and the log of a process.
func opened() (*puts, *ledger.Run, *worklog.Log) {
	b := &puts{Bucket: mem.New(mem.OSS)}
	b.Now = time.Now
	run := ledger.Open(b, ".ferry/").Run("j/20260101T000000Z")
	log := worklog.New(run.Folder(), live.Work{Process: "p", Host: "rack-3", PID: 7}, live.WorkEvery, time.Now, func() (string, int) { return "window", 64 })
	return b, run, log
}

// told is what the one process of a run tells.
func told(t *testing.T, run *ledger.Run) live.Work {
	t.Helper()
	all, err := live.List(t.Context(), run.Folder())
	if err != nil || len(all.Work) != 1 {
		t.Fatalf("%d tell what they do, %v, want one", len(all.Work), err)
	}
	w, err := live.ReadWork(t.Context(), run.Folder(), all.Work[0])
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func row(key string, s ledger.State) ledger.Row {
	return ledger.Row{Src: store.Object{Key: key, Size: 10}, State: s, Cause: "the source does not serve it", Reason: "the source does not serve it: 500"}
}

func TestAProcessTellsEveryTenSecondsWhatItDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, run, log := opened()
		leave := log.Enter(t.Context(), "s-b00000", true)
		for i := range 90 { // an object a second
			time.Sleep(time.Second)
			log.Settled("s-b00000", row(fmt.Sprintf("k%02d", i), ledger.Copied), 10)
		}
		log.Settled("s-b00000", row("bad", ledger.Failed), 0)
		log.Throttled("s-b00000")
		time.Sleep(live.WorkEvery + time.Second)
		if n := b.n.Load(); n < 9 || n > 10 {
			t.Errorf("%d signs in 100 s, want one every 10 s", n)
		}
		w := told(t, run)
		if w.Total != (live.Done{Objects: 91, Bytes: 900, Failed: 1, Throttled: 1}) || !w.Copies || w.Binds != "window" || w.InFlight != 64 || w.Left || w.Host != "rack-3" {
			t.Errorf("it tells %+v, want all that was done", w)
		}
		if w.Minute.Objects < 45 || w.Minute.Objects > 62 {
			t.Errorf("%d objects in the last minute, want about 50", w.Minute.Objects)
		}
		if len(w.UnderWay) != 1 || w.UnderWay[0].Objects != 91 || w.UnderWay[0].ID != "s-b00000" {
			t.Errorf("under way %+v, want the batch with what ended of it", w.UnderWay)
		}
		if len(w.Failures) != 1 || w.Failures[0].Objects != 1 || w.Failures[0].Keys[0] != "bad" {
			t.Errorf("failures %+v, want the one by its cause", w.Failures)
		}
		log.WrittenOff("s-b00000")
		leave()
		log.Leave(t.Context())
		w = told(t, run)
		if len(w.UnderWay) != 0 || len(w.Written) != 1 || w.Written[0].Objects != 91 || !w.Left || w.Copies {
			t.Errorf("at its end it tells %+v, want the batch written off, and that it left", w)
		}
	})
}

// work does n tasks of a batch, and is frozen after each.
func work(t *testing.T, log *worklog.Log, n int, each, frozen time.Duration) {
	for range n {
		leave := log.Enter(t.Context(), "s-b00000", true)
		time.Sleep(each)
		leave()
		time.Sleep(frozen)
	}
}

func TestAProcessThatWorksShortlyTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, log := opened()
		work(t, log, 9, time.Second, 0)
		log.Leave(t.Context())
		if n := b.n.Load(); n != 0 {
			t.Errorf("%d signs of 9 s of work, want none", n)
		}
	})
}

// TestAnInstanceThatIsFrozenBetweenTasksTells has tasks that are shorter than the ticks by
// which signs come due.
func TestAnInstanceThatIsFrozenBetweenTasksTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, log := opened()
		work(t, log, 60, time.Second/4, time.Second/4)
		if n := b.n.Load(); n < 2 || n > 3 {
			t.Errorf("%d signs in 30 s, want one every 10 s", n)
		}
	})
}

func TestASignIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, run, log := opened()
		for i := range 1000 {
			batch := fmt.Sprintf("s-b%05d", i)
			leave := log.Enter(t.Context(), batch, true)
			r := row(strings.Repeat("k", 1024), ledger.Failed)
			r.Cause = ledger.Cause(fmt.Sprint("cause ", i))
			log.Settled(batch, r, 0)
			if i%2 == 0 {
				log.WrittenOff(batch)
			}
			time.Sleep(20 * time.Millisecond)
			leave()
		}
		leave := log.Enter(t.Context(), "", false)
		time.Sleep(live.WorkEvery + time.Second)
		leave()
		w := told(t, run)
		if len(w.UnderWay) > live.MaxBatches || len(w.Written) != live.MaxBatches || len(w.Failures) != live.MaxCauses || w.Total.Objects != 1000 {
			t.Errorf("%d under way, %d written off, %d causes, %d objects: want at most %d, %d, %d, and all of 1,000", len(w.UnderWay), len(w.Written), len(w.Failures), w.Total.Objects, live.MaxBatches, live.MaxBatches, live.MaxCauses)
		}
	})
}

// TestALedgerThatAnswersNoSignHoldsATaskUpShortly has a bucket that answers nothing.
func TestALedgerThatAnswersNoSignHoldsATaskUpShortly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, log := opened()
		b.stuck = true
		began := time.Now()
		leave := log.Enter(t.Context(), "s-b00000", true)
		time.Sleep(5 * live.WorkEvery)
		leave()
		log.Leave(t.Context())
		if late := time.Since(began) - 5*live.WorkEvery; late > 5*time.Second {
			t.Errorf("the task ended %s late, want 5 s at most", late)
		}
	})
}
