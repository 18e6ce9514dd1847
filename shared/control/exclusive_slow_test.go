package control_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// slow is a ledger's bucket that takes its time, for lists and for what is put first. That it may
// get once more, late behind: a request that its client has given up, and sent anew.
type slow struct {
	*mem.Bucket
	lists, puts, late time.Duration
	put               *atomic.Bool
}

func (s slow) List(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
	time.Sleep(s.lists)
	return s.Bucket.List(ctx, r)
}

func (s slow) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return store.Stored{}, err
	}
	if !s.put.Swap(true) {
		time.Sleep(s.puts)
		if s.late > 0 {
			go func() {
				time.Sleep(s.late)
				_, _ = s.Bucket.Put(context.WithoutCancel(ctx), o, bytes.NewReader(data), how)
			}()
		}
	}
	return s.Bucket.Put(ctx, o, bytes.NewReader(data), how)
}

// TestWhoActsKnowsWhatAnotherDidWhereTheLedgerIsSlow has another process act within the time of
// its intent, and then take that back or die, while requests of one that begins take long.
func TestWhoActsKnowsWhatAnotherDidWhereTheLedgerIsSlow(t *testing.T) {
	const s = time.Second
	j := job.Job{Name: "a", Target: job.Location{Scheme: job.OSS, Bucket: "photos-new"}}
	for name, tc := range map[string]struct {
		ledger              slow
		begins, acts, empty time.Duration // behind the other's intent; empty 0: it dies
	}{
		"the other dies while intents are listed":     {slow{lists: 70 * s}, 60 * s, 70 * s, 0},
		"the own intent is written late":              {slow{puts: 30 * s}, 61 * s, 95 * s, 96 * s},
		"a request that was lost writes it once more": {slow{lists: 21 * s, late: 20 * s}, 60 * s, 61 * s, 62 * s},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := mem.New(mem.OSS)
				other := ledger.Open(b, "").Folder()
				intent, err := kept.WriteIntent(t.Context(), other, []kept.Place{{Job: j.Name, Bucket: j.Target.Bucket}}, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				var acted atomic.Bool
				over := make(chan error, 1)
				go func() {
					time.Sleep(tc.acts)
					acted.Store(true)
					if tc.empty == 0 {
						over <- nil
						return
					}
					time.Sleep(tc.empty - tc.acts)
					over <- kept.EmptyIntent(t.Context(), other, intent)
				}()
				time.Sleep(tc.begins)
				tc.ledger.Bucket, tc.ledger.put = b, new(atomic.Bool)
				var known []bool // at each look
				withdraw, err := control.Announce(t.Context(), ledger.Open(tc.ledger, ""), []job.Job{j}, time.Now()).Alone(t.Context(), func(context.Context) error {
					known = append(known, acted.Load())
					return nil
				}, func(context.Context) error { return nil })
				withdraw()
				if err != nil || !slices.Contains(known, true) {
					t.Errorf("it acts (%v), and knew of the other at its looks: %v", err, known)
				}
				if err := <-over; err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute) // what is late comes
			})
		})
	}
}

// TestAnIntentThatGrewOldIsWrittenAnew: what its owner finds out meanwhile may take longer than
// an intent stands, as to close the books of an earlier run.
func TestAnIntentThatGrewOldIsWrittenAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New(mem.OSS)
		l := ledger.Open(b, "")
		a := control.Announce(t.Context(), l, []job.Job{{Name: "a"}}, time.Now())
		time.Sleep(2 * time.Hour)
		var left time.Duration
		withdraw, err := a.Alone(t.Context(), func(context.Context) error { return nil }, func(ctx context.Context) error {
			until, _ := ctx.Deadline()
			left = time.Until(until)
			if stand, _, err := kept.ReadIntents(ctx, l.Folder(), "", time.Now()); err != nil || len(stand) != 1 {
				t.Errorf("others see %d intents (%v), want one", len(stand), err)
			}
			return nil
		})
		withdraw()
		if err != nil || left < time.Minute {
			t.Errorf("it acts within %v (%v), want a minute at least", left, err)
		}
		if stand, _, err := kept.ReadIntents(t.Context(), l.Folder(), "", time.Now()); err != nil || len(stand) != 0 {
			t.Errorf("%d intents stand behind it (%v), want none", len(stand), err)
		}
	})
}
