package batching

import (
	"fmt"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/mirror"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// extrasPerBatch is how many objects one batch has removed at most.
const extrasPerBatch = 1000

// extra takes an object that only the target has. Where last, what earlier runs left of
// its key, does not tell whether it is the job's, that is looked at in due time.
func (b *Batcher) extra(o store.Object, last *memory.Row) {
	if !b.config.Rules.Match.MatchKey(o.Key) || b.config.Rules.InLedger(o.Key) {
		return
	}
	b.out.Held++
	row := ledger.Row{
		Src: store.Object{Key: o.Key}, State: ledger.Pending,
	}
	row.Dst, row.Author = verdict.Listed(o, last)
	if last != nil {
		row.Was = last.Known()
	}
	b.extras = append(b.extras, row)
	if len(b.extras) == extrasPerBatch {
		b.sealExtras()
	}
}

// sealExtras begins to write away those of the gathered extras that are
// the job's copies: the others are not ours to delete.
func (b *Batcher) sealExtras() {
	rows := b.extras
	if len(rows) == 0 {
		return
	}
	b.extras = nil
	id := fmt.Sprintf("%s-%sx%04d", b.shard, b.nonce, b.sealed[1])
	b.sealed[1]++
	out := b.out
	b.write(func() error {
		rows, others, err := mirror.Ours(b.ctx, b.config.Rules, rows)
		b.mu.Lock()
		out.Others.Add(others.Objects, others.Bytes)
		b.mu.Unlock()
		if err != nil || len(rows) == 0 {
			return err
		}
		ref := refOf(id, rows)
		for _, row := range rows { // the source has none of them
			ref.Bytes += row.Dst.Size
		}
		b.mu.Lock()
		out.Deletes = append(out.Deletes, ref)
		b.mu.Unlock()
		return b.config.Write(b.ctx, ref.ID, rows)
	})
}
