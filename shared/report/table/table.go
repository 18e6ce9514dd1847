// Package table writes and reads the files of a run with a row for every object:
// compressed CSV (RFC 4180), one line an object, for an audit long after both
// buckets are gone. table.go writes it, read.go reads it byte for byte, and safe.go
// turns it into what a spreadsheet may open.
package table

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
)

// columns are the columns of a file, in order; the constants are their places.
var columns = [...]string{
	"key", "target_key", "state", "verdict", "proof", "size", "source_hash", "source_md5", "source_modified",
	"target_etag", "crc64", "target_modified", "class", "tries", "reason", "warnings", "at",
	"author", "proved_by", "attributes", "cause",
}

// before is how many columns the files of the version before have: the first ones.
const before = 17

// The columns of a line that Read yields which the project itself reads.
const (
	Key     = 0
	State   = 2
	Verdict = 3
	Proof   = 4
	Reason  = 14

	Size           = 5
	SourceHash     = 6
	SourceMD5      = 7
	SourceModified = 8
	ETag           = 9
	CRC64          = 10
	TargetModified = 11
	Class          = 12
	Warnings       = 15

	Author     = 17
	Prover     = 18
	Attributes = 19
	Cause      = 20
)

// Writer packs rows into one file.
type Writer struct {
	job  job.Job
	run  string
	out  bytes.Buffer
	zip  *gzip.Writer
	rows []byte // CSV that is not packed yet
	file ledger.File
	// mixed says that the keys do not strictly increase, as those of a day's events.
	mixed bool
}

// zips has compressors of files that are finished: each takes 1 MiB.
var zips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return z
}}

// NewWriter returns a Writer of rows of that run of j.
func NewWriter(j job.Job, run string) *Writer {
	w := &Writer{job: j, run: run}
	w.zip = zips.Get().(*gzip.Writer)
	w.zip.Reset(&w.out)
	for _, c := range columns {
		w.cell(c)
	}
	w.endLine()
	return w
}

// Rows is how many rows were added.
func (w *Writer) Rows() int64 { return w.file.Rows }

// Add adds a row.
func (w *Writer) Add(row ledger.Row) error {
	w.name(row.Key())
	dst := ledger.Dst{}
	if row.Dst != nil {
		dst = *row.Dst
	}
	author, prover := row.Author, row.Prover
	if author == "" && row.State.Wrote() {
		author = w.run
	}
	if prover == "" && row.Proof != "" {
		prover = w.run
	}
	key := row.Key()
	w.cell(key)
	w.cell(w.job.TargetKey(key))
	w.cell(string(row.State))
	w.cell(string(row.Verdict))
	w.cell(string(row.Proof))
	w.number(row.Src.Size)
	w.cell(row.Src.Hash)
	w.cell(row.Src.MD5)
	w.time(row.Src.Modified)
	w.cell(dst.ETag)
	w.cell(dst.CRC64)
	w.time(dst.Modified)
	w.cell(string(row.Src.Class))
	w.number(int64(row.Tries))
	w.cell(row.Reason)
	w.cell(strings.Join(row.AllWarnings(), "; "))
	w.time(row.At)
	w.cell(author)
	w.cell(prover)
	w.cell(row.Attrs)
	w.cell(string(row.Cause))
	w.endLine()
	if len(w.rows) < packedAtOnce {
		return nil
	}
	return w.pack()
}

// packedAtOnce is how many bytes of CSV are packed at a time.
const packedAtOnce = 24 << 10

// pack packs the rows at hand.
func (w *Writer) pack() error {
	_, err := w.zip.Write(w.rows)
	if w.rows = w.rows[:0]; err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return nil
}

// cell writes a cell and a comma behind it, in quotes where encoding/csv would.
func (w *Writer) cell(s string) {
	if !needsQuotes(s) {
		w.rows = append(append(w.rows, s...), ',')
		return
	}
	w.rows = append(w.rows, '"')
	for i := range len(s) {
		if s[i] == '"' {
			w.rows = append(w.rows, '"')
		}
		w.rows = append(w.rows, s[i])
	}
	w.rows = append(w.rows, '"', ',')
}

// needsQuotes reports whether a cell is written in quotes: one that has what ends a cell,
// begins with a space, or is what ends a table for PostgreSQL.
func needsQuotes(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		switch s[i] {
		case '"', ',', '\r', '\n':
			return true
		}
	}
	if first := s[0]; first > ' ' && first < utf8.RuneSelf {
		return s == `\.`
	}
	first, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(first)
}

func (w *Writer) number(n int64) { w.rows = append(strconv.AppendInt(w.rows, n, 10), ',') }

// time writes a time as a cell, "" where it is not known.
func (w *Writer) time(t time.Time) {
	if !t.IsZero() {
		w.rows = t.UTC().AppendFormat(w.rows, time.RFC3339Nano)
	}
	w.rows = append(w.rows, ',')
}

// endLine ends a line in place of the comma behind its last cell.
func (w *Writer) endLine() { w.rows[len(w.rows)-1] = '\n' }

// name counts a row, and keeps the keys of the first and the last.
func (w *Writer) name(key string) {
	f := &w.file
	if f.Rows == 0 {
		f.First = key
	} else if key <= f.Last {
		w.mixed = true
	}
	f.Last = key
	f.Rows++
}

// Finish returns the packed file, and what a record says of it but for its name. It
// names the first and the last key where they strictly increase.
func (w *Writer) Finish() ([]byte, ledger.File, error) {
	if err := w.pack(); err != nil {
		return nil, ledger.File{}, err
	}
	if err := w.zip.Close(); err != nil {
		return nil, ledger.File{}, fmt.Errorf("table: %w", err)
	}
	w.zip.Reset(io.Discard) // or it would hold the file in memory
	zips.Put(w.zip)
	w.zip = nil // the next file's
	data := w.out.Bytes()
	h := sha256.Sum256(data)
	f := w.file
	if w.mixed {
		f.First, f.Last = "", ""
	}
	f.SHA256 = hex.EncodeToString(h[:])
	return data, f, nil
}
