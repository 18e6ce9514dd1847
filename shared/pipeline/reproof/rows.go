package reproof

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

// File is a packed file with rows, in key order.
type File struct {
	ledger.File
	Data []byte
}

// Unread is the error of rows that a verification cannot read: those of a run whose files
// are damaged (Corrupt) or not there (NotFound). No later try reads them.
type Unread struct{ err error }

func (e *Unread) Error() string { return e.err.Error() }
func (e *Unread) Unwrap() error { return e.err }

// AsUnread returns err, which reading a run's rows gave, as an Unread where it is one.
func AsUnread(err error) error {
	switch fault.KindOf(err) {
	case fault.Corrupt, fault.NotFound:
		return &Unread{err}
	}
	return err
}

// ReadRows yields the rows of some files, of which each has other keys, in key order: those
// of objects that their run copied or found unchanged, and proved. The error is Unread
// where a file is not the one that its record names.
func ReadRows(files []File) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		type head struct {
			row  ledger.Row
			next func() (ledger.Row, error, bool)
		}
		var heads []*head
		for _, f := range files {
			next, stop := iter.Pull2(rowsOf(f))
			defer stop()
			row, err, ok := next()
			if err != nil {
				yield(row, err)
				return
			}
			if ok {
				heads = append(heads, &head{row, next})
			}
		}
		for len(heads) > 0 {
			first := 0
			for i := range heads {
				if heads[i].row.Key() < heads[first].row.Key() {
					first = i
				}
			}
			h := heads[first]
			if !yield(h.row, nil) {
				return
			}
			row, err, ok := h.next()
			if err != nil {
				yield(row, err)
				return
			}
			if h.row = row; !ok {
				heads = append(heads[:first], heads[first+1:]...)
			}
		}
	}
}

// rowsOf yields the proved rows of one file.
func rowsOf(f File) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		if sum := sha256.Sum256(f.Data); hex.EncodeToString(sum[:]) != f.SHA256 {
			yield(ledger.Row{}, AsUnread(fault.New(fault.Corrupt, "reproof.ReadRows", f.Name, fmt.Errorf("the ledger's file %s is not the one that the run wrote: its SHA-256 is another; put it back from a backup", f.Name))))
			return
		}
		for line, err := range table.Read(f.Data, f.Name) {
			if err != nil {
				yield(ledger.Row{}, AsUnread(err))
				return
			}
			if ledger.Verdict(line[table.Verdict]) != ledger.Verified {
				continue
			}
			row, err := rowOf(line)
			if err != nil {
				err = AsUnread(fault.New(fault.Corrupt, "reproof.ReadRows", f.Name, fmt.Errorf("%s: the row of %q: %w", f.Name, line[table.Key], err)))
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// rowOf reads what a verification needs of a line.
func rowOf(line []string) (ledger.Row, error) {
	size, err := strconv.ParseInt(line[table.Size], 10, 64)
	if err != nil || size < 0 {
		return ledger.Row{}, fmt.Errorf("%q is no size", line[table.Size])
	}
	row := ledger.Row{
		Src:   store.Object{Key: line[table.Key], Size: size, Hash: line[table.SourceHash], MD5: line[table.SourceMD5], Class: store.Class(line[table.Class])},
		Dst:   &ledger.Dst{ETag: line[table.ETag], CRC64: line[table.CRC64], Size: size},
		State: ledger.State(line[table.State]), Verdict: ledger.Verdict(line[table.Verdict]), Proof: ledger.Proof(line[table.Proof]),
		Author: line[table.Author], Prover: line[table.Prover], Attrs: line[table.Attributes],
	}
	for i, to := range map[int]*time.Time{table.SourceModified: &row.Src.Modified, table.TargetModified: &row.Dst.Modified} {
		if line[i] == "" {
			continue
		}
		if *to, err = time.Parse(time.RFC3339Nano, line[i]); err != nil {
			return row, fmt.Errorf("%q is no time", line[i])
		}
	}
	return row, nil
}

// InRange yields the rows of a piece.
func InRange(rows iter.Seq2[ledger.Row, error], in store.Range) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		for row, err := range rows {
			switch {
			case err != nil:
			case in.UpTo != "" && row.Key() > in.UpTo:
				return
			case row.Key() <= in.After && in.After != "", !strings.HasPrefix(row.Key(), in.Prefix):
				continue
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Load reads a shard's files by read. The error is Unread where one is not there.
func Load(ctx context.Context, files []ledger.File, read func(ctx context.Context, name string) ([]byte, error)) ([]File, error) {
	var loaded []File
	for _, f := range files {
		data, err := read(ctx, f.Name)
		if err != nil {
			return nil, AsUnread(err)
		}
		loaded = append(loaded, File{f, data})
	}
	return loaded, nil
}
