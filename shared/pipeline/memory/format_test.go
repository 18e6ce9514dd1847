package memory

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	enc64 "encoding/base64"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

const run = "photos/20260301T120000Z"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// pack packs rows.
func pack(rows ...Row) []byte {
	w := NewWriter(run)
	for _, row := range rows {
		w.Add(row)
	}
	data, _ := w.Finish()
	return data
}

// unpack reads the rows of a range back.
func unpack(data []byte, in store.Range) (rows []Row, err error) {
	r, err := newReader(data, run, in)
	if err != nil {
		return nil, err
	}
	for from := ""; ; from = rows[len(rows)-1].Key + "\x00" {
		_, ok, err := r.next(from)
		if err != nil || !ok {
			return rows, err
		}
		rows = append(rows, r.row())
	}
}

// kodo returns n rows as a run from Kodo leaves them.
func kodo(n int) []Row {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]Row, n)
	for i := range rows {
		hash := make([]byte, 21)
		for i := range hash {
			hash[i] = byte(random.Uint32())
		}
		sum := md5.Sum(hash)
		key := fmt.Sprintf("photos/2026/%02d/%09d.jpg", i*12/n, i)
		rows[i] = Row{
			Key: key, State: ledger.Copied, Proof: ledger.ByQetag, Author: run, Prover: run, Attrs: "3f2a9c0d11aa55ee",
			Src: store.Object{Key: key, Size: 8192 + int64(i%1000), Hash: enc64.RawURLEncoding.EncodeToString(hash), Modified: noon.Add(time.Duration(random.IntN(1e9)) * 100 * time.Microsecond)},
			Dst: ledger.Dst{Size: 8192 + int64(i%1000), ETag: fmt.Sprintf("%X", sum), CRC64: fmt.Sprint(random.Uint64()), Modified: noon.Add(time.Duration(i) * time.Millisecond).Truncate(time.Second), Mark: fmt.Sprintf("batch%03d", i/400)},
		}
	}
	return rows
}

func TestRowsAreReadAsTheyWereWritten(t *testing.T) {
	row := func(key string, set func(*Row)) Row {
		r := Row{Key: key, Src: store.Object{Key: key}, State: ledger.Copied}
		set(&r)
		r.Src.Size = r.Dst.Size
		return r
	}
	rows := []Row{
		row("\x01", func(*Row) {}),
		row("a", func(r *Row) { r.Src.MD5, r.Src.Hash, r.Dst.ETag = "00ff", "00ff", "00FF" }),
		row("a\n,\"", func(r *Row) { r.Src.MD5, r.Src.Hash, r.Dst.ETag = "ABC", "abc", "abc" }),
		row("ab", func(r *Row) { r.Dst.CRC64, r.Dst.Size = "18446744073709551615", 1<<62 }),
		row("ab\xff", func(r *Row) { r.Dst.CRC64, r.Src.Hash = "007", "FlxTN_-0OZJu2P3HTJ1xyx2D-abc" }),
		row("b", func(r *Row) { r.Dst.CRC64, r.Src.Hash, r.Attrs = "18446744073709551616", "AAAAA", "d1" }),
		row("b0", func(r *Row) { r.Src.Modified, r.Dst.Modified, r.Attrs = noon, noon.Add(100), "d2" }),
		row("b1", func(r *Row) { r.Src.Modified, r.Dst.Modified, r.Attrs = noon.Add(1), noon.Add(-1), "d1" }),
		row("b2", func(r *Row) {
			r.Src.Modified, r.Dst.Modified = time.Date(1, 2, 3, 4, 5, 6, 7, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		}),
		row("c", func(r *Row) { r.State, r.Proof, r.Author, r.Prover = ledger.Unchanged, ledger.ByMD5, "x/1", "x/2" }),
		row("照片/一", func(r *Row) { r.Src.Hash, r.Dst.ETag = "32-of-2 \"", strings.Repeat("e", maxText) }),
	}
	for i := range 200 { // more digests, and marks, than a block numbers
		rows = append(rows, row(fmt.Sprintf("照片/二%04d", i), func(r *Row) { r.Attrs, r.Dst.Mark = fmt.Sprint(i*i%97), fmt.Sprint(i*i%89) }))
	}
	rows = append(rows, kodo(5000)...)
	for i := range rows[211:] {
		rows[211+i].Key = "照片/二" + rows[211+i].Key
		rows[211+i].Src.Key = rows[211+i].Key
	}
	got, err := unpack(pack(rows...), store.Range{})
	if err != nil || len(got) != len(rows) {
		t.Fatalf("%d rows, %v, want %d", len(got), err, len(rows))
	}
	for i := range rows {
		if !reflect.DeepEqual(got[i], rows[i]) {
			t.Fatalf("read %+v\nwant %+v", got[i], rows[i])
		}
	}
}

func TestARowThatCannotBeWrittenIsLeftOut(t *testing.T) {
	long := Row{Key: "d", Attrs: strings.Repeat("x", maxText+1)}
	got, err := unpack(pack(Row{Key: "b"}, Row{Key: "b"}, Row{Key: "a"}, long, Row{Key: "e"}), store.Range{})
	if err != nil || len(got) != 2 || got[0].Key != "b" || got[1].Key != "e" {
		t.Errorf("%+v, %v, want b and e", got, err)
	}
}

func TestARangeOfAFileIsReadAlone(t *testing.T) {
	rows := kodo(3000)
	data := pack(rows...)
	for range 300 {
		a, b := rand.IntN(len(rows)), rand.IntN(len(rows))
		in := store.Range{After: rows[a].Key, UpTo: rows[b].Key, Prefix: "photos/2026/0"}
		if a%3 == 0 {
			in.UpTo = ""
		}
		var want []Row
		for _, row := range rows {
			if row.Key > in.After && (in.UpTo == "" || row.Key <= in.UpTo) && strings.HasPrefix(row.Key, in.Prefix) {
				want = append(want, row)
			}
		}
		got, err := unpack(data, in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v: %d rows, %v, want %d", in, len(got), err, len(want))
		}
	}
}

func TestAFileThatIsNotWhatWasWrittenIsRefused(t *testing.T) {
	data := pack(kodo(3000)...)
	newer := append([]byte(nil), data...)
	newer[len(magic)-1]++
	for name, tc := range map[string]struct {
		data []byte
		want fault.Kind
	}{
		"empty":             {nil, fault.Corrupt},
		"of another kind":   {[]byte("key,target_key\n"), fault.Corrupt},
		"of a newer format": {newer, fault.Newer},
		"of another run":    {NewWriter("photos/another").out, fault.Corrupt},
		"cut in its head":   {data[:len(magic)+3], fault.Corrupt},
		"cut in a block":    {data[:len(data)/2], fault.Corrupt},
		"without its end":   {data[:len(data)-3], fault.Corrupt},
		"more than its end": {append(append([]byte(nil), data...), 0), fault.Corrupt},
	} {
		if rows, err := unpack(tc.data, store.Range{}); fault.KindOf(err) != tc.want {
			t.Errorf("%s: %d rows, %v, want it %v", name, len(rows), err, tc.want)
		}
	}
}

// FuzzRead gives the reader any file: it ends, in bounded memory, and what it yields is
// what a Writer would write of it.
func FuzzRead(f *testing.F) {
	f.Add(pack())
	f.Add(pack(Row{Key: "a"}))
	f.Add(pack(kodo(3)...))
	f.Add(pack(kodo(1500)...))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := unpack(data, store.Range{})
		if err != nil && fault.KindOf(err) != fault.Corrupt && fault.KindOf(err) != fault.Newer {
			t.Errorf("%v, want it Corrupt or Newer", err)
		}
		before := ""
		for _, row := range rows {
			if row.Key <= before && before != "" {
				t.Errorf("%q comes behind %q", row.Key, before)
			}
			before = row.Key
		}
		again, err := unpack(pack(rows...), store.Range{})
		if err != nil || len(again) > len(rows) {
			t.Errorf("written again: %d rows of %d, %v", len(again), len(rows), err)
		}
	})
}

// TestTheFormatIsAsItWasWrittenDown has files that were packed when each format was made: a
// later version reads them alike, or names them of another format. The first has no marks.
func TestTheFormatIsAsItWasWrittenDown(t *testing.T) {
	rows := kodo(20)
	unmarked := slices.Clone(rows)
	for i := range unmarked {
		unmarked[i].Dst.Mark = ""
	}
	if os.Getenv("WRITE") != "" {
		if err := os.WriteFile("testdata/rows3.bin", pack(rows...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]Row{"testdata/rows.bin": unmarked, "testdata/rows2.bin": rows, "testdata/rows3.bin": rows} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unpack(data, store.Range{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
}

// BenchmarkForms tells what a row costs to write and to read in either form.
func BenchmarkForms(b *testing.B) {
	const n = 50_000
	rows := kodo(n)
	asLedger := make([]ledger.Row, n)
	for i, r := range rows {
		d := r.Dst
		asLedger[i] = ledger.Row{Src: r.Src, Dst: &d, State: r.State, Verdict: ledger.Verified, Proof: r.Proof, Author: r.Author, Prover: r.Prover, Attrs: r.Attrs, At: noon}
	}
	per := func(b *testing.B, bytes int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		b.ReportMetric(float64(bytes)/n, "B/row")
	}
	writeCSV := func() []byte {
		w := table.NewWriter(job.Job{}, run)
		for _, row := range asLedger {
			if err := w.Add(row); err != nil {
				b.Fatal(err)
			}
		}
		data, _, err := w.Finish()
		if err != nil {
			b.Fatal(err)
		}
		return data
	}
	csv, packed := writeCSV(), pack(rows...)
	b.Run("csv/write", func(b *testing.B) {
		for b.Loop() {
			writeCSV()
		}
		per(b, len(csv))
	})
	b.Run("packed/write", func(b *testing.B) {
		for b.Loop() {
			w := NewWriter(run)
			for _, row := range asLedger {
				r, _ := Of(row, run)
				w.Add(r)
			}
			w.Finish()
		}
		per(b, len(packed))
	})
	read := func(b *testing.B, open func() cursor) {
		for b.Loop() {
			c, got := open(), 0
			for {
				_, ok, err := c.next("")
				if err != nil {
					b.Fatal(err)
				}
				if !ok {
					break
				}
				if c.row().Src.Size >= 8192 {
					got++
				}
			}
			if c.close(); got != n {
				b.Fatal(got)
			}
		}
	}
	b.Run("csv/read", func(b *testing.B) {
		read(b, func() cursor { return newCSVReader(csv, "objects/0", store.Range{}) })
		per(b, len(csv))
	})
	b.Run("packed/read", func(b *testing.B) {
		read(b, func() cursor {
			r, err := newReader(packed, run, store.Range{})
			if err != nil {
				b.Fatal(err)
			}
			return r
		})
		per(b, len(packed))
	})
}
