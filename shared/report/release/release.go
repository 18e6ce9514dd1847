// Package release finds which objects may be deleted at the source after a run: those that
// it verified and that both sides list as they were then. Nothing here deletes.
package release

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/report"
	"kodoferry/shared/report/table"
	"kodoferry/shared/store"
)

// Why says why an object may not be deleted at the source.
type Why string

const (
	Unverified    Why = "unverified"     // the run did not verify it, or by nothing that proves its bytes
	MetadataOnly  Why = "metadata-only"  // only what the target's metadata say ties it to the source: nobody held its bytes against it
	SourceGone    Why = "source-gone"    // the source does not list it any more
	SourceChanged Why = "source-changed" // it was written at the source since
	TargetGone    Why = "target-gone"    // the target does not list it any more
	TargetChanged Why = "target-changed" // the target does not list what the run verified
)

// Object is an object of a run and why it may not be deleted at the source; "": it may.
type Object struct {
	Key  string
	Size int64
	Why  Why
}

// Run is a run that is over, and both sides as they are now.
type Run struct {
	ledger   *ledger.Run
	manifest report.Manifest
	src, dst store.Source // both speak source keys
	prefix   string       // of the job's source
}

// New returns the Run of a job j whose manifest is m.
func New(run *ledger.Run, m report.Manifest, j job.Job, src store.Source, dst store.Writer) *Run {
	return &Run{run, m, src, listing.Rename(dst, j.Source.Prefix, j.Target.Prefix), j.Source.Prefix}
}

// Dated reports whether the manifest tells which stretch each file is of: one of a version
// before does not, and neither does one of events.
func Dated(m report.Manifest) bool {
	return !m.Events && !slices.ContainsFunc(m.Files, func(f ledger.File) bool { return f.Rows > 0 && f.First == "" && f.Last == "" })
}

// Objects yields every object of the run, in key order. It lists both sides, stretch by
// stretch, and holds the packed rows of one stretch in memory. An error, Corrupt where
// rows are damaged, ends it.
func (r *Run) Objects(ctx context.Context) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for _, files := range stretches(r.manifest.Files) {
			if !r.stretch(ctx, files, yield) {
				return
			}
		}
	}
}

// stretches groups files by the stretch that they are of, in key order. What was deleted
// from the target is not among them.
func stretches(files []ledger.File) (groups [][]ledger.File) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b ledger.File) int { return cmp.Compare(a.After, b.After) })
	for _, f := range files {
		if f.Rows == 0 || strings.HasPrefix(f.Name, "objects/"+report.Deletions+"-") {
			continue
		}
		if n := len(groups); n > 0 && groups[n-1][0].After == f.After && groups[n-1][0].UpTo == f.UpTo {
			groups[n-1] = append(groups[n-1], f)
			continue
		}
		groups = append(groups, []ledger.File{f})
	}
	return groups
}

// row is what the run wrote down of an object.
type row struct {
	key, state, verdict, proof, hash, md5, etag string
	size                                        int64
	modified                                    string
}

// rows returns the rows of files that share no key, in key order: one at least. The error
// is Corrupt where they are not what the run wrote.
func (r *Run) rows(ctx context.Context, files []ledger.File) ([]row, error) {
	var all []row
	for _, f := range files {
		data, err := r.ledger.Read(ctx, f.Name)
		if err != nil {
			return nil, err
		}
		if report.Sum(data) != f.SHA256 {
			return nil, fault.New(fault.Corrupt, "release.rows", f.Name, fmt.Errorf("the ledger's file %s is not the one that the run wrote: its SHA-256 is another; put it back from a backup", f.Name))
		}
		for line, err := range table.Read(data, f.Name) {
			if err != nil {
				return nil, err
			}
			size, _ := strconv.ParseInt(line[table.Size], 10, 64) // a wrong one is that of no object
			all = append(all, row{
				line[table.Key], line[table.State], line[table.Verdict], line[table.Proof], line[table.SourceHash], line[table.SourceMD5], line[table.ETag],
				size, line[table.SourceModified],
			})
		}
	}
	if len(all) == 0 {
		return nil, fault.New(fault.Corrupt, "release.rows", files[0].Name, fmt.Errorf("the ledger's file %s has no rows, and the run's manifest says that it has %d; put both back from a backup", files[0].Name, files[0].Rows))
	}
	if len(files) > 1 {
		slices.SortFunc(all, func(a, b row) int { return cmp.Compare(a.key, b.key) })
	}
	return all, nil
}

// stretch yields the objects of one stretch, and reports whether there is to be more.
func (r *Run) stretch(ctx context.Context, files []ledger.File, yield func(Object, error) bool) bool {
	rows, err := r.rows(ctx, files)
	if err != nil {
		yield(Object{}, err)
		return false
	}
	in := store.Range{Prefix: r.prefix, After: files[0].After, UpTo: rows[len(rows)-1].key}
	src, dst := listing.Open(listing.From(ctx, r.src, in)), listing.Open(listing.From(ctx, r.dst, in))
	defer src.Stop()
	defer dst.Stop()
	for _, row := range rows {
		src.Seek(row.key)
		dst.Seek(row.key)
		if err := cmp.Or(src.Err, dst.Err); err != nil {
			yield(Object{}, err)
			return false
		}
		if !yield(Object{row.key, row.size, row.why(at(src, row.key), at(dst, row.key))}, nil) {
			return false
		}
	}
	return true
}

// at is the object of that key, where a listing stands there; nil where it lists none.
func at(c *listing.Cursor, key string) *store.Object {
	if !c.OK || c.Object.Key != key || c.Object.Absent() {
		return nil
	}
	return &c.Object
}

func (r row) why(src, dst *store.Object) Why {
	state := ledger.State(r.state)
	switch {
	case !(state == ledger.Copied || state == ledger.Updated || state == ledger.Unchanged),
		ledger.Verdict(r.verdict) != ledger.Verified, r.proof == "", ledger.Proof(r.proof) == ledger.ByTime:
		return Unverified
	case ledger.Proof(r.proof) == ledger.ByKept:
		return MetadataOnly
	case src == nil:
		return SourceGone
	case !r.isStill(*src):
		return SourceChanged
	case dst == nil:
		return TargetGone
	case dst.Size != r.size, r.etag == "", dst.Hash != r.etag:
		return TargetChanged
	}
	return ""
}

// isStill reports whether the source lists the content that the run verified: its hash, or
// where it has none, its size and time.
func (r row) isStill(src store.Object) bool {
	switch {
	case src.Size != r.size || src.Hash != r.hash || src.MD5 != "" && r.md5 != "" && src.MD5 != r.md5:
		return false
	case r.hash != "":
		return true
	}
	then, err := time.Parse(time.RFC3339Nano, r.modified)
	return err == nil && src.Modified.Equal(then)
}
