package table

import (
	"bytes"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"kodoferry/shared/ledger/formats"
)

func TestRowsFilesAreAsTheirFormatSays(t *testing.T) {
	const heading = "objects/<shard>-<nonce>.csv.gz"
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(formats.Example(t, heading)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	n := 0
	for line, err := range Read(packed.Bytes(), heading) {
		if n++; err != nil || line[Key] != "2019/a.jpg" || line[State] != "copied" {
			t.Errorf("line %q, %v", line, err)
		}
	}
	if n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	text := formats.Section(t, heading)
	for _, column := range columns {
		if !strings.Contains(text, "`"+column+"`") {
			t.Errorf("column %s is not documented", column)
		}
	}
}
