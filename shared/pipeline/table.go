package pipeline

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

// Columns are the columns of a shard's CSV: one line an object, for an audit
// long after both buckets are gone.
var columns = [...]string{
	"key", "target_key", "state", "verdict", "proof", "size", "source_hash", "source_md5", "source_modified",
	"target_etag", "crc64", "target_modified", "class", "tries", "reason", "warnings", "at",
}

// table writes rows as compressed CSV (RFC 4180).
type table struct {
	job  job.Job
	out  bytes.Buffer
	zip  *gzip.Writer
	csv  *csv.Writer
	rows int64
	line [len(columns)]string
}

func newTable(j job.Job) *table {
	t := &table{job: j}
	t.zip, _ = gzip.NewWriterLevel(&t.out, gzip.BestSpeed) // the level is valid
	t.csv = csv.NewWriter(t.zip)
	_ = t.csv.Write(columns[:]) // an error stays in the writer and comes out of finish
	return t
}

func (t *table) add(row ledger.Row) error {
	t.rows++
	dst := ledger.Dst{}
	if row.Dst != nil {
		dst = *row.Dst
	}
	t.line = [...]string{
		row.Key(), t.job.TargetKey(row.Key()), string(row.State), string(row.Verdict), string(row.Proof),
		strconv.FormatInt(row.Src.Size, 10), row.Src.Hash, row.Src.MD5, stamp(row.Src.Modified),
		dst.ETag, dst.CRC64, stamp(dst.Modified), string(row.Src.Class), strconv.Itoa(row.Tries),
		row.Reason, strings.Join(row.AllWarnings(), "; "), stamp(row.At),
	}
	if err := t.csv.Write(t.line[:]); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return nil
}

// finish returns the compressed table.
func (t *table) finish() ([]byte, error) {
	t.csv.Flush()
	if err := t.csv.Error(); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	if err := t.zip.Close(); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	return t.out.Bytes(), nil
}

func (*table) sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
