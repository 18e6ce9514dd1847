package ledger

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/files/filestest"
)

// FuzzRecord reads any bytes as a record of each kind.
func FuzzRecord(f *testing.F) {
	filestest.Fuzz(f,
		filestest.Of[Started]("job.json", Started{V: Version, Run: "j/1", Job: json.RawMessage(`{"v":1}`), Root: ShardRef{Shard: "0"}, Keys: []KeySegment{{Name: "keys/000000", Count: 1}}}),
		filestest.Of[Stretch]("sealed/0/00000", Stretch{V: Version, Shard: "0", By: "a", Batches: []BatchRef{{ID: "0-1", Rows: 2, Pending: 1}}, End: true}),
		filestest.Of[Closed]("closed/0", Closed{V: Version, Shard: "0", Batches: []BatchRef{{ID: "0-1", Rows: 2, Pending: 1}}, Children: []ShardRef{{Shard: "1"}}}),
		filestest.Of[DeleteDecision]("gate.json", DeleteDecision{V: Version, Reason: "too many", Candidates: Tally{Objects: 3}}),
		filestest.Of[Proved]("verified/0", Proved{V: Version, Shard: "0", Failures: []Failure{{Key: "a", State: Failed, Reason: "b"}}, Objects: File{Name: "objects/0", Rows: 1}, Was: &Was{}}),
		filestest.Of[seal]("jobs/j.sealed", seal{V: Version}),
		filestest.Of[limits]("limits.json", limits{Version, json.RawMessage(`{"requests":1}`), time.Unix(1, 0)}),
		filestest.Of[steer]("state.json", steer{V: Version}),
	)
}

// FuzzSegment reads any lines, packed, and any bytes, as a segment.
func FuzzSegment(f *testing.F) {
	for _, head := range []string{`{"v":1,"rows":1}`, `{"v":1,"rows":1,"rest":[{"id":"0-1.a"}],"until":"2026-01-01T00:00:00Z"}`, `{"v":1,"rows":-1}`, `{"v":1,"rows":100001}`, `{"v":99}`} {
		f.Add([]byte(head+"\n"+`{"src":{"key":"a","size":1},"state":"pending"}`+"\n"), true)
		f.Add([]byte(head+"\n"), true)
	}
	whole, err := encodeSegment(segmentHead{Lost: "why"}, rowsOf("text", 7))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, false)
	f.Add(whole[:len(whole)-3], false)
	f.Fuzz(func(t *testing.T, data []byte, pack bool) {
		if pack {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(data) // into memory
			_ = z.Close()
			data = b.Bytes()
		}
		head, rows, err := decodeSegment(data, "a segment")
		if err != nil {
			if k := fault.KindOf(err); k != fault.Corrupt && k != fault.Newer {
				t.Fatalf("%v, want it Corrupt or Newer", err)
			}
			return
		}
		packed, err := encodeSegment(head, rows)
		if err != nil {
			t.Fatal(err)
		}
		_, again, err := decodeSegment(packed, "a segment")
		if err != nil || len(again) != len(rows) {
			t.Fatalf("%d rows are written, %d are read, %v", len(rows), len(again), err)
		}
		for i := range rows {
			if want, got := byJSON(t, rows[i]), byJSON(t, again[i]); !bytes.Equal(want, got) {
				t.Errorf("row %d is\n%s, written and read\n%s", i, want, got)
			}
		}
	})
}

// FuzzEventDay reads any name as a run's of events.
func FuzzEventDay(f *testing.F) {
	for _, name := range []string{"20260131-events", "20260131-events-2", "j/20260131-events", "", "-events"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		day, ok := eventnames.Day(name)
		if ok && day.Year() > 9999 {
			t.Errorf("%q is a run of events of %s", name, day)
		}
	})
}
