package pipeline_test

import (
	"context"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// TestNoListingIsCutAtAKeyThatCannotBeABorder lists keys of which each would end a
// shard, if it could.
func TestNoListingIsCutAtAKeyThatCannotBeABorder(t *testing.T) {
	long := strings.Repeat("l", 9<<10)
	for name, tc := range map[string]struct {
		keys   []string
		target string // prefix
		failed int64
	}{
		"the empty key first":            {[]string{"", "a", "b"}, "", 1},
		"the empty key alone":            {[]string{""}, "", 1},
		"the empty key, taken elsewhere": {[]string{"", "a", "b"}, "old/", 0},
		"one too long for a message":     {[]string{"a", long, "m", "n"}, "", 1},
		"several, and the last ones":     {[]string{"a", "b", long, long + "1", long + "2"}, "", 3},
		"nothing but such":               {[]string{"", long, long + "1"}, "", 3},
		"one of bytes that are escaped":  {[]string{"a", "b" + strings.Repeat("\x01", 1100), "c"}, "", 1},
	} {
		for _, chain := range []bool{false, true} {
			if chain {
				name += ", in a chain"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(j *job.Job) {
					j.Limits.ShardKeys, j.Limits.BatchObjects, j.Target.Prefix = 1, 1, tc.target
				})
				for _, key := range tc.keys {
					put(t, w.src, key, []byte("of "+key[:min(len(key), 9)]))
				}
				var lists atomic.Int64
				w.source = func(src store.Source) store.Source {
					return &troubled{Source: src, list: func(ctx context.Context, r store.Range) iter.Seq2[store.Object, error] {
						if lists.Add(1) > 300 {
							t.Error("it lists for ever")
							w.pipe = pipeline.New(w.config)
							return func(func(store.Object, error) bool) {}
						}
						if _, err := src.Stat(ctx, r.After); chain && r.After != "" && err != nil {
							return func(func(store.Object, error) bool) {} // it lists from keys that exist alone
						}
						return src.List(ctx, r)
					}}
				}
				w.fresh()
				w.before = func(tk task.Task) {
					if body, err := task.Encode(tk); err != nil || len(body) > 64<<10 {
						t.Errorf("a %s task has %d bytes, %v: no queue takes it", tk.Kind, len(body), err)
					}
				}
				rep := w.run()
				n := int64(len(tc.keys))
				wantTotals(t, rep, report.Totals{Listed: n, Failed: tc.failed, Copied: n - tc.failed, Verified: n - tc.failed})
				for _, key := range tc.keys {
					if row, ok := w.rows()[key]; !ok || (row.State == ledger.Failed) != (row.Reason != "") {
						t.Errorf("the row of %.20q is %s: %q", key, row.State, row.Reason)
					}
					s, err := report.Why(t.Context(), w.config.Ledger.Run(runName), key)
					if err != nil || len(s.Steps) == 0 || s.Steps[0].Row.Key() != key {
						t.Errorf("why of %.20q tells %+v, %v", key, s.Steps, err)
					}
				}
			})
		}
	}
}

func TestAListOfKeysMayNameTheEmptyKey(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.ShardKeys, j.KeyList, j.Target.Prefix = 1, "keys.txt", "old/" })
	put(t, w.src, "", []byte("nameless"))
	put(t, w.src, "b", []byte("b"))
	w.runKeys("\"\"\nb\n")
	wantTotals(t, w.report(), report.Totals{Listed: 2, Copied: 2, Verified: 2})
}
