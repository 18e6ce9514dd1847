// Package upload is what a run keeps of objects that go in parts: that an upload of a
// batch's object was begun, which parts are done, and, of a cancelled run, how far the
// uploads are aborted. Start with Upload and Parts; aborted.go has the last.
package upload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Upload is the outcome of a Begin task: `uploads/<batch>`. An upload that no
// record names may be aborted by its maker alone.
type Upload struct {
	V        int        `json:"v"`
	Batch    string     `json:"batch"`
	Shard    string     `json:"shard"`
	ID       string     `json:"id"`  // the target's name for it
	Row      ledger.Row `json:"row"` // the object: what the parts are read from and what the target held
	PartSize int64      `json:"part_size"`
	PerTask  int        `json:"per_task"`           // parts of one Part task
	Warnings []string   `json:"warnings,omitempty"` // what could not be kept of the object's metadata
	Mark     string     `json:"mark,omitempty"`     // of the object that is made of it (ledger.Dst.Mark)
	At       time.Time  `json:"at"`
}

// Parts is the outcome of a Part task: `parts/<batch>/<from>-<to>`. Both are in
// the name because what a task leaves may begin where it began itself.
type Parts struct {
	V    int         `json:"v"`
	From int         `json:"from"`
	To   int         `json:"to"`
	Done []PartRow   `json:"done,omitempty"` // by number
	Next []PartRange `json:"next,omitempty"` // what is left
	At   time.Time   `json:"at"`
}

// PartRow is one uploaded part and what is needed to join it with the others.
type PartRow struct {
	Number int    `json:"n"`
	Size   int64  `json:"size"` // bytes
	ETag   string `json:"etag"`
	CRC64  uint64 `json:"crc64"`  // ECMA-182, of what was sent
	Blocks []byte `json:"blocks"` // the SHA-1 of each block, 20 bytes each, in a row
}

// PartRange is parts From to To, both included.
type PartRange struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Create creates the record of an upload and returns the one that stands.
func Create(ctx context.Context, r *ledger.Run, u Upload) (Upload, error) {
	u.V = ledger.Version
	return files.CreateRecord(ctx, r.Folder(), "uploads/"+u.Batch, u)
}

// Read reads the record of a batch's upload. NotFound before it is begun.
func Read(ctx context.Context, r *ledger.Run, batch string) (Upload, error) {
	return files.ReadRecord[Upload](ctx, r.Folder(), "uploads/"+batch)
}

// List lists the batches whose upload was begun, in order: at most most of
// those behind the batch after, "" for the beginning.
func List(ctx context.Context, r *ledger.Run, after string, most int) ([]string, error) {
	const folder = "uploads/"
	var batches []string
	err := r.Folder().ListUntil(ctx, store.Range{Prefix: folder, After: folder + after}, func(name string, _ store.Object) bool {
		if len(batches) == most {
			return false
		}
		batches = append(batches, strings.TrimPrefix(name, folder))
		return true
	})
	if err != nil {
		return nil, err
	}
	return batches, nil
}

// CreateParts creates the outcome of a Part task and returns the one that stands.
func CreateParts(ctx context.Context, r *ledger.Run, batch string, p Parts) (Parts, error) {
	p.V = ledger.Version
	return files.CreateRecord(ctx, r.Folder(), partsName(batch, PartRange{p.From, p.To}), p)
}

// ReadParts reads the outcome of the Part task that has those parts. NotFound
// while it is open.
func ReadParts(ctx context.Context, r *ledger.Run, batch string, of PartRange) (Parts, error) {
	return files.ReadRecord[Parts](ctx, r.Folder(), partsName(batch, of))
}

func partsName(batch string, of PartRange) string {
	return fmt.Sprintf("parts/%s/%05d-%05d", batch, of.From, of.To)
}

// ListParts visits which Part tasks of a batch have ended, in order, those of
// the part of that number and behind it, until visit returns false.
func ListParts(ctx context.Context, r *ledger.Run, batch string, from int, visit func(PartRange) bool) error {
	prefix := "parts/" + batch + "/"
	in := store.Range{Prefix: prefix, After: fmt.Sprintf("%s%05d", prefix, from)}
	return r.Folder().ListUntil(ctx, in, func(name string, _ store.Object) bool {
		var of PartRange
		_, err := fmt.Sscanf(strings.TrimPrefix(name, prefix), "%05d-%05d", &of.From, &of.To)
		return err != nil || visit(of)
	})
}

// maxParts is the most parts of an upload (OSS, UploadPart).
const maxParts = 10_000

// Check says what cannot be.
func (u Upload) Check() error {
	size := u.Row.Src.Size
	switch {
	case u.Batch == "" || u.ID == "":
		return errors.New("it names no batch, or no upload")
	case size < 0 || u.PartSize < 1 || u.PerTask < 1 || (size-1)/u.PartSize >= maxParts:
		return fmt.Errorf("%d bytes in parts of %d bytes, %d a task", size, u.PartSize, u.PerTask)
	}
	return nil
}

// Check says what cannot be.
func (p Parts) Check() error {
	if p.From < 1 || p.To < p.From || p.To > maxParts {
		return fmt.Errorf("it is about the parts %d to %d", p.From, p.To)
	}
	for _, d := range p.Done {
		if d.Number < p.From || d.Number > p.To || d.Size < 0 {
			return fmt.Errorf("part %d of %d bytes is not one of %d to %d", d.Number, d.Size, p.From, p.To)
		}
	}
	for _, n := range p.Next {
		if n.From < p.From || n.To < n.From || n.To > p.To {
			return fmt.Errorf("what is left, %d to %d, is not among %d to %d", n.From, n.To, p.From, p.To)
		}
	}
	return nil
}
