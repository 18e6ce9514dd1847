package pipeline_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/store"
)

// moody is a target that refuses some parts so many times.
type moody struct {
	pipeline.Target
	mu   sync.Mutex
	left map[int]int // by part
}

func (m *moody) PutPart(ctx context.Context, key, id string, n int, body io.Reader, size int64) (store.Part, error) {
	m.mu.Lock()
	m.left[n]--
	refused := m.left[n] >= 0
	m.mu.Unlock()
	if refused {
		return store.Part{}, fault.New(fault.Temporary, "part", key, errors.New("reset"))
	}
	return m.Target.PutPart(ctx, key, id, n, body, size)
}

func TestAnyPartOfATaskMayBeTheOneThatIsLeft(t *testing.T) {
	for name, bad := range map[string]func(n int) bool{
		"the first":         func(n int) bool { return n == 1 },
		"one in the middle": func(n int) bool { return n == 3 },
		"the last":          func(n int) bool { return n == 5 },
		"all but one":       func(n int) bool { return n != 4 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, inParts)
			put(t, w.src, "big", random(20*mib, 1))
			left := map[int]int{} // tries that still fail, by part
			for n := 1; n <= 5; n++ {
				if bad(n) {
					left[n] = 4 // one more than there are in one delivery
				}
			}
			w.target = func(d pipeline.Target) pipeline.Target { return &moody{Target: d, left: left} }
			w.fresh()
			rep := w.run()
			wantTotals(t, rep, pipeline.Totals{Listed: 1, Copied: 1, Verified: 1})
			w.same()
			if open := w.dst.Uploads(); len(open) > 0 {
				t.Errorf("uploads %q are left open", open)
			}
		})
	}
}
