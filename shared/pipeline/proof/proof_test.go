package proof_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/proof"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// side is a bucket that lists objects in key order, and knows hidden ones, too.
type side struct{ listed, hidden []store.Object }

func (s side) List(context.Context, store.Range) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, o := range s.listed {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (s side) Stat(_ context.Context, key string) (store.Object, error) {
	for _, o := range slices.Concat(s.listed, s.hidden) {
		if o.Key == key {
			return o, nil
		}
	}
	return store.Object{}, fault.New(fault.NotFound, "Stat", key, nil)
}

func (side) Open(context.Context, store.Object, int64, int64) (store.Object, io.ReadCloser, error) {
	return store.Object{}, nil, errors.New("a proof reads no bodies")
}

func (side) CheckKey(string) error { return nil }

// shard returns a shard of rows in round 0 between two sides, and the keys that go to
// the next round. One more round is left.
func shard(t *testing.T, src, dst side, rows ...ledger.Row) (s *proof.Shard, next *[]string) {
	t.Helper()
	j := job.Job{Name: "photos", Overwrite: job.OverwriteChanged, Class: job.KeepClass, Limits: job.Limits{Rounds: 1}}
	j.Ledger.Bucket = "elsewhere"
	match, err := j.Filter.Compile("")
	if err != nil {
		t.Fatal(err)
	}
	rules := &verdict.Rules{Job: j, Match: match, Target: dst, Now: func() time.Time { return noon }}
	next = &[]string{}
	c := ledger.Closed{Shard: "root"}
	for _, row := range rows {
		c.Counts.Listed.Add(1, row.Src.Size)
	}
	return &proof.Shard{
		Closed: c, Rules: rules, Asker: &verdict.Asker{Rules: rules, Log: slog.New(slog.DiscardHandler)}, Source: src, Target: dst, Began: noon,
		Rows: func(context.Context) iter.Seq2[ledger.Row, error] {
			return func(yield func(ledger.Row, error) bool) {
				for _, row := range rows {
					if !yield(row, nil) {
						return
					}
				}
			}
		},
		Next:   func(row ledger.Row) { *next = append(*next, row.Key()) },
		Failed: func() error { return nil },
		Proven: func(int64) {},
	}, next
}

// TestARowIsProvedByWhatBothSidesHave has one copied row, and both sides as a second
// listing finds them.
func TestARowIsProvedByWhatBothSidesHave(t *testing.T) {
	v1 := store.Object{Key: "k", Size: 3, Hash: "F1", Modified: noon.Add(-time.Hour)}
	v2 := store.Object{Key: "k", Size: 5, Hash: "F2", Modified: noon.Add(time.Hour)}
	copied := store.Object{Key: "k", Size: 3, Hash: "E1", Modified: noon}
	another := store.Object{Key: "k", Size: 3, Hash: "E9", Modified: noon.Add(time.Hour)}
	row := ledger.Row{Src: v1, State: ledger.Copied, Dst: &ledger.Dst{ETag: "E1", Size: 3}}
	one := func(o store.Object) []store.Object { return []store.Object{o} }
	for name, tc := range map[string]struct {
		src, dst side
		state    ledger.State // "": its row went to the next round
		verdict  ledger.Verdict
		unlisted int64
	}{
		"both are as they were":         {side{listed: one(v1)}, side{listed: one(copied)}, ledger.Copied, ledger.Verified, 0},
		"the copy is gone":              {side{listed: one(v1)}, side{}, ledger.Copied, ledger.Mismatch, 0},
		"the copy is another's":         {side{listed: one(v1)}, side{listed: one(another)}, ledger.Conflict, "", 0},
		"the object is gone":            {side{}, side{listed: one(copied)}, ledger.Gone, "", 0},
		"the object is there, unlisted": {side{hidden: one(v1)}, side{listed: one(copied)}, ledger.Copied, ledger.Verified, 1},
		"the object is another version": {side{listed: one(v2)}, side{listed: one(copied)}, "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, next := shard(t, tc.src, tc.dst, row)
			p, err := s.Prove(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			states, verdicts := map[ledger.State]ledger.Tally{}, map[ledger.Verdict]ledger.Tally{}
			if tc.state != "" {
				states[tc.state] = ledger.Tally{Objects: 1, Bytes: 3}
			}
			if tc.verdict != "" {
				verdicts[tc.verdict] = ledger.Tally{Objects: 1, Bytes: 3}
			}
			if !maps.Equal(p.Counts.States, states) || !maps.Equal(p.Counts.Verdicts, verdicts) || p.Counts.Unlisted != tc.unlisted {
				t.Errorf("counts = %+v, want states %v, verdicts %v, and %d unlisted", p.Counts, states, verdicts, tc.unlisted)
			}
			if gone := len(*next) == 1; gone != (tc.state == "") {
				t.Errorf("next = %q, want the key there: %v", *next, tc.state == "")
			}
			if want := states[tc.state]; p.Counts.Listed != want {
				t.Errorf("listed = %+v, want %+v: what the next round has is counted there", p.Counts.Listed, want)
			}
		})
	}
}
