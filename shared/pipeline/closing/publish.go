package closing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/readahead"
	"kodoferry/shared/report"
)

// Publish writes the files beside the report, then the report. Its record ends the run.
func (b *Books) Publish(ctx context.Context, rep report.Report, m report.Manifest) error {
	err := m.GatherLists(ctx, b.Run,
		func(file string, err error) {
			b.Log.WarnContext(ctx, "rows are missing in a list", "file", file, "err", err)
		})
	if err != nil {
		return err
	}
	files, err := report.Encode(rep, m)
	if err != nil {
		return err
	}
	page := readahead.Begin(func() (own bool, err error) { return b.Run.Results().CreatePage(ctx, files.Page) })
	name, err := b.Run.Results().CreateFile(ctx, report.ManifestFile, files.Manifest)
	own, unwritten := page()
	if err := cmp.Or(err, unwritten); err != nil {
		return err
	}
	if err := b.leave(ctx, rep, files.Manifest); err != nil {
		return err
	}
	over, err := b.Run.Results().CreateReport(ctx, files.Report)
	if err != nil || own && name == report.ManifestFile && bytes.Equal(over, files.Report) {
		return err
	}
	return b.settle(ctx, over)
}

// settle has the manifest stand as manifest.json that the report names which ended the run, and
// the page of both, where several processes published different ones. Whoever reads the run
// meanwhile finds that manifest by its SHA-256.
func (b *Books) settle(ctx context.Context, over []byte) error {
	var rep report.Report
	if err := json.Unmarshal(over, &rep); err != nil {
		return nil // of a newer version, or damaged: who reads it is told
	}
	manifest, err := b.Run.Results().ReadManifest(ctx, rep.Manifest)
	if ledger.Missing(err) || err == nil && report.Sum(manifest) != rep.Manifest {
		return nil // an older version lost it, which wrote every manifest under one name
	}
	if err != nil {
		return err
	}
	if err := b.Run.Results().WriteFile(ctx, report.ManifestFile, manifest); err != nil {
		return err
	}
	var m report.Manifest
	if json.Unmarshal(manifest, &m) == nil { // else it is of a newer version
		page, err := report.Page(rep, m)
		if err == nil {
			err = b.Run.Results().WriteFile(ctx, report.PageFile, page)
		}
		if err != nil {
			return err
		}
	}
	return b.leave(ctx, rep, manifest)
}
