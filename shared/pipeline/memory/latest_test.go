package memory

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// metered is a bucket that counts what is read of it.
type metered struct {
	*mem.Bucket
	opens int
	bytes int64
}

func (m *metered) Open(ctx context.Context, o store.Object, off, n int64) (store.Object, io.ReadCloser, error) {
	m.opens++
	found, body, err := m.Bucket.Open(ctx, o, off, n)
	return found, struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, (*counter)(m)), body}, err
}

type counter metered

func (c *counter) Write(p []byte) (int, error) { c.bytes += int64(len(p)); return len(p), nil }

// TestARowIsFoundByTwoRangesOfItsFile asks for single keys of a run of many rows, those that it
// has and those between them: four files are opened, and no more is read than an index and a
// block have. What is damaged is told, and the whole file is read in its place.
func TestARowIsFoundByTwoRangesOfItsFile(t *testing.T) {
	const n = 20_000
	p := newPast(t)
	m := &metered{Bucket: p.bucket}
	l := ledger.Open(m, "")
	var rows []ledger.Row
	for i := range n {
		r := proved(fmt.Sprintf("photos/2026/%06d.jpg", 2*i), fmt.Sprintf("%032X", i*7919))
		rows = append(rows, r)
	}
	p.run("j/1", rows)
	j := job.Job{Source: job.Location{Scheme: "kodo", Bucket: "b"}, Target: job.Location{Scheme: "oss", Bucket: "t"}}
	if err := index.WritePairRun(t.Context(), l, j.Pair(), index.PairRun{Last: p.lasts[0], Whole: true}); err != nil {
		t.Fatal(err)
	}
	var warned []string
	warn := func(file string, err error) { warned = append(warned, file+": "+err.Error()) }
	latest := func(key string) *Row {
		t.Helper()
		row, err := Latest(t.Context(), l, j, "j/2", key, warn)
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	whole, key := p.files(".rows")[0], ""
	all, err := p.ledger.Run("j/1").Read(t.Context(), strings.TrimPrefix(whole, "runs/j/1/"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 2*n; i += 997 {
		key = fmt.Sprintf("photos/2026/%06d.jpg", i)
		m.opens, m.bytes = 0, 0
		got := latest(key)
		if want, _ := Of(rows[i/2], "j/1"); i%2 == 0 && !reflect.DeepEqual(*got, want) || i%2 > 0 && got != nil {
			t.Errorf("%s: %+v, want %+v", key, got, want)
		}
		if m.opens > 4 || m.bytes > int64(len(all))/6 {
			t.Errorf("%s: %d files opened, %d bytes of a file of %d", key, m.opens, m.bytes, len(all))
		}
	}
	for _, key := range []string{"a", "photos/2026", "z"} {
		if got := latest(key); got != nil {
			t.Errorf("%s: %+v, want nothing", key, got)
		}
	}
	if len(warned) > 0 {
		t.Fatalf("%q", warned)
	}
	for what, at := range map[string]int{"a block": len(all) / 3, "the index": len(all) - 100} {
		spoiled := append([]byte(nil), all...)
		for k := range len(all) / 100 {
			spoiled[at-k] ^= 0x55
		}
		if _, err := p.bucket.Put(t.Context(), store.Object{Key: whole, Size: int64(len(spoiled))}, strings.NewReader(string(spoiled)), store.Put{}); err != nil {
			t.Fatal(err)
		}
		warned = nil
		key := fmt.Sprintf("photos/2026/%06d.jpg", 2*n*at/len(all)/2*2)
		if what == "the index" {
			key = "photos/2026/000000.jpg"
		}
		if got := latest(key); got == nil || got.State != ledger.Copied { // the CSV file has it, too
			t.Errorf("%s is damaged: %+v", what, got)
		}
		if latest("z"); len(warned) == 0 {
			t.Errorf("%s is damaged, and that is not told", what)
		}
	}
}
