package ledger_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// zipped packs lines as a segment is packed.
func zipped(lines ...string) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	for _, line := range lines {
		_, _ = z.Write([]byte(line)) // into memory
	}
	_ = z.Close()
	return out.Bytes()
}

// zeros is n bytes of zeros, packed to a thousandth.
func zeros(n int) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	block := make([]byte, 1<<20)
	for range n >> 20 {
		_, _ = z.Write(block)
	}
	_ = z.Close()
	return out.Bytes()
}

// TestWhatIsReadOfALedgerIsBounded puts files there that are not what Ferry writes.
func TestWhatIsReadOfALedgerIsBounded(t *testing.T) {
	const batch, shard = "0-abcdefgh00000", "0"
	row := `{"key":"a","state":"pending"}` + "\n"
	segments := map[string][]byte{
		"empty":                       nil,
		"no gzip":                     []byte("hello"),
		"cut in the packing":          zipped(`{"v":3,"rows":1}`+"\n", row)[:30],
		"no head":                     zipped(""),
		"a head that is no JSON":      zipped("{\n"),
		"a head of another shape":     zipped("[1]\n"),
		"a head that is cut off":      zipped(`{"v":3,"rows":1}`),
		"minus one row":               zipped(fmt.Sprintf(`{"v":%d,"rows":-1}`, ledger.Version) + "\n"),
		"a billion rows":              zipped(fmt.Sprintf(`{"v":%d,"rows":1000000000}`, ledger.Version)+"\n", row),
		"more rows than an int holds": zipped(fmt.Sprintf(`{"v":%d,"rows":99999999999999999999}`, ledger.Version)+"\n", row),
		"fewer rows than it says":     zipped(fmt.Sprintf(`{"v":%d,"rows":2}`, ledger.Version)+"\n", row),
		"more rows than it says":      zipped(fmt.Sprintf(`{"v":%d,"rows":1}`, ledger.Version)+"\n", row, row),
		"a row that is no JSON":       zipped(fmt.Sprintf(`{"v":%d,"rows":1}`, ledger.Version)+"\n", "{\n"),
		"128 MiB of zeros":            zeros(128 << 20),
		"a row of 128 MiB of zeros":   append(zipped(fmt.Sprintf(`{"v":%d,"rows":1}`, ledger.Version)+"\n"), zeros(128<<20)...),
		"of format 0":                 zipped(`{"rows":0}` + "\n"),
	}
	records := map[string]string{
		"empty":                   "",
		"cut off":                 `{"v":3,"shard":"0"`,
		"null":                    "null",
		"a list":                  "[]",
		"of no version":           `{}`,
		"with nothing but v":      fmt.Sprintf(`{"v":%d}`, ledger.Version),
		"of other types":          fmt.Sprintf(`{"v":%d,"shard":7}`, ledger.Version),
		"a batch of minus 1 rows": fmt.Sprintf(`{"v":%d,"shard":"0","batches":[{"id":"b","rows":-1}]}`, ledger.Version),
		"a batch without a name":  fmt.Sprintf(`{"v":%d,"shard":"0","batches":[{"rows":1}]}`, ledger.Version),
		"a child without a name":  fmt.Sprintf(`{"v":%d,"shard":"0","children":[{"range":{}}]}`, ledger.Version),
		"many brackets":           strings.Repeat("[", 1<<20),
	}
	uploads := map[string]string{
		"without sizes":        fmt.Sprintf(`{"v":%d,"batch":"b","id":"u","row":{"src":{"key":"a","size":9}}}`, ledger.Version),
		"parts of no bytes":    fmt.Sprintf(`{"v":%d,"batch":"b","id":"u","row":{"src":{"key":"a","size":9}},"part_size":0,"per_task":1}`, ledger.Version),
		"no part a task":       fmt.Sprintf(`{"v":%d,"batch":"b","id":"u","row":{"src":{"key":"a","size":9}},"part_size":4,"per_task":0}`, ledger.Version),
		"a million parts":      fmt.Sprintf(`{"v":%d,"batch":"b","id":"u","row":{"src":{"key":"a","size":1000000}},"part_size":1,"per_task":1}`, ledger.Version),
		"of a size below zero": fmt.Sprintf(`{"v":%d,"batch":"b","id":"u","row":{"src":{"key":"a","size":-9}},"part_size":4,"per_task":1}`, ledger.Version),
	}
	b := mem.New(mem.OSS)
	run := ledger.Open(b, ".ferry/").Run("j/20260101T000000Z")
	// wrong reads a file of those bytes and holds the error against what it must be.
	wrong := func(name string, data []byte, read func() error) {
		t.Helper()
		if _, err := b.Put(t.Context(), store.Object{Key: run.Path(name), Size: int64(len(data))}, bytes.NewReader(data), store.Put{}); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read()
		runtime.ReadMemStats(&after)
		if fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "backup") {
			t.Errorf("%v, want Corrupt, the name %s and a cure", err, name)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 96<<20 {
			t.Errorf("it took %d MiB to find out", taken>>20)
		}
	}
	for name, data := range segments {
		t.Run("a segment: "+name, func(t *testing.T) {
			wrong("listed/0/"+batch, data, func() error { _, err := run.Batches().ReadRows(t.Context(), batch); return err })
			wrong("copied/"+batch, data, func() error { _, err := run.Batches().ReadWriteOff(t.Context(), batch); return err })
		})
	}
	for name, text := range records {
		t.Run("a record: "+name, func(t *testing.T) {
			wrong("closed/0", []byte(text), func() error { _, err := run.Shards().ReadListed(t.Context(), shard); return err })
		})
	}
	for name, text := range uploads {
		t.Run("an upload: "+name, func(t *testing.T) {
			wrong("uploads/b", []byte(text), func() error { _, err := upload.Read(t.Context(), run, "b"); return err })
		})
	}
}
