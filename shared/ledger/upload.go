package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/store"
)

// Upload is the outcome of a Begin task: `uploads/<batch>`. An upload that no
// record names is nobody's to abort but its maker's.
type Upload struct {
	V        int       `json:"v"`
	Batch    string    `json:"batch"`
	Shard    string    `json:"shard"`
	ID       string    `json:"id"`  // the target's name for it
	Row      Row       `json:"row"` // the object: what the parts are read from and what the target held
	PartSize int64     `json:"part_size"`
	PerTask  int       `json:"per_task"`           // parts of one Part task
	Warnings []string  `json:"warnings,omitempty"` // what could not be kept of the object's metadata
	At       time.Time `json:"at"`
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

// BeginUpload creates the record of an upload and returns the one that stands.
func (r *Run) BeginUpload(ctx context.Context, u Upload) (Upload, error) {
	u.V = Version
	return createRecord(ctx, r, "uploads/"+u.Batch, u)
}

// Upload reads the record of a batch's upload. NotFound before it is begun.
func (r *Run) Upload(ctx context.Context, batch string) (Upload, error) {
	return readRecord[Upload](ctx, r, "uploads/"+batch)
}

// Uploads lists the batches whose upload was begun, in order: at most most of
// those behind the batch after, "" for the beginning.
func (r *Run) Uploads(ctx context.Context, after string, most int) ([]string, error) {
	var batches []string
	in := store.Range{Prefix: r.Path("uploads/"), After: r.Path("uploads/" + after)}
	for o, err := range r.ledger.bucket.List(ctx, in) {
		if err != nil {
			return nil, err
		}
		if len(batches) == most {
			break
		}
		batches = append(batches, strings.TrimPrefix(o.Key, in.Prefix))
	}
	return batches, nil
}

// EndParts creates the outcome of a Part task and returns the one that stands.
func (r *Run) EndParts(ctx context.Context, batch string, p Parts) (Parts, error) {
	p.V = Version
	return createRecord(ctx, r, partsName(batch, PartRange{p.From, p.To}), p)
}

// EndedParts reads the outcome of the Part task that has those parts. NotFound
// while it is open.
func (r *Run) EndedParts(ctx context.Context, batch string, of PartRange) (Parts, error) {
	return readRecord[Parts](ctx, r, partsName(batch, of))
}

func partsName(batch string, of PartRange) string {
	return fmt.Sprintf("parts/%s/%05d-%05d", batch, of.From, of.To)
}

// PartTasks visits which Part tasks of a batch have ended, in order, those of
// the part of that number and behind it, until visit returns false.
func (r *Run) PartTasks(ctx context.Context, batch string, from int, visit func(PartRange) bool) error {
	prefix := "parts/" + batch + "/"
	in := store.Range{Prefix: prefix, After: fmt.Sprintf("%s%05d", prefix, from)}
	return r.someObjects(ctx, in, func(name string, _ store.Object) bool {
		var of PartRange
		_, err := fmt.Sscanf(strings.TrimPrefix(name, prefix), "%05d-%05d", &of.From, &of.To)
		return err != nil || visit(of)
	})
}
