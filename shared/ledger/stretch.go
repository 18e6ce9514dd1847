package ledger

import (
	"context"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Stretch is the outcome of a part of a shard that is being listed: `sealed/<shard>/<n>`.
// A task that lists the shard again goes on behind it. The shard's closing is all of them
// together.
type Stretch struct {
	V        int         `json:"v"`
	Shard    string      `json:"shard"`
	By       string      `json:"by"`               // tells the deliveries of its task apart
	Range    store.Range `json:"range"`            // what it covers
	Before   string      `json:"before,omitempty"` // as in a ShardRef, of what is behind it
	Counts   Counts      `json:"counts"`
	Batches  []BatchRef  `json:"batches,omitempty"`
	Deletes  []BatchRef  `json:"deletes,omitempty"`  // as in the closing
	Others   Tally       `json:"others,omitzero"`    // as in the closing
	Held     int64       `json:"held,omitempty"`     // as in the closing
	End      bool        `json:"end,omitempty"`      // the last stretch of its shard
	Children []ShardRef  `json:"children,omitempty"` // of the last one: what is left
	At       time.Time   `json:"at"`
}

// maxStretches is how many stretches a shard may have.
const maxStretches = 100_000

func sealedName(shard string, n int) string { return fmt.Sprintf("sealed/%s/%05d", shard, n) }

// CreateStretch creates the outcome of a shard's n-th stretch, from 0 on, and returns the
// one that stands.
func (s Shards) CreateStretch(ctx context.Context, n int, o Stretch) (Stretch, error) {
	if n >= maxStretches {
		return Stretch{}, fault.New(fault.Invalid, "ledger.CreateStretch", o.Shard, fmt.Errorf("a shard has at most %d stretches", maxStretches))
	}
	o.V = Version
	return files.CreateRecord(ctx, s.files, sealedName(o.Shard, n), o)
}

// ReadStretches reads the outcomes of the stretches of a shard, in order.
func (s Shards) ReadStretches(ctx context.Context, shard string) (all []Stretch, err error) {
	return s.ReadStretchesFrom(ctx, shard, 0, maxStretches)
}

// ReadStretchesFrom reads up to most of them, from the n-th on.
func (s Shards) ReadStretchesFrom(ctx context.Context, shard string, n, most int) (all []Stretch, err error) {
	in := store.Range{Prefix: "sealed/" + shard + "/"}
	if n > 0 {
		in.After = sealedName(shard, n-1)
	}
	end := n
	most = min(most, maxStretches-n)
	err = s.files.ListUntil(ctx, in, func(string, store.Object) bool {
		end++
		return end < n+most
	})
	if err != nil || most <= 0 {
		return nil, err
	}
	for i := n; i < end; i++ {
		o, err := files.ReadRecord[Stretch](ctx, s.files, sealedName(shard, i))
		if Missing(err) {
			err = fault.New(fault.Temporary, "ledger.ReadStretches", shard, fmt.Errorf("a record is listed and cannot be read yet: %w", err))
		}
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// Add adds the next stretch of its shard to c.
func (c *Closed) Add(o Stretch) {
	c.Counts.Add(o.Counts)
	c.Batches = append(c.Batches, o.Batches...)
	c.Deletes = append(c.Deletes, o.Deletes...)
	c.Others.add(o.Others)
	c.Held += o.Held
	c.Children, c.At = o.Children, o.At
	if c.Range.UpTo = o.Range.UpTo; c.Shard == "" {
		c.Shard, c.Range = o.Shard, o.Range
	}
}
