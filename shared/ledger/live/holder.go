package live

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Holder is a process of one machine that does a run alone, with queues of its
// own, or one that waits for it. The n-th that holds a run creates
// `live/holder/<n>`, which one alone can, and gives signs of life by writing it
// again; who waits has `live/holder-waits/<process>`. Lifecycle rules drop what is
// left of old ones.
type Holder struct {
	V       int       `json:"v"`
	Process string    `json:"process"`           // a nonce
	Host    string    `json:"host"`              // as its people call it
	Machine string    `json:"machine,omitempty"` // what process numbers mean something on: two that say the same see each other's processes
	PID     int       `json:"pid"`
	Started string    `json:"started,omitempty"` // tells two processes of one number apart
	Since   time.Time `json:"since"`             // when it began to hold the run, or to wait, by its own clock
	Ended   bool      `json:"ended,omitempty"`   // the process no longer holds the run, or waits for it

	N    int       `json:"-"` // of one that holds: 1..; the largest holds the run
	Seen time.Time `json:"-"` // its last sign of life, by the store's clock
}

const (
	holding = "live/holder/"
	waiting = "live/holder-waits/"
)

// Holders is who holds a run, and who waits for that.
type Holders struct {
	Holder  Holder               // the last that held it; N is 0 where none ever did
	Waiting map[string]time.Time // those that wait, by Process: their last signs of life
}

// ReadHolders lists who holds the run and who waits for it, whether they live or not.
// A holder whose record cannot be read has no Process. It costs a listing and a read.
func ReadHolders(ctx context.Context, dir files.Folder) (Holders, error) {
	var found Holders
	type seen struct {
		name string
		at   time.Time
	}
	waits, err := files.ListAll(ctx, dir, store.Range{Prefix: strings.TrimSuffix(holding, "/")}, func(name string, o store.Object) (seen, bool) {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, holding)); err == nil && n >= found.Holder.N {
			found.Holder.N, found.Holder.Seen = n, o.Modified
		}
		process, ok := strings.CutPrefix(name, waiting)
		return seen{process, o.Modified}, ok && o.Size > 0
	})
	found.Waiting = map[string]time.Time{}
	for _, w := range waits {
		found.Waiting[w.name] = w.at
	}
	if err != nil || found.Holder.N == 0 {
		return found, err
	}
	h, err := files.ReadRecord[Holder](ctx, dir, holderName(found.Holder.N))
	if err != nil && !files.Missing(err) && !files.Unreadable(err) {
		return found, err
	}
	h.N, h.Seen = found.Holder.N, found.Holder.Seen
	found.Holder = h
	return found, nil
}

// CreateHolder has h hold the run as its N-th holder, unless another does already.
func CreateHolder(ctx context.Context, dir files.Folder, h Holder) (bool, error) {
	data, err := files.Encode(holderName(h.N), h.record())
	if err != nil {
		return false, err
	}
	_, won, err := dir.Create(ctx, holderName(h.N), data)
	return won, err
}

// WriteHolder writes a sign of life of h, which holds the run, or that it has Ended.
func WriteHolder(ctx context.Context, dir files.Folder, h Holder) error {
	return files.WriteRecord(ctx, dir, holderName(h.N), h.record())
}

// WriteWaiting records that h waits for who holds the run, or that it has Ended: then its
// record is emptied.
func WriteWaiting(ctx context.Context, dir files.Folder, h Holder) error {
	if h.Ended {
		return dir.Write(ctx, waiting+h.Process, nil)
	}
	return files.WriteRecord(ctx, dir, waiting+h.Process, h.record())
}

// ReadWaiting reads who waits under that name.
func ReadWaiting(ctx context.Context, dir files.Folder, process string) (Holder, error) {
	return files.ReadRecord[Holder](ctx, dir, waiting+process)
}

func holderName(n int) string { return fmt.Sprintf("%s%06d", holding, n) }

// record is h as it is written.
func (h Holder) record() Holder {
	h.V, h.Since = files.Version, h.Since.UTC()
	return h
}
