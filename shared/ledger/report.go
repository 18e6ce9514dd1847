package ledger

import (
	"context"
	"strings"

	"kodoferry/shared/ledger/files"
)

// File names a file of the run.
type File struct {
	Name   string  `json:"name"` // below the run's prefix
	Rows   int64   `json:"rows"`
	SHA256 string  `json:"sha256"`           // hex
	First  string  `json:"first,omitempty"`  // key of its first row, where keys strictly increase
	Last   string  `json:"last,omitempty"`   // of its last
	Packed *Packed `json:"packed,omitempty"` // those of its rows that a later run may believe, in a form of their own
	// After and UpTo are, in a manifest, the stretch of the key space that a shard's file
	// has every object of, as in a store.Range. Two files may have the same stretch, where
	// verification sealed some of its objects again; each key is in one of them.
	After string `json:"after,omitempty"`
	UpTo  string `json:"up_to,omitempty"`
}

// ManifestFile names every file with rows of a run, and its SHA-256. ReadManifest finds the one
// that a run ended with, which may have another name.
const ManifestFile = "manifest.json"

// Last is a run whose rows a later one believes.
type Last struct {
	Run      string `json:"run"`
	Manifest string `json:"manifest"` // SHA-256 of its manifest, hex
}

// Packed names a file of rows that a later run reads.
type Packed struct {
	Name   string `json:"name"`            // below the run's prefix
	SHA256 string `json:"sha256"`          // hex
	First  string `json:"first,omitempty"` // key of its first row: it has rows of keys, too, that the run did not list
	Last   string `json:"last,omitempty"`
	Index  int64  `json:"index,omitempty"` // the byte of the file at which its index begins; 0: it has none
}

// Results are what a run comes to: files of its rows, its manifest and its report.
type Results struct{ run *Run }

// Results returns what the run comes to.
func (r *Run) Results() Results { return Results{r} }

// WriteObjects writes a shard's rows as compressed CSV. The name is the
// caller's own, so that two verifications never mix.
func (r Results) WriteObjects(ctx context.Context, shard string, data []byte) (name string, err error) {
	name = "objects/" + shard + "-" + Nonce() + ".csv.gz"
	return name, r.run.files.Write(ctx, name, data)
}

const packedSuffix = ".rows"

// WritePacked writes those of a shard's rows that a later run may believe, packed. The
// name is as that of WriteObjects.
func (r Results) WritePacked(ctx context.Context, shard string, data []byte) (name string, err error) {
	name = "objects/" + shard + "-" + Nonce() + packedSuffix
	return name, r.run.files.Write(ctx, name, data)
}

// IsPacked reports whether a file of a run is one that WritePacked wrote.
func IsPacked(file string) bool {
	return strings.HasPrefix(file, "objects/") && strings.HasSuffix(file, packedSuffix)
}

// WriteApart writes the rows of a shard that a list beside the report takes, as compressed
// CSV: `apart/<list>/…`. No task needs it once there is a report.
func (r Results) WriteApart(ctx context.Context, list, shard string, data []byte) (name string, err error) {
	name = "apart/" + list + "/" + shard + "-" + Nonce() + ".csv.gz"
	return name, r.run.files.Write(ctx, name, data)
}

// CreateFile writes a file that the report vouches for and returns the name that it has, which
// has its SHA-256 in it where another process published another, as files.CreateBySum has it.
func (r Results) CreateFile(ctx context.Context, name string, data []byte) (string, error) {
	return files.CreateBySum(ctx, r.run.files, name, data)
}

// Replace has data stand as a file of the run that is over, whatever a process wrote under that
// name before the report. What stood there stays beside it: the record among the pair's runs may
// name it until the last process has found the report.
func (r Results) Replace(ctx context.Context, name string, data []byte) error {
	return files.ReplaceBySum(ctx, r.run.files, name, data)
}

// CreatePage creates `report.html` and reports whether the one that stands is this. No record
// depends on it.
func (r Results) CreatePage(ctx context.Context, page []byte) (own bool, err error) {
	_, own, err = r.run.files.Create(ctx, "report.html", page)
	return own, err
}

// ReadManifest reads the manifest of which a report or a record has the SHA-256 in hex, "" where
// an older version wrote none. Where there is no such manifest it returns what stands as
// `manifest.json`. The error is NotFound where nothing does.
func (r Results) ReadManifest(ctx context.Context, sum string) ([]byte, error) {
	return files.ReadBySum(ctx, r.run.files, ManifestFile, sum)
}

// Manifests reads all manifests that processes have published of the run.
func (r Results) Manifests(ctx context.Context) ([][]byte, error) {
	return files.ReadAllBySum(ctx, r.run.files, ManifestFile)
}

// Sum is the SHA-256 of a file as records have it, in hex.
func Sum(data []byte) string { return files.Sum(data) }

// PlainName is the name that CreateFile was asked for, of a file that it wrote.
func PlainName(file string) string { return files.PlainName(file) }

// CreateReport creates `report.json` and returns the one that stands. The run is over then.
func (r Results) CreateReport(ctx context.Context, report []byte) ([]byte, error) {
	standing, _, err := r.run.files.Create(ctx, "report.json", report)
	if s := r.run.started.Load(); err == nil && (s == nil || s.Deployed) {
		_ = r.run.Steering().MarkOver(ctx) // else Open does
	}
	return standing, err
}

// ReadReport reads `report.json`. NotFound while the run goes on.
func (r Results) ReadReport(ctx context.Context) ([]byte, error) {
	return r.run.files.Read(ctx, "report.json")
}

// Over reports whether the run has ended: its report is there.
func (r *Run) Over(ctx context.Context) (bool, error) { return r.files.Has(ctx, "report.json") }

// WriteFile writes a file beside the report.
func (r Results) WriteFile(ctx context.Context, name string, data []byte) error {
	return r.run.files.Write(ctx, name, data)
}
