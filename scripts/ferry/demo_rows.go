package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// demoRow is one line of the run's record, as anybody would read it.
type demoRow struct {
	key, reason, warnings string
	state                 ledger.State
	verdict               ledger.Verdict
	proof                 ledger.Proof
}

// read takes the run's files out of the ledger, holds each against its
// SHA-256 in the manifest, and takes the rows out of them.
func (r *demoRun) read(ctx context.Context, from *ledger.Run) error {
	r.files = map[string][]byte{}
	take := func(name string) ([]byte, error) {
		data, err := from.Read(ctx, name)
		r.files[name] = data
		return data, err
	}
	for _, name := range []string{"report.html", "report.json", "manifest.json"} {
		if _, err := take(name); err != nil {
			return err
		}
	}
	var m report.Manifest
	if err := json.Unmarshal(r.files["manifest.json"], &m); err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	for _, f := range m.Files {
		data, err := take(f.Name)
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
			return fmt.Errorf("%s: its SHA-256 is not the manifest's", f.Name)
		}
		if err := r.table(f.Name, data); err != nil {
			return err
		}
	}
	return nil
}

// table adds the rows of one CSV file.
func (r *demoRun) table(name string, data []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	lines := csv.NewReader(z)
	head, err := lines.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[name] = i
	}
	for {
		line, err := lines.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		at := func(name string) string { return line[column[name]] }
		r.rows = append(r.rows, demoRow{
			key: at("key"), reason: at("reason"), warnings: at("warnings"),
			state: ledger.State(at("state")), verdict: ledger.Verdict(at("verdict")), proof: ledger.Proof(at("proof")),
		})
	}
}

// keep writes the run's files below dir, as they lie in the ledger.
func (r *demoRun) keep(dir string) error {
	for name, data := range r.files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if !strings.HasPrefix(path, filepath.Clean(dir)+string(filepath.Separator)) {
			return fmt.Errorf("%s: not below the report", name)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
