package table_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

// odd are keys of which a format that is not read byte for byte makes others, or
// that a spreadsheet takes for formulas.
var odd = []string{"a\nb", "a\r\nb", "\r", "\"", "a,\"b\"", " lead", "\ttab", "=1+1", "＝1", "a=b", "照片/\r\n/一", "\xff", ""}

func written(t *testing.T) ([]byte, ledger.File) {
	t.Helper()
	w := table.NewWriter(job.Job{})
	for _, key := range odd {
		row := ledger.Row{Src: store.Object{Key: key}, State: ledger.Failed, Verdict: ledger.Mismatch, Proof: ledger.ByMD5, Reason: "why " + key}
		if err := w.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	data, file, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return data, file
}

func TestEveryByteOfACellIsReadAsItWasWritten(t *testing.T) {
	data, file := written(t)
	var keys []string
	for line, err := range table.Read(data, "objects/0") {
		if err != nil {
			t.Fatal(err)
		}
		key := line[table.Key]
		keys = append(keys, key)
		if line[table.State] != "failed" || line[table.Verdict] != "mismatch" || line[table.Proof] != "md5" || line[table.Reason] != "why "+key {
			t.Errorf("%q has the columns %q", key, line)
		}
	}
	if !slices.Equal(keys, odd) || file.Rows != int64(len(odd)) {
		t.Errorf("%d rows, the keys %q, want %q", file.Rows, keys, odd)
	}
}

func TestNoCellOfASafeFileIsAFormula(t *testing.T) {
	data, _ := written(t)
	var out bytes.Buffer
	if err := table.Safe(&out, data, "objects/0"); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"\ufeffkey,", "\n'=1+1,", "\n'＝1,", "\na=b,", "\n\"'\ttab\","} {
		if !strings.Contains(text, want) && !strings.Contains(text, strings.ReplaceAll(want, `"`, "")) {
			t.Errorf("the file lacks %q: %q", want, text)
		}
	}
}
