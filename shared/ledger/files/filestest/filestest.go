// Package filestest has what the tests of the ledger's rooms share: what any bytes
// come to that are read as a record.
package filestest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
)

// Record is a kind of record: the name of one, one that was written, and what
// holds its decoder against any bytes.
type Record struct {
	name   string
	write  any
	decode func(t *testing.T, data []byte, name string)
}

// Of is the kind of record that T is.
func Of[T any](name string, write any) Record { return Record{name, write, decodes[T]} }

// Fuzz reads any bytes as a record of each kind.
func Fuzz(f *testing.F, records ...Record) {
	for i, r := range records {
		data, err := json.Marshal(r.write)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data)
		f.Add(uint8(i), []byte(`{"v":1,"v":99}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		r := records[int(which)%len(records)]
		r.decode(t, data, r.name)
	})
}

// decodes holds the decoder of one kind of record to its errors, and what it takes to
// what is written for it.
func decodes[T any](t *testing.T, data []byte, name string) {
	t.Helper()
	record, err := files.DecodeRecord[T](data, name)
	if err != nil {
		if k := fault.KindOf(err); k != fault.Corrupt && k != fault.Newer {
			t.Fatalf("%s %q: %v, want it Corrupt or Newer", name, data, err)
		}
		return
	}
	var first, said struct{ V int }
	if n, _ := fmt.Sscanf(string(data), `{"v":%d`, &first.V); n == 1 && json.Unmarshal(data, &said) == nil && said != first {
		return // the record says its version twice, as no writer does
	}
	once, err := json.Marshal(record)
	if err != nil {
		t.Fatalf("%s %q is read, and cannot be written: %v", name, data, err)
	}
	again, err := files.DecodeRecord[T](once, name)
	if err != nil {
		t.Fatalf("%s %q is read, and %q, which is written for it, is not: %v", name, data, once, err)
	}
	twice, err := json.Marshal(again)
	if err != nil || !bytes.Equal(once, twice) {
		t.Errorf("%s %q is written as\n%s, read, and written as\n%s, %v", name, data, once, twice, err)
	}
}
