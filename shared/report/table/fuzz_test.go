package table_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

func packed(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // into memory
	_ = z.Close()
	return b.Bytes()
}

// FuzzRead reads any text, packed, and any bytes, as a file of rows: whole, or Corrupt.
// What is read may be written for spreadsheets.
func FuzzRead(f *testing.F) {
	w := table.NewWriter(job.Job{}, "j/20260131T000000Z")
	for _, key := range []string{"a", "a\r\nb", "\"", "=1", ""} {
		if err := w.Add(ledger.Row{Src: store.Object{Key: key}}); err != nil {
			f.Fatal(err)
		}
	}
	data, _, err := w.Finish()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, false)
	text := []byte(unpack(f, data))
	f.Add(text, true)
	f.Add(bytes.Replace(text, []byte("\n"), []byte("\n\"a\"b,"), 1), true)
	f.Add([]byte("key,target_key\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, pack bool) {
		if pack {
			data = packed(data)
		}
		for line, err := range table.Read(data, "objects/0") {
			switch {
			case err != nil && fault.KindOf(err) != fault.Corrupt:
				t.Fatalf("%v, want it Corrupt", err)
			case err == nil && len(line) <= table.Reason:
				t.Fatalf("a line of %d columns: %q", len(line), line)
			}
		}
		if err := table.Safe(io.Discard, data, "objects/0"); err != nil && fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("safe: %v, want it Corrupt", err)
		}
	})
}

// FuzzRow writes any key and reason, which are read byte for byte.
func FuzzRow(f *testing.F) {
	for _, key := range odd {
		f.Add(key, "why "+key, int64(len(key)))
	}
	f.Fuzz(func(t *testing.T, key, why string, size int64) {
		w := table.NewWriter(job.Job{}, "j/20260131T000000Z")
		if err := w.Add(ledger.Row{Src: store.Object{Key: key, Size: size, Hash: why}, State: ledger.Failed, Reason: why}); err != nil {
			t.Fatal(err)
		}
		data, _, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line, err := range table.Read(data, "objects/0") {
			if err != nil {
				t.Fatal(err)
			}
			got = slices.Clone(line)
		}
		if len(got) == 0 || got[table.Key] != key || got[table.Reason] != why || got[table.State] != "failed" {
			t.Errorf("%q, %q is read as %q", key, why, got)
		}
	})
}
