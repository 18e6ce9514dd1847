// Package outcome says how the objects of a made-up bucket must end, reads back how a run's
// record says that they ended, and collects what differs.
package outcome

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"fmt"
	"io"
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
// caller's. It fails where the SHA-256 of a file is not the one that the report, or its
// manifest, has.
func (r *Record) Read(ctx context.Context, from *ledger.Run) error {
	r.Files = map[string][]byte{}
	return eachFile(ctx, from, func(name string, data []byte) error {
		r.Files[name] = data
		if !strings.HasSuffix(name, packed) {
			return nil
		}
		return r.table(name, data)
	})
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
