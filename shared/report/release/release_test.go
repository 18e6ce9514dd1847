package release

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

func TestOnlyWhatIsProvedAndAsItWasMayBeDeleted(t *testing.T) {
	then := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	proved := row{key: "k", state: "copied", verdict: "verified", proof: "qetag", hash: "F1", md5: "m1", etag: "E1", size: 3, modified: "2026-03-01T00:00:00Z"}
	src, dst := store.Object{Key: "k", Size: 3, Hash: "F1", MD5: "m1", Modified: then}, store.Object{Key: "k", Size: 3, Hash: "E1"}
	for name, tc := range map[string]struct {
		change func(r *row, src, dst *store.Object)
		want   Why
	}{
		"as it was":                                 {func(*row, *store.Object, *store.Object) {}, ""},
		"uploaded again with the same bytes":        {func(_ *row, s, _ *store.Object) { s.Modified = then.Add(time.Hour) }, ""},
		"of a source without hashes":                {func(r *row, s, _ *store.Object) { r.hash, s.Hash = "", "" }, ""},
		"of a source without hashes, written again": {func(r *row, s, _ *store.Object) { r.hash, s.Hash, s.Modified = "", "", then.Add(1) }, SourceChanged},
		"of another hash":                           {func(_ *row, s, _ *store.Object) { s.Hash = "F2" }, SourceChanged},
		"of another MD5":                            {func(_ *row, s, _ *store.Object) { s.MD5 = "m2" }, SourceChanged},
		"of another size":                           {func(_ *row, s, _ *store.Object) { s.Size = 4 }, SourceChanged},
		"written in the target":                     {func(_ *row, _, d *store.Object) { d.Hash = "E2" }, TargetChanged},
		"cut in the target":                         {func(_ *row, _, d *store.Object) { d.Size = 2 }, TargetChanged},
		"with no ETag in the row":                   {func(r *row, _, d *store.Object) { r.etag, d.Hash = "", "" }, TargetChanged},
		"present and unproved":                      {func(r *row, _, _ *store.Object) { r.state = "present" }, Unverified},
		"a conflict":                                {func(r *row, _, _ *store.Object) { r.state = "conflict" }, Unverified},
		"different in the target":                   {func(r *row, _, _ *store.Object) { r.verdict = "mismatch" }, Unverified},
		"proved by time":                            {func(r *row, _, _ *store.Object) { r.proof = "time" }, Unverified},
		"proved by the target's metadata alone":     {func(r *row, _, _ *store.Object) { r.state, r.proof = "unchanged", "kept" }, MetadataOnly},
	} {
		t.Run(name, func(t *testing.T) {
			r, s, d := proved, src, dst
			tc.change(&r, &s, &d)
			if got := r.why(&s, &d); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
	if got := proved.why(nil, &dst); got != SourceGone {
		t.Errorf("gone at the source: %q", got)
	}
	if got := proved.why(&src, nil); got != TargetGone {
		t.Errorf("gone in the target: %q", got)
	}
}

func TestFilesOfOneStretchAreReadTogether(t *testing.T) {
	groups := stretches([]ledger.File{
		{Name: "objects/b", Rows: 1, After: "m"}, {Name: "objects/a", Rows: 2, UpTo: "m"}, {Name: "objects/a~1", Rows: 1, UpTo: "m"},
		{Name: "objects/deleted-x", Rows: 9}, {Name: "objects/none", After: "z"},
	})
	if len(groups) != 2 || len(groups[0]) != 2 || groups[1][0].Name != "objects/b" {
		t.Errorf("%+v", groups)
	}
	if Dated(report.Manifest{Files: []ledger.File{{Rows: 3}}}) || !Dated(report.Manifest{Files: []ledger.File{{Rows: 3, Last: "k"}, {}}}) || Dated(report.Manifest{Events: true}) {
		t.Error("which manifests tell stretches is not told apart")
	}
}

// TestAFileWithoutTheRowsOfItsManifestIsCorrupt has a manifest that says three.
func TestAFileWithoutTheRowsOfItsManifestIsCorrupt(t *testing.T) {
	packed, file, err := table.NewWriter(job.Job{}, "r").Finish()
	if err != nil {
		t.Fatal(err)
	}
	led := mem.New(mem.OSS)
	name := "objects/a"
	if _, err := led.Put(t.Context(), store.Object{Key: "runs/j/r/" + name, Size: int64(len(packed))}, bytes.NewReader(packed), store.Put{}); err != nil {
		t.Fatal(err)
	}
	file.Name, file.Rows, file.Last = name, 3, "k"
	r := New(ledger.Open(led, "").Run("j/r"), report.Manifest{Files: []ledger.File{file}}, job.Job{}, mem.New(mem.OSS), mem.New(mem.OSS))
	for _, err := range r.Objects(t.Context()) {
		if fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), name+" has no rows") {
			t.Errorf("%v, want %s", err, fault.Corrupt)
		}
		return
	}
	t.Error("it has no objects and no error")
}
