package closing

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
	"kodoferry/shared/store/mem"
)

// ending is a report of a run and its manifest, which names one file.
func ending(run, file string) (report.Report, report.Manifest) {
	return report.Report{V: 2, Summary: report.Summary{Run: run, Result: report.Cancelled}},
		report.Manifest{V: 2, Run: run, Files: []ledger.File{{Name: file, Rows: 1}}}
}

// manifests is a store that counts the manifests that are written over what stands, of which
// but is none.
type manifests struct {
	*mem.Bucket
	but   string // SHA-256
	wrong int
}

func (m *manifests) Put(ctx context.Context, o store.Object, body io.Reader, how store.Put) (store.Stored, error) {
	if strings.HasSuffix(o.Key, report.ManifestFile) && !how.IfAbsent {
		data, err := io.ReadAll(body)
		if err != nil {
			return store.Stored{}, err
		}
		if report.Sum(data) != m.but {
			m.wrong++
		}
		body = bytes.NewReader(data)
	}
	return m.Bucket.Put(ctx, o, body, how)
}

// Two processes publish different ends of a run: one is about to when the other has, or was
// cut off while it did. The manifest that stands in the end is the one that the report names.
func TestTheManifestIsTheOneThatTheReportNames(t *testing.T) {
	const run = "photos/20260301T020304Z"
	for name, over := range map[string]bool{"the other has ended the run": true, "the other was cut off before its report": false} {
		t.Run(name, func(t *testing.T) {
			other, err := report.Encode(ending(run, "objects/theirs.csv.gz"))
			if err != nil {
				t.Fatal(err)
			}
			kept := &manifests{Bucket: mem.New(mem.OSS), but: report.Sum(other.Manifest)}
			l := ledger.Open(kept, "")
			r := l.Run(run)
			if _, err := r.Results().CreateManifest(t.Context(), other.Manifest); err != nil {
				t.Fatal(err)
			}
			if over {
				if _, err := r.Results().CreateReport(t.Context(), other.Report); err != nil {
					t.Fatal(err)
				}
			}
			b := Books{Ledger: l, Run: r, Started: ledger.Started{Run: run, Events: true}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
			rep, m := ending(run, "objects/ours.csv.gz")
			if err := b.Publish(t.Context(), rep, m); err != nil {
				t.Fatal(err)
			}
			data, err := r.Results().ReadReport(t.Context())
			if err != nil || json.Unmarshal(data, &rep) != nil {
				t.Fatal(err)
			}
			manifest, err := r.Read(t.Context(), report.ManifestFile)
			if err != nil || rep.Manifest != report.Sum(manifest) {
				t.Errorf("the report names %.8s, and %.8s stands (%v)", rep.Manifest, report.Sum(manifest), err)
			}
			if theirs := rep.Manifest == report.Sum(other.Manifest); theirs != over {
				t.Errorf("the other's report stands: %v, want %v", theirs, over)
			}
			if over && kept.wrong > 0 {
				t.Error("the manifest that the report names was not there for a while")
			}
			page, err := r.Read(t.Context(), report.PageFile)
			if ours := bytes.Contains(page, []byte("objects/ours.csv.gz")); err != nil || ours == over {
				t.Errorf("the page is that of ours: %v (%v), want %v", ours, err, !over)
			}
		})
	}
}

// What was packed apart of a shard and is damaged or gone is left out of a list, whose rows
// stand in the shard's own file, and never keeps a run from its end.
func TestAListLacksWhatCannotBeRead(t *testing.T) {
	const run = "photos/20260301T020304Z"
	l := ledger.Open(mem.New(mem.OSS), "")
	r := l.Run(run)
	name, err := r.Results().WriteApart(t.Context(), "failed", "0", []byte("no gzip"))
	if err != nil {
		t.Fatal(err)
	}
	p := progress.Run{Started: ledger.Started{Run: run, Events: true}}
	rows := table.NewEnded(job.Job{}, run)
	if err := rows.Add(ledger.Row{Src: store.Object{Key: "k"}, State: ledger.Failed}); err != nil {
		t.Fatal(err)
	}
	whole := ledger.Proved{Shard: "2"}
	if err := rows.Write(t.Context(), r.Results(), &whole); err != nil {
		t.Fatal(err)
	}
	swapped := whole.Apart["failed"]
	swapped.SHA256 = report.Sum([]byte("as it was written"))
	for _, file := range []ledger.File{
		{Name: name, Rows: 1, SHA256: report.Sum([]byte("no gzip"))}, {Name: "apart/failed/1-gone.csv.gz", Rows: 1}, swapped, whole.Apart["failed"],
	} {
		p.Shards = append(p.Shards, progress.Shard{Closed: &ledger.Closed{}, Proved: &ledger.Proved{Apart: map[string]ledger.File{"failed": file}}})
	}
	b := Books{Ledger: l, Run: r, Started: p.Started, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	rep, m := report.Fold(run, b.Job, p, time.Now())
	if err := b.Publish(t.Context(), rep, m); err != nil {
		t.Fatal(err)
	}
	if m, err = report.ReadManifest(t.Context(), r); err != nil || len(m.Lists) != 1 || m.Lists[0].Rows != 1 {
		t.Errorf("the manifest names %+v (%v), want a list of one row", m.Lists, err)
	}
}
