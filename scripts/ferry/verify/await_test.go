package verify

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// long takes ten seconds for each walk over the records of a verification.
type long struct {
	*mem.Bucket
	walks atomic.Int64
}

func (l *long) List(ctx context.Context, in store.Range) iter.Seq2[store.Object, error] {
	if strings.Contains(in.Prefix, "reproved/") {
		l.walks.Add(1)
		time.Sleep(10 * time.Second)
	}
	return l.Bucket.List(ctx, in)
}

// TestWaitingForAVerificationOfFunctionsHardlyReadsItsRecords has one that takes an hour:
// of that time walks over its records take a twentieth, and its report is seen at once.
func TestWaitingForAVerificationOfFunctionsHardlyReadsItsRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &long{Bucket: mem.New(mem.OSS)}
		run := ledger.Open(b, "").Run("j/20260101T000000Z")
		v := run.Verification(ledger.VerificationName(run.Name, time.Now()))
		for r, verifies := range map[*ledger.Run]*ledger.Verification{run: nil, v: {Run: run.Name, Mode: "head"}} {
			if _, err := r.CreateStarted(t.Context(), ledger.Started{Job: []byte(`{}`), Root: ledger.ShardRef{Shard: ledger.RootShard}, Verifies: verifies}); err != nil {
				t.Fatal(err)
			}
		}
		const over = time.Hour
		began := time.Now()
		time.AfterFunc(over, func() {
			if _, err := v.Results().CreateReport(t.Context(), []byte(`{"v":2,"verified":true}`)); err != nil {
				t.Error(err)
			}
		})
		rep, err := await(t.Context(), v, func(int64, int64) {})
		if took := time.Since(began); err != nil || !rep.Verified || took > over+10*time.Second+lookEvery {
			t.Errorf("%+v, %v after %s", rep, err, took)
		}
		if n := b.walks.Load(); n < 10 || n > 18 {
			t.Errorf("%d walks of ten seconds in an hour, want about 17", n)
		}
	})
}

func TestWaitingForAVerificationEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := ledger.Open(mem.New(mem.OSS), "").Run("j/20260101T000000Z")
		if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: []byte(`{}`), Root: ledger.ShardRef{Shard: ledger.RootShard}, Verifies: &ledger.Verification{Run: run.Name, Mode: "rows"}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := await(ctx, run, func(int64, int64) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the end of the time", err)
		}
	})
}
