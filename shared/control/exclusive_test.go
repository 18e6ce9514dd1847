package control_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// far is a ledger's bucket whose lists come a while later.
type far struct {
	*mem.Bucket
	took time.Duration
}

func (f far) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	time.Sleep(f.took)
	return f.Bucket.List(ctx, r)
}

// TestWhoLookedBeforeAnotherActedLooksAgain has another process act at every moment around
// the looks of one, which then must know of it, or have been seen by it.
func TestWhoLookedBeforeAnotherActedLooksAgain(t *testing.T) {
	j := job.Job{Name: "a", Target: job.Location{Scheme: job.OSS, Bucket: "photos-new"}}
	for at := range 40 {
		synctest.Test(t, func(t *testing.T) {
			b := mem.New(mem.OSS)
			var mu sync.Mutex
			var acts []string
			done := func() []string {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(acts)
			}
			other := make(chan error, 1)
			go func() {
				time.Sleep(time.Duration(at) * time.Millisecond)
				other <- control.Exclusively(t.Context(), ledger.Open(far{b, time.Millisecond}, ""), []job.Job{j}, time.Now(), func(context.Context) error {
					time.Sleep(5 * time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					acts = append(acts, "other")
					return nil
				})
			}()
			time.Sleep(10 * time.Millisecond)
			var known []string // what was done when this one looked last
			withdraw, err := control.Announce(t.Context(), ledger.Open(far{b, 10 * time.Millisecond}, ""), []job.Job{j}, time.Now()).Alone(t.Context(), func(context.Context) error {
				known = done()
				return nil
			}, func(context.Context) error {
				if now := done(); !slices.Equal(known, now) {
					t.Errorf("another begun at %d ms: this one knows of %q when it acts, and %q were done", at, known, now)
				}
				time.Sleep(10 * time.Millisecond)
				if !slices.Equal(known, done()) {
					t.Errorf("another begun at %d ms acted beside this one", at)
				}
				return nil
			})
			withdraw()
			if err != nil {
				t.Fatal(err)
			}
			if err := <-other; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestALookThatNobodyActedBesideCounts: the looks of one that is alone take as long as the
// list of intents beside them.
func TestALookThatNobodyActedBesideCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ledger.Open(far{mem.New(mem.OSS), 10 * time.Millisecond}, "")
		begun, looks := time.Now(), 0
		withdraw, err := control.Announce(t.Context(), l, []job.Job{{Name: "a"}}, begun).Alone(t.Context(), func(context.Context) error {
			looks++
			time.Sleep(10 * time.Millisecond)
			return nil
		}, func(context.Context) error { return nil })
		if took := time.Since(begun); err != nil || looks != 1 || took != 10*time.Millisecond {
			t.Errorf("%d looks in %s, %v, want 1 in 10ms", looks, took, err)
		}
		withdraw()
	})
}
