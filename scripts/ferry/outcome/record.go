// Package outcome says how the objects of a made-up bucket must end, reads back how a run's
// record says that they ended, and collects what differs.
package outcome

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

// Row is one line of a run's record, as its CSV files have it.
type Row struct {
	Key, Reason, Warnings string
	State                 ledger.State
	Verdict               ledger.Verdict
	Proof                 ledger.Proof
}

// Record is a run that has ended, as its ledger has it.
type Record struct {
	Report report.Report
	Files  map[string][]byte // by name below the run's prefix
	Rows   []Row
}

// Read reads the files of a run that has ended, and the rows in them; the report is the
// caller's. It fails where the SHA-256 of a file is not the one in the manifest.
func (r *Record) Read(ctx context.Context, from *ledger.Run) error {
	r.Files = map[string][]byte{}
	take := func(name string) ([]byte, error) {
		data, err := from.Read(ctx, name)
		r.Files[name] = data
		return data, err
	}
	for _, name := range []string{"report.html", "report.json", "manifest.json"} {
		if _, err := take(name); err != nil {
			return err
		}
	}
	var m report.Manifest
	if err := json.Unmarshal(r.Files["manifest.json"], &m); err != nil {
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
func (r *Record) table(name string, data []byte) error {
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
		r.Rows = append(r.Rows, Row{
			Key: at("key"), Reason: at("reason"), Warnings: at("warnings"),
			State: ledger.State(at("state")), Verdict: ledger.Verdict(at("verdict")), Proof: ledger.Proof(at("proof")),
		})
	}
}

// Keep writes the run's files below dir, as they lie in the ledger.
func (r *Record) Keep(dir string) error {
	for name, data := range r.Files {
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

func (r Row) String() string {
	s := string(r.State)
	if r.Verdict != "" {
		s += ", " + string(r.Verdict)
	}
	if r.Proof != "" {
		s += ", proved by " + string(r.Proof)
	}
	if r.Reason != "" {
		s += ": " + r.Reason
	}
	return s
}
