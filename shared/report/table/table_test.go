package table_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"kodoferry/shared/fault"
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
	w := table.NewWriter(job.Job{}, "photos/run")
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

func unpack(t testing.TB, packed []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func pack(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestALineNamesTheRunsThatWroteAndProvedItsObject(t *testing.T) {
	w := table.NewWriter(job.Job{}, "photos/now")
	for _, row := range []ledger.Row{
		{Src: store.Object{Key: "copied"}, State: ledger.Copied, Proof: ledger.ByQetag, Attrs: "a1"},
		{Src: store.Object{Key: "conflict"}, State: ledger.Conflict},
		{Src: store.Object{Key: "found by md5"}, State: ledger.Unchanged, Proof: ledger.ByMD5},
		{Src: store.Object{Key: "inherited"}, State: ledger.Unchanged, Proof: ledger.ByQetag, Author: "photos/first", Prover: "photos/second"},
		{Src: store.Object{Key: "updated"}, State: ledger.Updated, Proof: ledger.ByQetag, Prover: "photos/second"},
	} {
		if err := w.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	data, _, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][3]string{
		"copied": {"photos/now", "photos/now", "a1"}, "conflict": {}, "found by md5": {"", "photos/now", ""},
		"inherited": {"photos/first", "photos/second", ""}, "updated": {"photos/now", "photos/second", ""},
	}
	for line, err := range table.Read(data, "objects/0") {
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]string{line[table.Author], line[table.Prover], line[table.Attributes]}; got != want[line[table.Key]] {
			t.Errorf("%s: author, prover and attributes are %q, want %q", line[table.Key], got, want[line[table.Key]])
		}
	}
}

// TestAFileOfTheVersionBeforeIsRead cuts the last columns off a file.
func TestAFileOfTheVersionBeforeIsRead(t *testing.T) {
	const older = "key,target_key,state,verdict,proof,size,source_hash,source_md5,source_modified,target_etag,crc64,target_modified,class,tries,reason,warnings,at\n" +
		"a,a,copied,verified,qetag,3,F1,,,E,,,,0,,,\n"
	n := 0
	for line, err := range table.Read(pack(t, older), "objects/0") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; line[table.Key] != "a" || line[table.Proof] != "qetag" || line[table.Author] != "" || line[table.Attributes] != "" {
			t.Errorf("read %q", line)
		}
	}
	if n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	data, _ := written(t)
	mixed := strings.SplitAfterN(unpack(t, data), "\n", 2)[0] + "a,a,copied,verified,qetag,3,F1,,,E,,,,0,,,\n"
	for _, text := range []string{mixed, "key,target_key\na,a\n"} {
		var last error
		for _, last = range table.Read(pack(t, text), "objects/0") {
		}
		if fault.KindOf(last) != fault.Corrupt {
			t.Errorf("%q: %v, want it Corrupt", text, last)
		}
	}
	var out bytes.Buffer
	if err := table.Safe(&out, pack(t, older), "objects/0"); err != nil || !strings.Contains(out.String(), "\na,a,copied,") {
		t.Errorf("as a spreadsheet reads it: %q, %v", out.String(), err)
	}
}

func TestAFileNamesItsFirstAndLastKeyWhereTheyAreInOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		keys        []string
		first, last string
	}{
		"none":              {},
		"one":               {[]string{"a"}, "a", "a"},
		"in order":          {[]string{"a", "a/b", "\xff"}, "a", "\xff"},
		"out of order":      {[]string{"b", "a", "c"}, "", ""},
		"a key that recurs": {[]string{"a", "a"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := table.NewWriter(job.Job{}, "photos/run")
			for _, key := range tc.keys {
				if err := w.Add(ledger.Row{Src: store.Object{Key: key}}); err != nil {
					t.Fatal(err)
				}
			}
			_, file, err := w.Finish()
			if err != nil || file.First != tc.first || file.Last != tc.last || file.Rows != int64(len(tc.keys)) {
				t.Errorf("%+v (%v), want %q to %q", file, err, tc.first, tc.last)
			}
		})
	}
}

func TestAListHasItsRowsAloneAndTheFileHasAll(t *testing.T) {
	e := table.NewEnded(job.Job{}, "photos/run")
	for _, row := range []ledger.Row{
		{Src: store.Object{Key: "a", Size: 4}, State: ledger.Copied},
		{Src: store.Object{Key: "b"}, State: ledger.Failed},
		{Src: store.Object{Key: "c"}, State: ledger.Conflict},
		{Src: store.Object{Key: "d"}, State: ledger.Copied, Verdict: ledger.Mismatch},
		{Src: store.Object{Key: "e"}, State: ledger.Present},
	} {
		if err := e.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	keys := func(data []byte) (all string) {
		for line, err := range table.Read(data, "objects/0") {
			if err != nil {
				t.Fatal(err)
			}
			all += line[table.Key]
		}
		return all
	}
	got := map[string]string{}
	err := e.FinishLists(func(list string, data []byte, file ledger.File) error {
		got[list] = keys(data)
		if file.Rows != int64(len(got[list])) {
			t.Errorf("%s has %d rows, says %d", list, len(got[list]), file.Rows)
		}
		return nil
	})
	data, _, ferr := e.Finish()
	if err != nil || ferr != nil {
		t.Fatal(err, ferr)
	}
	if all := keys(data); all != "abcde" || got["failed"] != "bcd" || got["present"] != "e" || len(got) != 2 {
		t.Errorf("all are %s, the lists %v", all, got)
	}
	if e.Profile.Sizes[3] != (ledger.Tally{Objects: 1, Bytes: 4}) || e.Profile.Sizes[0].Objects != 4 {
		t.Errorf("the profile has the sizes %v", e.Profile.Sizes)
	}
}

// A compressor that waits for its next file holds nothing of the one before, of many MiB, until
// it is given up itself.
func TestAFileThatIsFinishedIsItsCallersAlone(t *testing.T) {
	w := table.NewWriter(job.Job{}, "photos/run")
	if _, _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	held := weak.Make(w)
	runtime.GC()
	if held.Value() != nil {
		t.Error("what has written the file, and the file, is in memory still")
	}
}
