package events

import (
	"context"
	"sync"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Recorded is the target of a job, which speaks source keys. What the metadata of an object
// say of the event that wrote it is held against the record of that event, which their mark
// names: a run that is over tells of what its events wrote only when the day is over, and
// metadata travel with what is copied. An object that its event did not write so comes
// without an Origin. It is safe for concurrent use.
type Recorded struct {
	store.Writer
	Ledger *ledger.Ledger
	Job    string

	mu   sync.Mutex
	left map[string]store.Object // of keys, what was found to be as an event left it
}

// mostLeft is how many objects a Recorded remembers.
const mostLeft = 1000

// Stat implements store.Source. It costs one GET of the ledger for an object that an event
// has written, the first time, and more where that event had a rest.
func (t *Recorded) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := t.Writer.Stat(ctx, key)
	if err != nil || o.Origin == nil || o.Origin.Job != t.Job || !eventnames.IsRun(o.Origin.Run) {
		return o, err
	}
	batch, ok := eventnames.Marked(o.Origin.Mark, key)
	if !ok || t.known(o) {
		return o, nil
	}
	batches := t.Ledger.Run(o.Origin.Job + "/" + o.Origin.Run).Batches()
	w, err := batches.ReadWriteOff(ctx, batch)
	rows := w.Rows
	for _, rest := range w.Rest {
		more, _, failed := batches.Settled(ctx, rest)
		if rows = append(rows, more...); err == nil {
			err = failed
		}
	}
	switch {
	case ledger.Missing(err), ledger.Unreadable(err): // then the metadata alone tell
		return o, nil
	case err != nil:
		return store.Object{}, err
	}
	for _, row := range rows {
		if row.Key() != key || row.Dst == nil || !row.State.Holds() || row.Dst.Mark != o.Origin.Mark {
			continue
		}
		if verdict.RemadeSince(row, o) {
			o.Origin = nil
			return o, nil
		}
		t.remember(o)
	}
	return o, nil
}

// known reports whether o was found to be as an event left it.
func (t *Recorded) known(o store.Object) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was, ok := t.left[o.Key]
	return ok && was.Hash == o.Hash && was.Modified.Equal(o.Modified) && was.Origin.Mark == o.Origin.Mark
}

func (t *Recorded) remember(o store.Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.left) >= mostLeft || t.left == nil {
		t.left = map[string]store.Object{}
	}
	t.left[o.Key] = store.Object{Hash: o.Hash, Modified: o.Modified, Origin: o.Origin}
}
