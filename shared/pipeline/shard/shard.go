// Package shard lists a shard: it walks both sides of its range side by side, has what
// differs gathered into batches, and seals it stretch by stretch. It knows no tasks: its
// caller sends what is to be copied. What is sealed of a shard is named by its records in
// order, `sealed/<shard>/<n>`, whose sum is its closing, `closed/<shard>`.
//
//	shard.go      Shard: what other deliveries have sealed, and the closing
//	walk.go       List: the walk over both sides
//	divide.go     where the walk ends early, so that what is left is listed side by side
//	stretches.go  how a stretch is sealed while the walk goes on
//	early.go      CloseEarly: where it ends without a walk
package shard

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/pipeline/batching"
	"kodoferry/shared/pipeline/listing"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Config is what a shard is listed by. Closing one early takes Ledger, Job, Now and Log alone.
type Config struct {
	Ledger *ledger.Run
	Job    job.Job
	Chain  bool // the source lists from keys that exist alone
	Named  bool // the job names its keys

	Begin   func(ctx context.Context) (listed func(), err error)                                    // waits until few enough shards are listed; listed says that one is
	Short   func() bool                                                                             // reports whether what is listed of this one takes more memory than there is
	Source  store.Source                                                                            // cuts what is left
	Both    func(ctx context.Context, before string, in store.Range) iter.Seq2[listing.Pair, error] // lists both sides, the source from landmarks where it is a chain
	Memory  *memory.Memory
	Asker   *verdict.Asker
	Batches batching.Config

	// Send sends the copies of batches; again says that they may have been sent before.
	// nil: all are sent with what follows from the closing.
	Send func(ctx context.Context, batches []ledger.BatchRef, again bool) error

	// Cutting cuts what is behind the first page already; nil: nothing does.
	Cutting *listing.Cutting
	// Idle takes places of this process that list nothing, for what is left of the shard, and
	// returns how many these are. nil: there are none.
	Idle func() int

	Now func() time.Time
	Log *slog.Logger
}

// ErrTwin says that another delivery of the same task lists the shard.
var ErrTwin = errors.New("another delivery of the task lists the shard")

// Shard is one that is listed, by one goroutine. It creates the record of each stretch
// once the rows are written, and then has the copies of its batches sent, before it
// creates the next one. So a delivery that lists the shard again goes on behind the newest record,
// and only what follows from that may not have been sent.
type Shard struct {
	config  Config
	ref     ledger.ShardRef
	by      string // this delivery
	batches *batching.Batcher

	all    ledger.Closed     // the stretches whose records stand, as one
	n      int               // how many there are
	last   []ledger.BatchRef // the batches of the newest
	after  string            // where the next one begins
	before string            // landmarks of that
	ended  bool              // there is none

	unsent []ledger.BatchRef // whose copies may not have been sent, where none is before the end

	alone   int64            // keys behind which it is looked whether the rest is divided
	cutting *listing.Cutting // cuts what is left; nil: nothing does

	under chan sealed // has what the stretch that is being sealed came to; nil: none is
}

// New returns the shard of that name and range, of which nothing is known to be sealed.
func New(ref ledger.ShardRef, c Config) *Shard {
	return &Shard{
		config: c, ref: ref, by: ledger.Nonce(), after: ref.Range.After, before: ref.Before,
		all:   ledger.Closed{Shard: ref.Shard, Range: ref.Range, Before: ref.Before},
		alone: listing.FewKeys, cutting: c.Cutting,
	}
}

// Resume reads what other deliveries have sealed, and has the newest copies of it sent
// again; with all, every one that is open: queues may have been lost, or dropped what a
// paused run had in them.
func (s *Shard) Resume(ctx context.Context, all bool) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	open := s.last
	if all {
		var err error
		if open, err = progress.OpenBatches(ctx, s.config.Ledger, s.all); err != nil {
			return err
		}
	}
	s.last = nil // these batches are sent here, or with what Close returns
	if s.n == 0 || s.config.Send == nil {
		s.unsent = open
		return nil
	}
	return s.config.Send(ctx, open, true)
}

// read takes in every record that stands.
func (s *Shard) read(ctx context.Context) error {
	all, err := s.config.Ledger.Shards().ReadStretches(ctx, s.ref.Shard)
	for _, o := range all {
		s.add(o)
	}
	return err
}

// add takes in a record that stands.
func (s *Shard) add(o ledger.Stretch) {
	s.all.Add(o)
	s.n++
	s.last, s.after, s.before, s.ended = o.Batches, o.Range.UpTo, o.Before, o.End
}

// Ended reports whether all of the shard is sealed.
func (s *Shard) Ended() bool { return s.ended }

// rest is what is not sealed.
func (s *Shard) rest() store.Range {
	return store.Range{Prefix: s.ref.Range.Prefix, After: s.after, UpTo: s.ref.Range.UpTo}
}

// Close closes the shard, all of which is sealed, and sends the last copies meanwhile. It
// returns the closing that stands: that of a twin, which is not own, or the shard's own with
// those of its batches whose copies were not sent.
func (s *Shard) Close(ctx context.Context) (c ledger.Closed, own bool, err error) {
	sent := func() error { return nil }
	if s.config.Send != nil && len(s.last) > 0 {
		sent = s.sendLast(ctx)
	}
	c, err = s.config.Ledger.Shards().CreateListed(ctx, s.all)
	err = cmp.Or(sent(), err)
	if err != nil || !isSame(c, s.all) {
		return c, false, err
	}
	s.config.Log.InfoContext(ctx, "shard closed", "shard", c.Shard, "objects", c.Counts.Listed.Objects, "batches", len(c.Batches), "stretches", s.n, "children", len(c.Children))
	c.Batches = append(s.unsent, s.last...)
	return c, true, nil
}

// sendLast begins to send the copies of the last stretch, whose record stands, while the
// closing is created. It returns what waits until they are sent.
func (s *Shard) sendLast(ctx context.Context) (sent func() error) {
	last, done := s.last, make(chan error, 1)
	s.last = nil
	go func() { done <- s.config.Send(ctx, last, false) }()
	return func() error { return <-done }
}

// isSame reports whether two closings are of one delivery: batches and children have names
// of their own in each.
func isSame(a, b ledger.Closed) bool {
	children := func(x, y ledger.ShardRef) bool { return x.Shard == y.Shard }
	batches := func(x, y ledger.BatchRef) bool { return x.ID == y.ID }
	return slices.EqualFunc(a.Children, b.Children, children) && slices.EqualFunc(a.Batches, b.Batches, batches)
}
