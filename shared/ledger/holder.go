package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/fault"
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
	Ended   bool      `json:"ended,omitempty"`   // it has said that it holds the run, or waits, no longer

	N    int       `json:"-"` // of one that holds: 1..; the largest holds the run
	Seen time.Time `json:"-"` // its last sign of life, by the store's clock
}

const (
	holding = "live/holder/"
	waiting = "live/holder-waits/"
)

// Holders is who holds a run, and who waits for that.
type Holders struct {
	Holder  Holder               // the last that held it; N is 0 where nobody ever did
	Waiting map[string]time.Time // those that wait, by Process: their last signs of life
}

// Holders lists who holds the run and who waits for it, whether they live or not.
// A holder whose record cannot be read has no Process. It costs a listing and a read.
func (r *Run) Holders(ctx context.Context) (Holders, error) {
	found, err := try(ctx, func() (h Holders, err error) {
		h.Waiting = map[string]time.Time{}
		for o, err := range r.ledger.bucket.List(ctx, store.Range{Prefix: r.base + strings.TrimSuffix(holding, "/")}) {
			if err != nil {
				return h, err
			}
			name := strings.TrimPrefix(o.Key, r.base)
			if process, ok := strings.CutPrefix(name, waiting); ok {
				if o.Size > 0 {
					h.Waiting[process] = o.Modified
				}
				continue
			}
			if n, err := strconv.Atoi(strings.TrimPrefix(name, holding)); err == nil && n > h.Holder.N {
				h.Holder.N, h.Holder.Seen = n, o.Modified
			}
		}
		return h, nil
	})
	if err != nil || found.Holder.N == 0 {
		return found, err
	}
	h, err := readRecord[Holder](ctx, r, holderName(found.Holder.N))
	if err != nil && !Missing(err) && !Unreadable(err) {
		return found, err
	}
	h.N, h.Seen = found.Holder.N, found.Holder.Seen
	found.Holder = h
	return found, nil
}

// Hold has h hold the run as its N-th holder, unless another does already.
func (r *Run) Hold(ctx context.Context, h Holder) (bool, error) {
	data, err := h.encode()
	if err != nil {
		return false, err
	}
	_, won, err := r.create(ctx, holderName(h.N), data)
	return won, err
}

// KeepHolding gives a sign of life of h, which holds the run, or says that it has Ended.
func (r *Run) KeepHolding(ctx context.Context, h Holder) error {
	data, err := h.encode()
	if err != nil {
		return err
	}
	return r.write(ctx, holderName(h.N), data)
}

// Await says that h waits for who holds the run, or that it has Ended: then its
// record is emptied.
func (r *Run) Await(ctx context.Context, h Holder) error {
	var data []byte
	if !h.Ended {
		var err error
		if data, err = h.encode(); err != nil {
			return err
		}
	}
	return r.write(ctx, waiting+h.Process, data)
}

// Awaiting reads who waits under that name.
func (r *Run) Awaiting(ctx context.Context, process string) (Holder, error) {
	return readRecord[Holder](ctx, r, waiting+process)
}

func holderName(n int) string { return fmt.Sprintf("%s%06d", holding, n) }

func (h Holder) encode() ([]byte, error) {
	h.V, h.Since = Version, h.Since.UTC()
	data, err := json.Marshal(h)
	if err != nil {
		return nil, fault.New(fault.Invalid, "ledger.Holder", h.Process, err)
	}
	return data, nil
}
