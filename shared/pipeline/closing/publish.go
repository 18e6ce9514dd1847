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
		func(name string, data []byte) error { return b.Run.Results().WriteFile(ctx, name, data) },
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
	page := readahead.Begin(func() (struct{}, error) {
		return struct{}{}, b.Run.Results().WriteFile(ctx, report.PageFile, files.Page)
	})
	standing, err := b.Run.Results().CreateManifest(ctx, files.Manifest)
	if _, unwritten := page(); err != nil || unwritten != nil {
		return cmp.Or(err, unwritten)
	}
	if !bytes.Equal(standing, files.Manifest) { // of who was cut off, or is about to end the run, too, or has
		switch over, err := b.Run.Results().ReadReport(ctx); {
		case err == nil: // whoever reads it now is to find the manifest that it names
			return b.settle(ctx, over, standing, files.Manifest)
		case !ledger.Missing(err):
			return err
		}
		if err := b.Run.Results().WriteFile(ctx, report.ManifestFile, files.Manifest); err != nil {
			return err
		}
	}
	if err := b.leave(ctx, rep, files.Manifest); err != nil {
		return err
	}
	over, err := b.Run.Results().CreateReport(ctx, files.Report)
	if err != nil {
		return err
	}
	if bytes.Equal(standing, files.Manifest) && bytes.Equal(over, files.Report) {
		return nil
	}
	return b.settle(ctx, over, standing, files.Manifest)
}

// settle has the manifest stand that the report names which ended the run, and the page of
// both, where several processes published different ones, if it is among those that this one
// knows.
func (b *Books) settle(ctx context.Context, over []byte, known ...[]byte) error {
	var rep report.Report
	if err := json.Unmarshal(over, &rep); err != nil {
		return nil // of a newer version, or damaged: who reads it is told
	}
	for _, manifest := range known {
		if report.Sum(manifest) != rep.Manifest {
			continue
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
	return nil
}
