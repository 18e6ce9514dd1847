package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
)

// bent are keys of which a format that is not read byte for byte makes others.
var bent = []string{
	"a\nb", "a\r\nb.txt", "a\rb", "a\r", "a\n", "\"", "\"quoted\"", "a\"b", "a,b", " lead", "trail ", "\ttab",
	"=1+1", "#comment", "a\u0085b", "a\u2028b", "\ufeffa", "照片/\r\n/一",
}

// TestAKeyIsRetriedAndToldByteForByte fails every object and reads the keys back
// from the proof's files.
func TestAKeyIsRetriedAndToldByteForByte(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.Attempts = 1 })
	want := slices.Sorted(slices.Values(bent))
	for _, key := range want {
		put(t, w.src, key, []byte(key))
	}
	w.source = func(s store.Source) store.Source { return &denying{s, want} }
	if rep := w.run(); rep.Objects.Failed != int64(len(want)) {
		t.Fatalf("%+v, want all failed", rep.Objects)
	}
	run := w.config.Ledger.Run(runName)
	if got, err := report.Retriable(t.Context(), run); err != nil || !slices.Equal(got, want) {
		t.Errorf("to be retried: %q, %v, want %q", got, err, want)
	}
	for _, key := range want {
		s, err := report.Why(t.Context(), run, key)
		if err != nil || !slices.ContainsFunc(s.Steps, func(s report.Step) bool { return s.Stage == "verified" }) {
			t.Errorf("why %q: %+v, %v, want its line in the proof", key, s.Steps, err)
		}
	}
}

// TestATableThatCannotBeReadIsNamed damages the file of a shard's objects.
func TestATableThatCannotBeReadIsNamed(t *testing.T) {
	w := newWorld(t, func(j *job.Job) { j.Limits.Attempts = 1 })
	put(t, w.src, "a", []byte("a"))
	w.source = func(s store.Source) store.Source { return &denying{s, []string{"a"}} }
	w.run()
	run := w.config.Ledger.Run(runName)
	file := ""
	for o, err := range w.led.List(t.Context(), store.Range{Prefix: run.Path("objects/")}) {
		if err != nil {
			t.Fatal(err)
		}
		file = o.Key
	}
	head := "key,target_key,state,verdict,proof,size,source_hash,source_md5,source_modified,target_etag,crc64,target_modified,class,tries,reason,warnings,at\n"
	line := "a,a,failed,,,1,,,,,,,,1,no,,\n"
	for name, tc := range map[string]struct {
		data []byte
		bad  bool
	}{
		"as it was":                     {packed(head + line), false},
		"no line at all":                {packed(head), false},
		"empty":                         {nil, true},
		"no gzip":                       {[]byte(head + line), true},
		"cut in the packing":            {packed(head + line)[:40], true},
		"cut in a line":                 {packed(head + line[:20]), true},
		"cut in quotes":                 {packed(head + `"a`), true},
		"nothing in the packing":        {packed(""), true},
		"another heading":               {packed("a,b\n" + line), true},
		"a row with too few columns":    {packed(head + "a,a\n"), true},
		"a row with too many":           {packed(head + strings.Repeat("a,", 40) + "\n"), true},
		"a quote amid a cell":           {packed(head + `a"b` + line[1:]), true},
		"letters behind quotes":         {packed(head + `"a"b` + line[1:]), true},
		"a cell of two megabytes":       {packed(head + strings.Repeat("a", 2<<20) + line[1:]), true},
		"quotes around everything else": {packed(head + `"a"` + line[1:]), false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := w.led.Put(t.Context(), store.Object{Key: file, Size: int64(len(tc.data))}, bytes.NewReader(tc.data), store.Put{}); err != nil {
				t.Fatal(err)
			}
			_, err := report.Retriable(t.Context(), run)
			if tc.bad != (err != nil) || tc.bad && (fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), "objects/")) {
				t.Errorf("Retriable: %v, want an error: %v, Corrupt, with the file's name", err, tc.bad)
			}
			if _, err := report.Why(t.Context(), run, "a"); tc.bad && err == nil {
				t.Errorf("Why: no error, want one")
			}
		})
	}
}

func packed(text string) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write([]byte(text)) // into memory
	_ = z.Close()
	return out.Bytes()
}

// TestAReportThatCannotBeReadIsNotBelieved puts other files in place of the report and of
// the manifest.
func TestAReportThatCannotBeReadIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	put(t, w.src, "a", []byte("a"))
	w.run()
	run := w.config.Ledger.Run(runName)
	for file, read := range map[string]func() error{
		"report.json":       func() error { _, err := report.Read(t.Context(), run); return err },
		ledger.ManifestFile: func() error { _, err := report.ReadManifest(t.Context(), run, report.Report{}); return err },
	} {
		was, err := run.Read(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		for name, tc := range map[string]struct {
			data []byte
			want fault.Kind
		}{
			"as it was":          {was, ""},
			"cut":                {was[:len(was)/2], fault.Corrupt},
			"empty":              {nil, fault.Corrupt},
			"null":               {[]byte("null"), fault.Corrupt},
			"without a version":  {[]byte("{}"), fault.Corrupt},
			"of a later version": {bytes.Replace(was, []byte(`"v": 2`), []byte(`"v": 99`), 1), fault.Newer},
		} {
			put(t, w.led, run.Path(file), tc.data)
			if err := read(); (err == nil) != (tc.want == "") || err != nil && (fault.KindOf(err) != tc.want || !strings.Contains(err.Error(), file)) {
				t.Errorf("%s, %s: %v, want %q and the file's name", file, name, err, tc.want)
			}
		}
	}
}
