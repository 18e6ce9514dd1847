package memory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// past is a ledger with runs in it.

type past struct {
	t      *testing.T
	bucket *mem.Bucket
	ledger *ledger.Ledger
	lasts  []ledger.Last // newest first
	warned []string
}

func newPast(t *testing.T) *past {
	b := mem.New(mem.OSS)
	return &past{t: t, bucket: b, ledger: ledger.Open(b, "")}
}

// run adds a run that is newer than all, with a file for each list of rows.
func (p *past) run(name string, files ...[]ledger.Row) *ledger.Run {
	p.t.Helper()
	run := p.ledger.Run(name)
	m := manifest{Run: name}
	for i, rows := range files {
		w, packed := table.NewWriter(job.Job{}, name), NewWriter(name)
		for _, row := range rows {
			if err := w.Add(row); err != nil {
				p.t.Fatal(err)
			}
			if kept, ok := Of(row, name); ok {
				packed.Add(kept)
			}
		}
		data, file, err := w.Finish()
		if err == nil {
			file.Name, err = run.Results().WriteObjects(p.t.Context(), fmt.Sprint(i), data)
		}
		if err == nil {
			data, sum := packed.Finish()
			file.Packed = &ledger.Packed{SHA256: sum, Index: packed.at}
			file.Packed.Name, err = run.Results().WritePacked(p.t.Context(), fmt.Sprint(i), data)
		}
		if err != nil {
			p.t.Fatal(err)
		}
		m.Files = append(m.Files, file)
	}
	data, err := json.Marshal(m)
	if err == nil {
		err = run.Results().WriteFile(p.t.Context(), ledger.ManifestFile, data)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	p.lasts = slices.Insert(p.lasts, 0, ledger.Last{Run: name, Manifest: hex.EncodeToString(sum[:])})
	return run
}

func (p *past) memory() *Memory {
	return &Memory{Ledger: p.ledger, Runs: p.lasts, Warn: func(file string, err error) { p.warned = append(p.warned, file+": "+err.Error()) }}
}

// files are the keys of the ledger that end in suffix.
func (p *past) files(suffix string) (keys []string) {
	for o, err := range p.bucket.List(p.t.Context(), store.Range{}) {
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.HasSuffix(o.Key, suffix) {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// spoil replaces a file.
func (p *past) spoil(key string, data []byte) {
	p.t.Helper()
	if _, err := p.bucket.Put(p.t.Context(), store.Object{Key: key, Size: int64(len(data))}, bytes.NewReader(data), store.Put{}); err != nil {
		p.t.Fatal(err)
	}
}

// proved is a row as it ends where its object was copied and verified by a run.
func proved(key, etag string) ledger.Row {
	return ledger.Row{
		Src: store.Object{Key: key, Size: 3, Hash: "F" + etag, Modified: noon}, Dst: &ledger.Dst{ETag: etag, Size: 3, Modified: noon},
		State: ledger.Copied, Verdict: ledger.Verified, Proof: ledger.ByQetag,
	}
}

func etags(t *testing.T, m *Memory, in store.Range) map[string]string {
	t.Helper()
	got, before := map[string]string{}, ""
	for row, err := range m.Rows(t.Context(), in) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Key <= before {
			t.Fatalf("%q comes behind %q", row.Key, before)
		}
		got[row.Key], before = row.Dst.ETag+" of "+row.Author, row.Key
	}
	return got
}

// TestRunsAreLaidOverOneAnother makes any runs, of any files that overlap, and holds what
// is read of any range against a plain map.
func TestRunsAreLaidOverOneAnother(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 7))
		p := newPast(t)
		want := map[string]string{}
		for r := range 1 + random.IntN(4) {
			name := fmt.Sprintf("j/%d", r)
			files := make([][]ledger.Row, 1+random.IntN(4))
			var deletions []ledger.Row
			for k := range 60 { // a key is in one file of a run, as those of later rounds are, but where it is deleted
				if random.IntN(3) == 0 {
					continue
				}
				row := proved(fmt.Sprintf("k%03d", k), fmt.Sprintf("%d-%d", r, k))
				switch random.IntN(10) {
				case 0:
					row.State, row.Verdict = ledger.Failed, ""
				case 1:
					row.Verdict = ledger.Mismatch
				case 2:
					row.State, row.Proof = ledger.Unchanged, ledger.ByTime
				}
				f := min(k*len(files)/60+random.IntN(2), len(files)-1)
				if files[f] = append(files[f], row); row.Verdict == ledger.Verified && row.Proof == ledger.ByQetag {
					want[row.Key()] = row.Dst.ETag + " of " + name
				}
				if random.IntN(6) == 0 {
					row.State, row.Author, row.Dst.ETag = ledger.Deleted, "j/0", "deleted"
					deletions, want[row.Key()] = append(deletions, row), "deleted of j/0"
				}
			}
			p.run(name, slices.Insert(files, random.IntN(len(files)+1), deletions)...)
		}
		m := p.memory()
		for range 20 {
			in := store.Range{}
			if random.IntN(3) > 0 {
				in.After = fmt.Sprintf("k%03d", random.IntN(60))
			}
			if random.IntN(3) > 0 {
				in.UpTo = fmt.Sprintf("k%03d", random.IntN(60))
			}
			if random.IntN(3) == 0 {
				in.Prefix = fmt.Sprintf("k0%d", random.IntN(7))
			}
			part := map[string]string{}
			for key, v := range want {
				if key > in.After && (in.UpTo == "" || key <= in.UpTo) && strings.HasPrefix(key, in.Prefix) {
					part[key] = v
				}
			}
			if got := etags(t, m, in); !maps.Equal(got, part) {
				t.Fatalf("seed %d, %+v: %v, want %v", seed, in, got, part)
			}
			c := m.Open(t.Context(), in)
			for k := range 60 {
				key := fmt.Sprintf("k%03d", k)
				if random.IntN(2) == 0 || key <= in.After || in.UpTo != "" && key > in.UpTo || !strings.HasPrefix(key, in.Prefix) {
					continue
				}
				row, err := c.Find(key)
				if err != nil || (row == nil) != (part[key] == "") || row != nil && row.Dst.ETag+" of "+row.Author != part[key] {
					t.Fatalf("seed %d, %+v, %s: %+v, %v, want %q", seed, in, key, row, err, part[key])
				}
			}
			c.Close()
		}
		if len(p.warned) > 0 {
			t.Fatal(p.warned)
		}
	}
}

// TestWhatCannotBeBelievedIsPassedOver spoils the files of the newest of two runs.
func TestWhatCannotBeBelievedIsPassedOver(t *testing.T) {
	other := pack(Row{Key: "a"}) // of another run
	for name, tc := range map[string]struct {
		spoil  func(p *past, packed, csv, manifest string)
		want   string // the ETag of a
		warned int
	}{
		"nothing is spoiled":      {func(*past, string, string, string) {}, "new", 0},
		"the packed file is cut":  {func(p *past, packed, _, _ string) { p.spoil(packed, []byte(magic)) }, "new", 1},
		"it is another run's":     {func(p *past, packed, _, _ string) { p.spoil(packed, other) }, "new", 1},
		"it is gone":              {func(p *past, packed, _, _ string) { p.drop(packed) }, "new", 1},
		"both forms are gone":     {func(p *past, packed, csv, _ string) { p.drop(packed); p.drop(csv) }, "old", 2},
		"both forms are damaged":  {func(p *past, packed, csv, _ string) { p.spoil(packed, nil); p.spoil(csv, []byte("key")) }, "old", 2},
		"the manifest is gone":    {func(p *past, _, _, manifest string) { p.drop(manifest) }, "old", 1},
		"the manifest is another": {func(p *past, _, _, manifest string) { p.spoil(manifest, []byte(`{"run":"j/2","files":[]}`)) }, "old", 1},
		"the manifest is no JSON": {func(p *past, _, _, manifest string) { p.spoil(manifest, []byte("{")) }, "old", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPast(t)
			p.run("j/1", []ledger.Row{proved("a", "old"), proved("b", "old")})
			p.run("j/2", []ledger.Row{proved("a", "new")})
			tc.spoil(p, p.files(".rows")[1], p.files(".csv.gz")[1], p.files("manifest.json")[1])
			got := etags(t, p.memory(), store.Range{})
			if !strings.HasPrefix(got["a"], tc.want+" of ") || got["b"] != "old of j/1" || len(p.warned) != tc.warned {
				t.Errorf("%v, with the warnings %q, want a %s and %d warnings", got, p.warned, tc.want, tc.warned)
			}
		})
	}
}

func (p *past) drop(key string) {
	if err := p.bucket.Delete(p.t.Context(), key); err != nil {
		p.t.Fatal(err)
	}
}

func TestANewerFormatIsPassedOver(t *testing.T) {
	p := newPast(t)
	run := p.run("j/1", []ledger.Row{proved("a", "old")})
	w := NewWriter("j/1")
	w.out[len(magic)-1]++ // as a newer version writes it, with its hash in the manifest
	data, sum := w.Finish()
	name, err := run.Results().WritePacked(t.Context(), "0", data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := json.Marshal(manifest{Run: "j/1", Files: []ledger.File{{Name: "objects/gone.csv.gz", First: "a", Last: "a", Packed: &ledger.Packed{Name: name, SHA256: sum}}}})
	if err == nil {
		err = run.Results().WriteFile(t.Context(), ledger.ManifestFile, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(m)
	p.lasts[0].Manifest = hex.EncodeToString(h[:])
	if got := etags(t, p.memory(), store.Range{}); len(got) > 0 || len(p.warned) != 2 || !strings.Contains(p.warned[0], fmt.Sprintf("format %d", magic[len(magic)-1]+1)) {
		t.Errorf("%v, with the warnings %q, want none, and that the format is newer", got, p.warned)
	}
}

// silent is a bucket that does not answer for one key.
type silent struct {
	ledger.Bucket
	key string
}

func (s *silent) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	if strings.HasSuffix(o.Key, s.key) && s.key != "" {
		return store.Object{}, nil, fault.New(fault.Denied, "Open", o.Key, errors.New("not now"))
	}
	return s.Bucket.Open(ctx, o, off, n)
}

// TestTroubleThatMayPassIsAnError has a ledger that refuses: what is judged without rows
// meanwhile would stay so.
func TestTroubleThatMayPassIsAnError(t *testing.T) {
	for _, file := range []string{".rows", "manifest.json"} {
		p := newPast(t)
		p.run("j/1", []ledger.Row{proved("a", "old")})
		s := &silent{p.bucket, file}
		m := p.memory()
		m.Ledger = ledger.Open(s, "")
		c := m.Open(t.Context(), store.Range{})
		if _, err := c.Find("a"); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s is refused: %v, want the refusal", file, err)
		}
		s.key = ""
		c = m.Open(t.Context(), store.Range{})
		if row, err := c.Find("a"); err != nil || row == nil || len(p.warned) > 0 {
			t.Errorf("then it is not: %v, %v, %q", row, err, p.warned)
		}
	}
}

// counting counts what is read of a bucket.
type counting struct {
	ledger.Bucket
	opened []string
}

func (c *counting) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	c.opened = append(c.opened, o.Key[strings.LastIndex(o.Key, "/")+1:])
	return c.Bucket.Open(ctx, o, off, n)
}

func TestOnlyTheFilesOfARangeAreOpened(t *testing.T) {
	p := newPast(t)
	p.run("j/1", []ledger.Row{proved("a", "1"), proved("b", "1")}, []ledger.Row{proved("c", "1"), proved("d", "1")}, []ledger.Row{proved("e", "1")})
	count := &counting{Bucket: p.bucket}
	m := p.memory()
	m.Ledger = ledger.Open(count, "")
	c := m.Open(t.Context(), store.Range{After: "b", UpTo: "d"})
	for _, key := range []string{"c", "ca", "d"} {
		if _, err := c.Find(key); err != nil {
			t.Fatal(err)
		}
	}
	if len(count.opened) != 2 || !strings.HasPrefix(count.opened[1], "1-") {
		t.Errorf("read were %q, want the manifest and the second file", count.opened)
	}
}

func TestARowIsBelievedWhereItWasProved(t *testing.T) {
	row := proved("a", "E1")
	for name, tc := range map[string]struct {
		set  func(*ledger.Row)
		want *Row // nil: nothing is believed
	}{
		"copied":          {func(*ledger.Row) {}, &Row{State: ledger.Copied, Proof: ledger.ByQetag, Author: "j/2", Prover: "j/2"}},
		"updated":         {func(r *ledger.Row) { r.State, r.Prover = ledger.Updated, "j/1" }, &Row{State: ledger.Updated, Proof: ledger.ByQetag, Author: "j/2", Prover: "j/1"}},
		"inherited":       {func(r *ledger.Row) { r.State, r.Author, r.Prover = ledger.Unchanged, "j/0", "j/1" }, &Row{State: ledger.Unchanged, Proof: ledger.ByQetag, Author: "j/0", Prover: "j/1"}},
		"found equal":     {func(r *ledger.Row) { r.State, r.Proof = ledger.Unchanged, ledger.ByMD5 }, &Row{State: ledger.Unchanged, Proof: ledger.ByMD5, Prover: "j/2"}},
		"by time":         {func(r *ledger.Row) { r.State, r.Proof = ledger.Unchanged, ledger.ByTime }, nil},
		"without a proof": {func(r *ledger.Row) { r.State, r.Proof = ledger.Unchanged, "" }, nil},
		"present":         {func(r *ledger.Row) { r.State, r.Proof = ledger.Present, "" }, nil},
		"not verified":    {func(r *ledger.Row) { r.Verdict = "" }, nil},
		"different":       {func(r *ledger.Row) { r.Verdict = ledger.Mismatch }, nil},
		"a conflict":      {func(r *ledger.Row) { r.State, r.Verdict = ledger.Conflict, "" }, nil},
		"deleted":         {func(r *ledger.Row) { r.State, r.Verdict, r.Proof = ledger.Deleted, "", "" }, &Row{State: ledger.Deleted}},
	} {
		r := row
		tc.set(&r)
		got, ok := Of(r, "j/2")
		if ok != (tc.want != nil) {
			t.Errorf("%s: %+v, %v", name, got, ok)
			continue
		}
		if tc.want == nil {
			continue
		}
		tc.want.Key, tc.want.Src, tc.want.Dst = "a", r.Src, *r.Dst
		if !reflect.DeepEqual(got, *tc.want) {
			t.Errorf("%s: %+v, want %+v", name, got, *tc.want)
		}
	}
}

func TestTheRunsToRememberEndAtOneThatHasAllRows(t *testing.T) {
	l := ledger.Open(mem.New(mem.OSS), "")
	j := job.Job{Source: job.Location{Scheme: "kodo", Bucket: "b", Prefix: "p/"}, Target: job.Location{Scheme: "oss", Bucket: "t"}}
	filtered := j
	filtered.Filter.Suffix = []string{".jpg"}
	of := func(j job.Job) string {
		d, err := j.Filter.Digest(j.Source.Prefix)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	n := 0
	add := func(name string, j job.Job, whole bool) {
		n++
		r := index.PairRun{Last: ledger.Last{Run: name}, At: noon.AddDate(0, 0, n), Prefix: j.Source.Prefix, Filter: of(j), Whole: whole}
		if err := index.WritePairRun(t.Context(), l, j.Pair(), r); err != nil {
			t.Fatal(err)
		}
	}
	below, beside, above := j, j, j
	below.Source.Prefix, below.Target.Prefix = "p/q/", "q/"
	beside.Source.Prefix, beside.Target.Prefix = "p/r/", "r/"
	add("oldest", above, true)
	add("whole", j, true)
	add("jpg", filtered, true)
	add("below", below, true)
	add("beside", beside, true)
	for i := range 9 {
		add(fmt.Sprintf("keys%d", i), j, false)
	}
	add("self", j, false)
	names := func(j job.Job) (all []string) {
		lasts, err := Choose(t.Context(), l, j, "self", func(file string, err error) { t.Error(file, err) })
		if err != nil {
			t.Fatal(err)
		}
		for _, last := range lasts {
			all = append(all, last.Run)
		}
		return all
	}
	seven := []string{"keys8", "keys7", "keys6", "keys5", "keys4", "keys3", "keys2"}
	for name, tc := range map[string]struct {
		j    job.Job
		last string
	}{"all": {j, "whole"}, "filtered": {filtered, "jpg"}, "below": {below, "below"}, "beside": {beside, "beside"}} {
		if got := names(tc.j); !slices.Equal(got, append(slices.Clip(seven), tc.last)) {
			t.Errorf("%s: %q, want seven and %s", name, got, tc.last)
		}
	}
	elsewhere := j
	elsewhere.Target.Prefix = "x/"
	if got := names(elsewhere); got != nil {
		t.Errorf("another target remembers %q", got)
	}
}
