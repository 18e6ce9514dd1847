package listing_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/store"
)

// heavy lists pages of a thousand keys, one a second. It counts what the pages take of all
// walks that are under way.
type heavy struct {
	mu   sync.Mutex
	held int64
	most int64
}

// list lists those of keys that are behind after.
func (h *heavy) list(keys []string, after string) listing.Lister {
	return func(string) iter.Seq2[store.Object, error] {
		return func(yield func(store.Object, error) bool) {
			page := int64(0)
			hold := func(n int64) {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.held += n - page
				h.most = max(h.most, h.held)
				page = n
			}
			defer hold(0)
			from, _ := slices.BinarySearch(keys, after+"\x00")
			for n, key := range keys[from:] {
				if n%store.KeysPerPage == 0 {
					time.Sleep(time.Second)
					hold(2 * store.KeysPerPage * int64(len(key)+224)) // another is read ahead
				}
				if !yield(store.Object{Key: key}, nil) {
					return
				}
			}
		}
	}
}

// keysOf makes six pages of keys of so many bytes.
func keysOf(size func(n int) int) (keys []string) {
	for n := range 6 * store.KeysPerPage {
		keys = append(keys, strings.Repeat("k", size(n)-5)+fmt.Sprintf("%05d", n))
	}
	return keys
}

func TestWalksHoldWhatThereIsMemoryForHoweverLongTheKeysAre(t *testing.T) {
	const budget, walks = 96 << 20, 48
	of := func(size int) func(int) int { return func(int) int { return size } }
	later := func(n int) int { // beyond what is known when the walks begin
		if n < 2*store.KeysPerPage {
			return 50
		}
		return 1000
	}
	for name, tc := range map[string]struct {
		src, dst func(n int) int
		atOnce   int // walks that the memory is enough for
	}{
		"short keys":             {of(60), of(60), walks},
		"long keys of both":      {of(750), of(750), 12},
		"of the source alone":    {of(1000), of(50), 12},
		"of the target alone":    {of(50), of(1000), 12},
		"behind many short ones": {later, later, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, h := listing.NewMemory(), &heavy{}
				src, dst := keysOf(tc.src), keysOf(tc.dst)
				begun, most := 0, 0
				var mu sync.Mutex
				var all sync.WaitGroup
				// walk walks both sides, and what it leaves where it is short of memory anew.
				walk := func() {
					after := ""
					for left := true; left; {
						left = false
						w, err := m.Begin(t.Context())
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						begun++
						most = max(most, begun)
						mu.Unlock()
						for p, err := range pairs(w.Both(h.list(src, after), h.list(dst, after))) {
							if err != nil {
								t.Error(err)
								break
							}
							if after = p.Key(); w.Short() {
								left = true
								break
							}
						}
						mu.Lock()
						begun--
						mu.Unlock()
						w.End()
					}
				}
				all.Go(walk) // the first of a run, which all others follow from
				all.Wait()
				for range walks {
					all.Go(walk)
				}
				all.Wait()
				if h.most > budget {
					t.Errorf("%d walks hold pages of %d MiB, of %d", most, h.most>>20, budget>>20)
				}
				if most < tc.atOnce {
					t.Errorf("%d walks are under way at a time, and there is memory for %d", most, tc.atOnce)
				}
			})
		})
	}
}

func TestAWalkWaitsForMemoryUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := listing.NewMemory()
		for range 48 {
			if _, err := m.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := m.Begin(ctx); err == nil {
			t.Error("a walk begins beside as many as there is memory for")
		}
	})
}

func pairs(src, dst listing.Lister) iter.Seq2[listing.Pair, error] {
	return listing.Join(src, dst, true)
}
