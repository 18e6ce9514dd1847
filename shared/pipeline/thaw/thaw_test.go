package thaw_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/thaw"
	"kodoferry/shared/store"
)

// vault has archived objects alone. Asked about one that fails has, it answers that.
type vault struct {
	store.Source
	fails map[string]fault.Kind

	mu    sync.Mutex
	asked map[string]int
}

func (v *vault) Stat(_ context.Context, key string) (store.Object, error) {
	if kind := v.fails[key]; kind != "" {
		return store.Object{}, fault.New(kind, "Stat", key, errors.New("no answer"))
	}
	return store.Object{Key: key, Frozen: true}, nil
}

func (v *vault) Thaw(_ context.Context, key string, _ int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked[key]++
	return nil
}

// TestWhatWasAskedForIsKeptWhateverOthersAnswer looks at 40 archived objects, over twice as
// many as are asked for at a time.
func TestWhatWasAskedForIsKeptWhateverOthersAnswer(t *testing.T) {
	const n = 40
	name := func(i int) string { return fmt.Sprintf("k%02d", i) }
	all := map[string]fault.Kind{}
	for i := range n {
		all[name(i)] = fault.Temporary
	}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for what, tc := range map[string]struct {
		fails map[string]fault.Kind
		since bool // they are being restored already
		kind  fault.Kind
		asked int // at least; of all that answer, where none asks to slow down
		still bool
	}{
		"all answer":                      {nil, false, "", n, false},
		"one does not":                    {map[string]fault.Kind{name(3): fault.Temporary}, false, "", n - 1, false},
		"one does not, and the rest thaw": {map[string]fault.Kind{name(3): fault.Temporary}, true, "", 0, true},
		"none does":                       {all, false, fault.Temporary, 0, false},
		"one is too much at the end":      {map[string]fault.Kind{name(n - 1): fault.Throttled}, false, "", n - 16, false},
		"one is too much and all thaw":    {map[string]fault.Kind{name(3): fault.Throttled}, true, fault.Throttled, 0, false},
	} {
		v := &vault{fails: tc.fails, asked: map[string]int{}}
		th := thaw.Thawer{Job: job.Job{Thaw: true, ThawDays: 1, ThawWait: job.Span(time.Hour)}, Source: v, Service: v, Now: func() time.Time { return at }}
		var rows []ledger.Row
		for i := range n {
			row := ledger.Row{Src: store.Object{Key: name(i), Frozen: true}, State: ledger.Pending}
			if tc.since {
				row.Thaw = &ledger.Thaw{Times: 1, Since: at.Add(-time.Minute)}
			}
			rows = append(rows, row)
		}
		found, err := th.Look(t.Context(), rows)
		want := thaw.Thawing{Waiting: n, Asked: tc.asked > 0, Still: tc.still}
		if tc.kind != "" {
			want = thaw.Thawing{}
		}
		if fault.KindOf(err) != tc.kind || found != want || len(v.asked) < tc.asked || len(v.asked) > n-len(tc.fails) {
			t.Errorf("%s: %+v, %v after %d were asked for; want %+v, %q after %d or more", what, found, err, len(v.asked), want, tc.kind, tc.asked)
		}
		for _, row := range rows {
			if times := v.asked[row.Key()]; times > 0 && (row.Thaw == nil || row.Thaw.Times != times || !row.Thaw.Since.Equal(at)) {
				t.Errorf("%s: %s was asked for, and its row has %+v", what, row.Key(), row.Thaw)
			}
		}
	}
}
