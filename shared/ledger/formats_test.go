package ledger

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/gzip"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/ledger/formats"
)

func TestRecordsAreAsTheirFormatsSay(t *testing.T) {
	formats.Record[Started](t, "job.json")
	formats.Record[Closed](t, "closed/<shard>")
	formats.Record[Stretch](t, "sealed/<shard>/<n>")
	formats.Record[Proved](t, "verified/<shard>")
	formats.Record[DeleteDecision](t, "gate.json")
	formats.Record[limits](t, "limits.json")
	formats.Record[steer](t, "state.json")
	formats.Record[Reproved](t, "reproved/<shard>")
	formats.Record[seal](t, "jobs/<name>.sealed")
	if _, err := decodeExample[Proved](t, "ended/<shard>"); err != nil {
		t.Error(err)
	}
}

func TestSegmentsAreAsTheirFormatSays(t *testing.T) {
	for _, heading := range []string{"listed/<shard>/<batch>", "copied/<batch>"} {
		lines := formats.Example(t, heading)
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(lines); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		head, rows, err := decodeSegment(packed.Bytes(), heading)
		if err != nil || head.Rows != 1 || len(rows) != 1 || rows[0].Key() != "2019/a.jpg" {
			t.Errorf("%s: %+v, %+v, %v", heading, head, rows, err)
		}
		first, rest, _ := bytes.Cut(lines, []byte("\n"))
		formats.Fields[segmentHead](t, "listed/<shard>/<batch>", first)
		formats.Fields[Row](t, heading, rest)
	}
}

func decodeExample[T any](t *testing.T, heading string) (T, error) {
	return files.DecodeRecord[T](formats.Example(t, heading), heading)
}
