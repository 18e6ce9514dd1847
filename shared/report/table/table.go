// Package table writes and reads the files of a run with a row for every object:
// compressed CSV (RFC 4180), one line an object, for an audit long after both
// buckets are gone. table.go writes it, read.go reads it byte for byte, and safe.go
// turns it into what a spreadsheet may open.
package table

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// columns are the columns of a file, in order; the constants are their places.
var columns = [...]string{
	"key", "target_key", "state", "verdict", "proof", "size", "source_hash", "source_md5", "source_modified",
	"target_etag", "crc64", "target_modified", "class", "tries", "reason", "warnings", "at",
}

// The columns of a line that Read yields which the project itself reads.
const (
	Key     = 0
	State   = 2
	Verdict = 3
	Proof   = 4
	Reason  = 14
)

// Writer packs rows into one file.
type Writer struct {
	job  job.Job
	out  bytes.Buffer
	zip  *gzip.Writer
	csv  *csv.Writer
	rows int64
	line [len(columns)]string
}

// NewWriter returns a Writer of rows of a run of j.
func NewWriter(j job.Job) *Writer {
	w := &Writer{job: j}
	w.zip, _ = gzip.NewWriterLevel(&w.out, gzip.BestSpeed) // the level is valid
	w.csv = csv.NewWriter(w.zip)
	_ = w.csv.Write(columns[:]) // an error stays in the writer and comes out of Finish
	return w
}

// Rows is how many rows were added.
func (w *Writer) Rows() int64 { return w.rows }

// Add adds a row.
func (w *Writer) Add(row ledger.Row) error {
	w.rows++
	dst := ledger.Dst{}
	if row.Dst != nil {
		dst = *row.Dst
	}
	w.line = [...]string{
		row.Key(), w.job.TargetKey(row.Key()), string(row.State), string(row.Verdict), string(row.Proof),
		strconv.FormatInt(row.Src.Size, 10), row.Src.Hash, row.Src.MD5, stamp(row.Src.Modified),
		dst.ETag, dst.CRC64, stamp(dst.Modified), string(row.Src.Class), strconv.Itoa(row.Tries),
		row.Reason, strings.Join(row.AllWarnings(), "; "), stamp(row.At),
	}
	if err := w.csv.Write(w.line[:]); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return nil
}

// Finish returns the packed file, and what a record says of it but for its name.
func (w *Writer) Finish() ([]byte, ledger.File, error) {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return nil, ledger.File{}, fmt.Errorf("table: %w", err)
	}
	if err := w.zip.Close(); err != nil {
		return nil, ledger.File{}, fmt.Errorf("table: %w", err)
	}
	data := w.out.Bytes()
	h := sha256.Sum256(data)
	return data, ledger.File{Rows: w.rows, SHA256: hex.EncodeToString(h[:])}, nil
}

// stamp is t as a cell, "" where it is not known.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
