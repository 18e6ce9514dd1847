package closing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"

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
	end, err := report.Encode(rep, m)
	if err != nil {
		return err
	}
	page := readahead.Begin(func() (own bool, err error) { return b.Run.Results().CreatePage(ctx, end.Page) })
	name, err := b.Run.Results().CreateFile(ctx, report.ManifestFile, end.Manifest)
	own, unwritten := page()
	if err := cmp.Or(err, unwritten); err != nil {
		return err
	}
	if err := b.leave(ctx, rep, end.Manifest); err != nil {
		return err
	}
	over, err := b.Run.Results().CreateReport(ctx, end.Report)
	alone := own && name == report.ManifestFile && !slices.ContainsFunc(m.Lists, bySum)
	if err != nil || alone && bytes.Equal(over, end.Report) {
		return err
	}
	return b.settle(ctx, over)
}

// bySum reports whether another list stands under the name that a person looks for.
func bySum(l report.List) bool { return l.Name != ledger.PlainName(l.Name) }

// settle has the manifest stand as manifest.json that the report names which ended the run, the
// page of both, and the lists as failed.csv and present.csv, where several processes published
// different ones. Whoever reads the run meanwhile finds them by their SHA-256.
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
	if err := b.Run.Results().Replace(ctx, report.ManifestFile, manifest); err != nil {
		return err
	}
	var m report.Manifest
	if json.Unmarshal(manifest, &m) == nil { // else it is of a newer version
		if err := b.settleBeside(ctx, rep, m); err != nil {
			return err
		}
	}
	return b.leave(ctx, rep, manifest)
}

// settleBeside is settle for the page and the lists. One that is gone stays so.
func (b *Books) settleBeside(ctx context.Context, rep report.Report, m report.Manifest) error {
	page, err := report.Page(rep, m)
	if err != nil {
		return err
	}
	if err := b.Run.Results().WriteFile(ctx, report.PageFile, page); err != nil {
		return err
	}
	for _, l := range m.Lists {
		if !bySum(l) {
			continue
		}
		list, err := b.Run.Read(ctx, l.Name)
		if err == nil {
			err = b.Run.Results().Replace(ctx, ledger.PlainName(l.Name), list)
		}
		if err != nil && !ledger.Missing(err) {
			return err
		}
	}
	return nil
}
