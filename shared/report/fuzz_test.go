package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// FuzzReport reads any bytes as a report and as a manifest: what is taken has a page,
// and is written as the same; what is not is Corrupt.
func FuzzReport(f *testing.F) {
	rep, m := paper(func(r *report.Report) {
		r.Failures = []ledger.Failure{{Key: "<b>", State: ledger.Failed, Reason: "why"}}
		r.Unknown, r.Mirror, r.Causes = []report.Unknown{{Shard: "0"}}, &report.Mirror{}, map[ledger.Cause]ledger.Tally{"c": {Objects: 1}}
	})
	files, err := report.Encode(rep, m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(files.Report, files.Manifest)
	for _, text := range []string{"{}", "null", `{"seconds":1e308,"bytes":{"listed":-9223372036854775808}}`, `{"files":[{"name":"../x","rows":-1}]}`, "["} {
		f.Add([]byte(text), []byte(text))
	}
	f.Fuzz(func(t *testing.T, reported, listed []byte) {
		bucket := mem.New(mem.OSS)
		run := ledger.Open(bucket, "").Run("j/20260131T000000Z")
		for name, data := range map[string][]byte{"report.json": reported, report.ManifestFile: listed} {
			if _, err := bucket.Put(t.Context(), store.Object{Key: run.Path(name), Size: int64(len(data))}, bytes.NewReader(data), store.Put{}); err != nil {
				t.Fatal(err)
			}
		}
		rep, err := report.Read(t.Context(), run)
		if err != nil {
			if fault.KindOf(err) != fault.Corrupt {
				t.Fatalf("%q: %v, want it Corrupt", reported, err)
			}
			return
		}
		m, err := report.ReadManifest(t.Context(), run, rep)
		if err != nil && fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("%q: %v, want it Corrupt", listed, err)
		}
		first, err := report.Encode(rep, m)
		if err != nil {
			t.Fatalf("%q is read, and has no files: %v", reported, err)
		}
		var again report.Report
		if err := json.Unmarshal(first.Report, &again); err != nil {
			t.Fatal(err)
		}
		if second, err := report.Encode(again, m); err != nil || !bytes.Equal(first.Report, second.Report) || !bytes.Equal(first.Page, second.Page) {
			t.Errorf("%q is written as\n%s, read, and written as\n%s, %v", reported, first.Report, second.Report, err)
		}
	})
}

// FuzzPage shows any text as key, reason, place and name of a file: the page has no
// element that its template does not have, and leads to no script.
func FuzzPage(f *testing.F) {
	for _, text := range []string{"<script>alert(1)</script>", "\"' onload=x", "../../x", "&lt;", "\x00\x1b\u202e", "javascript:x", "{{.}}", "</td></table>"} {
		f.Add(text)
	}
	shown := func(t *testing.T, text string) string {
		rep, m := paper(func(r *report.Report) {
			r.Result, r.Reason, r.Run, r.Source, r.Target = report.Incomplete, text, text, text, text
			r.Failures = []ledger.Failure{{Key: text, State: ledger.Failed, Reason: text, Cause: ledger.Cause(text)}}
			r.Unknown = []report.Unknown{{Shard: text, After: text, UpTo: text, Reason: text}}
			r.Causes = map[ledger.Cause]ledger.Tally{ledger.Cause(text): {Objects: 1}}
			r.Mirror = &report.Mirror{Refused: text}
			r.Objects.Failed = 1
		})
		m.Run = text
		m.Files[0].Name, m.Files[0].SHA256 = text, text
		page, err := report.Page(rep, m)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}
	source, err := os.ReadFile("page.html")
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for _, e := range elements.FindAllString(string(source), -1) {
		known[e] = true
	}
	f.Fuzz(func(t *testing.T, text string) {
		page := shown(t, text)
		for _, e := range elements.FindAllString(page, -1) {
			if !known[e] {
				t.Fatalf("the page of %q holds %q, which the template does not", text, e)
			}
		}
		for _, a := range attributes.FindAllStringSubmatch(page, -1) {
			if to := strings.ToLower(a[1]); strings.HasPrefix(to, "javascript:") || strings.HasPrefix(to, "data:") {
				t.Errorf("the page of %q leads to %q", text, a[1])
			}
		}
	})
}

var (
	// elements finds the name behind each "<", whatever stands there.
	elements   = regexp.MustCompile(`<[^\s>{}]*`)
	attributes = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
)
