package outcome

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// packed ends the names of the files with all rows.
const packed = ".csv.gz"

// eachFile visits the files of a run that has ended, one after the other: the report, its
// manifest, its page, and what the manifest names, as they lie in the ledger but for the page. That
// is made of report and manifest, in the language of this process: the one in the ledger may be
// of a process that was cut off before another ended the run. It fails where the SHA-256 of one is
// not the one that is written down, but for a manifest whose report, of an older version, has none.
func eachFile(ctx context.Context, from *ledger.Run, visit func(name string, data []byte) error) error {
	var rep report.Report
	var raw []byte
	for _, name := range []string{reportFile, report.ManifestFile} {
		var err error
		if raw, err = readOf(ctx, from, rep, name); err != nil {
			return err
		}
		if name == reportFile {
			if err := json.Unmarshal(raw, &rep); err != nil {
				return fmt.Errorf("%s: %w", reportFile, err)
			}
		}
		if err := visit(name, raw); err != nil {
			return err
		}
	}
	if rep.Manifest != "" && rep.Manifest != report.Sum(raw) {
		return fmt.Errorf("%s: its SHA-256 is not the report's", report.ManifestFile)
	}
	var m report.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("%s: %w", report.ManifestFile, err)
	}
	page, err := show.PageWords().Page(rep, m)
	if err != nil {
		return fmt.Errorf("%s: %w", report.PageFile, err)
	}
	if err := visit(report.PageFile, page); err != nil {
		return err
	}
	files := m.Files
	for _, l := range m.Lists {
		files = append(files, l.File)
	}
	for _, f := range files {
		data, err := readOf(ctx, from, rep, f.Name)
		if err != nil {
			return err
		}
		if report.Sum(data) != f.SHA256 {
			return fmt.Errorf("%s: its SHA-256 is not the manifest's", f.Name)
		}
		if err := visit(f.Name, data); err != nil {
			return err
		}
	}
	return nil
}

// Save writes the files of a run that has ended below dir, as eachFile visits them: one at a time
// is held in memory, besides the report. each, if not nil, is called with the name of each, its
// content, and what writes another file beside it.
func Save(ctx context.Context, from *ledger.Run, dir string, each func(name string, data []byte, write func(name string, data []byte) error) error) error {
	k, err := openKeeper(dir)
	if err != nil {
		return err
	}
	defer k.close()
	return eachFile(ctx, from, func(name string, data []byte) error {
		if err := k.write(name, data); err != nil || each == nil {
			return err
		}
		return each(name, data, k.write)
	})
}

// reportFile is the report itself.
const reportFile = "report.json"

// Keep writes the run's files below dir, as Save does. A name that leads
// elsewhere, of itself or by a link that stands there, is refused.
func (r *Record) Keep(dir string) error {
	k, err := openKeeper(dir)
	if err != nil {
		return err
	}
	defer k.close()
	for name, data := range r.Files {
		if err := k.write(name, data); err != nil {
			return err
		}
	}
	return nil
}

// keeper writes files below a directory, and never beyond it.
type keeper struct {
	dir  string
	root *os.Root
}

func openKeeper(dir string) (*keeper, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	return &keeper{dir, root}, err
}

func (k *keeper) close() { _ = k.root.Close() } // what was written is closed already

func (k *keeper) write(name string, data []byte) error {
	file := filepath.FromSlash(name)
	if !filepath.IsLocal(file) {
		return fmt.Errorf("%s: the manifest names a file that would not lie below %s", strconv.Quote(name), k.dir)
	}
	if err := k.root.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return k.root.WriteFile(file, data, 0o644)
}

// readOf reads a file that a finished run has, whose report, once it is read, is rep.
func readOf(ctx context.Context, run *ledger.Run, rep report.Report, name string) (data []byte, err error) {
	if name == report.ManifestFile {
		data, err = run.Results().ReadManifest(ctx, rep.Manifest)
	} else {
		data, err = run.Read(ctx, name)
	}
	if ledger.Missing(err) {
		return nil, fmt.Errorf("the ledger has no %s of run %s: put it back from a backup, or run the job again", name, run.Name)
	}
	return data, err
}
