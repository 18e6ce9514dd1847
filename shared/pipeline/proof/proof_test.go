package proof_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/proof"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
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

// lasts are last rows, and how many were gone over.
type lasts struct {
	rows []memory.Row
	at   int
}

func (l *lasts) Next() (*memory.Row, error) {
	if l.at == len(l.rows) {
		return nil, nil
	}
	l.at++
	return &l.rows[l.at-1], nil
}

func (l *lasts) Find(key string) (*memory.Row, error) {
	i := slices.IndexFunc(l.rows, func(r memory.Row) bool { return r.Key == key })
	if i < 0 {
		return nil, nil
	}
	return &l.rows[i], nil
}

func (*lasts) Close() {}

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
		Run:    "j/1",
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
		Lasts:  func(context.Context) proof.Lasts { return &lasts{} },
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

// TestWhatWasWrittenOverACopyKeepingItsMetadataIsAnothers has a copied row, and in the
// target another object of its size and with its metadata.
func TestWhatWasWrittenOverACopyKeepingItsMetadataIsAnothers(t *testing.T) {
	const was, now = "FF112233445566778899AABBCCDDEEFF", "00112233445566778899AABBCCDDEEFF"
	src := store.Object{Key: "k", Size: 3, Hash: "F1", Modified: noon.Add(-time.Hour)}
	row := ledger.Row{Src: src, State: ledger.Copied, Proof: ledger.ByQetag, Prover: "photos/0", Dst: &ledger.Dst{ETag: was, CRC64: "1", Size: 3, Modified: noon}}
	for name, tc := range map[string]struct {
		etag, md5, crc string
		state          ledger.State
		proof          ledger.Proof
		author         string
	}{
		"other bytes": {now, now, "", ledger.Conflict, "", ledger.NotOurs},
		"in parts, which do not tell their bytes":   {now + "-2", "", "", ledger.Copied, ledger.ByKept, "photos"},
		"in parts, with other bytes by their CRC64": {now + "-2", "", "2", ledger.Conflict, "", ledger.NotOurs},
		"in parts, with the same bytes":             {now + "-2", "", "1", ledger.Copied, ledger.ByKept, "photos"},
	} {
		t.Run(name, func(t *testing.T) {
			dst := store.Object{Key: "k", Size: 3, Hash: tc.etag, MD5: tc.md5, CRC64: tc.crc, Modified: noon.Add(time.Hour)}
			s, _ := shard(t, side{listed: []store.Object{src}}, side{}, row)
			dst.Origin = s.Rules.Copies().Origin(src, src)
			s.Target = side{listed: []store.Object{dst}}
			s.Rules.Target = side{listed: []store.Object{dst}}
			p, err := s.Prove(t.Context())
			if err != nil || p.Counts.States[tc.state].Objects != 1 || (tc.state == ledger.Conflict) != (p.Counts.Verdicts[ledger.Verified].Objects == 0) {
				t.Errorf("counts = %+v (%v), want it %s", p.Counts, err, tc.state)
			}
			kept := packed(t, p)
			if len(kept) != 1 || kept[0].Author != tc.author || kept[0].Proof != tc.proof || kept[0].Prover == "photos/0" {
				t.Errorf("a later run finds %+v, want it by %q, proved by %q", kept, tc.author, tc.proof)
			}
		})
	}
}

// TestWhatARoundLeftStaysKnownWhateverTheNextEndsAs has a key that a round copied and that
// changed at the source since, and the next round's row of it.
func TestWhatARoundLeftStaysKnownWhateverTheNextEndsAs(t *testing.T) {
	v1 := store.Object{Key: "k", Size: 3, Hash: "F1", Modified: noon.Add(-time.Hour)}
	v2 := store.Object{Key: "k", Size: 5, Hash: "F2", Modified: noon.Add(time.Hour)}
	copied := store.Object{Key: "k", Size: 3, Hash: "E1", Modified: noon}
	both := func(src store.Object) (side, side) {
		return side{listed: []store.Object{src}}, side{listed: []store.Object{copied}}
	}
	for name, tc := range map[string]struct {
		row    ledger.Row // of the round before
		older  *memory.Row
		author string
		prover string
	}{
		"copied":                           {ledger.Row{Src: v1, State: ledger.Copied, Proof: ledger.ByQetag}, nil, "j/1", "j/1"},
		"copied, over an older run's":      {ledger.Row{Src: v1, State: ledger.Copied, Proof: ledger.ByQetag}, &memory.Row{Key: "k", Dst: ledger.Dst{ETag: "E0", Size: 3}, State: ledger.Copied, Proof: ledger.ByQetag, Author: "j/0", Prover: "j/0"}, "j/1", "j/1"},
		"updated":                          {ledger.Row{Src: v1, State: ledger.Updated, Proof: ledger.ByQetag, Prover: "j/0"}, nil, "j/1", "j/0"},
		"unchanged":                        {ledger.Row{Src: v1, State: ledger.Unchanged, Proof: ledger.ByQetag, Author: "j/0", Prover: "j/0"}, nil, "j/0", "j/0"},
		"proved, and written by another":   {ledger.Row{Src: v1, State: ledger.Unchanged, Proof: ledger.ByQetag, Author: ledger.NotOurs}, nil, ledger.NotOurs, "j/1"},
		"unchanged, by its metadata alone": {ledger.Row{Src: v1, State: ledger.Unchanged, Proof: ledger.ByKept, Author: "photos"}, nil, "photos", "j/1"},
	} {
		for _, end := range []ledger.State{ledger.Failed, ledger.Gone, ledger.Conflict, ledger.Skipped, ledger.Present} {
			t.Run(name+", then "+string(end), func(t *testing.T) {
				src, dst := both(v2)
				tc.row.Dst = &ledger.Dst{ETag: "E1", Size: 3, Modified: noon}
				before, _ := shard(t, src, dst, tc.row)
				var next []ledger.Row
				before.Next = func(row ledger.Row) { next = append(next, row) }
				if _, err := before.Prove(t.Context()); err != nil || len(next) != 1 {
					t.Fatalf("%d rows for the next round, %v", len(next), err)
				}
				row := next[0]
				if row.State = end; end == ledger.Gone {
					src = side{}
				}
				s, _ := shard(t, src, dst, row)
				s.Closed.Round = 1
				if tc.older != nil {
					s.Lasts = func(context.Context) proof.Lasts { return &lasts{rows: []memory.Row{*tc.older}} }
				}
				p, err := s.Prove(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				kept := packed(t, p)
				if len(kept) != 1 || kept[0].Author != tc.author || kept[0].Prover != tc.prover && kept[0].Prover != "" || kept[0].Dst.ETag != "E1" {
					t.Errorf("a later run finds %+v, want it by %q, proved by %q", kept, tc.author, tc.prover)
				}
			})
		}
	}
}

// TestWhatEarlierRunsLeftOfLostKeysIsBounded has a source that has lost all keys but every
// twentieth: a shard carries on as many rows of the others as it may hold keys, and knows
// what there is of its own.
func TestWhatEarlierRunsLeftOfLostKeysIsBounded(t *testing.T) {
	const all, every, most = 200, 20, 30
	var src, dst side
	var rows []ledger.Row
	past := &lasts{}
	for i := range all {
		key := fmt.Sprintf("k%03d", i)
		o := store.Object{Key: key, Size: 3, Hash: "E1", Modified: noon}
		dst.listed = append(dst.listed, o)
		past.rows = append(past.rows, memory.Row{Key: key, Src: o, Dst: ledger.Dst{ETag: "E1", Size: 3, Modified: noon}, State: ledger.Copied, Proof: ledger.ByQetag, Author: "j/0", Prover: "j/0"})
		if i%every == every-1 {
			src.listed = append(src.listed, o)
			rows = append(rows, ledger.Row{Src: o, State: ledger.Failed})
		}
	}
	for name, tc := range map[string]struct {
		round, want int
		named       bool
	}{
		"its first round": {0, most + all/every, false},
		"a later round":   {1, all / every, false},
		"a list of keys":  {0, all / every, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := shard(t, src, dst, rows...)
			s.Rules.Job.Limits.ShardKeys, s.Closed.Round, s.Named = most, tc.round, tc.named
			past.at = 0
			s.Lasts = func(context.Context) proof.Lasts { return past }
			p, err := s.Prove(t.Context())
			if err != nil || p.Counts.States[ledger.Failed].Objects != all/every {
				t.Fatalf("%+v, %v", p.Counts, err)
			}
			kept := packed(t, p)
			if len(kept) != tc.want || past.at > most+most/every+2 {
				t.Errorf("a later run finds %d rows, and %d were gone over; want %d", len(kept), past.at, tc.want)
			}
			for _, row := range rows {
				if !slices.ContainsFunc(kept, func(r memory.Row) bool { return r.Key == row.Key() && r.Author == "j/0" }) {
					t.Errorf("nothing is left of %s", row.Key())
				}
			}
		})
	}
}

// packed are the rows that a later run reads of what a shard was proved to be.
func packed(t *testing.T, p proof.Proof) (rows []memory.Row) {
	t.Helper()
	l := ledger.Open(mem.New(mem.OSS), "")
	file, err := p.Packed.Write(t.Context(), l.Run("j/1").Results(), "root")
	if err != nil || file == nil {
		return nil
	}
	m, err := json.Marshal(map[string]any{"run": "j/1", "files": []ledger.File{{Name: "objects/none.csv.gz", Packed: file}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run("j/1").Results().WriteFile(t.Context(), ledger.ManifestFile, m); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(m)
	past := memory.Memory{Ledger: l, Runs: []ledger.Last{{Run: "j/1", Manifest: hex.EncodeToString(sum[:])}}, Warn: func(file string, err error) { t.Errorf("%s: %v", file, err) }}
	for row, err := range past.Rows(t.Context(), store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}
