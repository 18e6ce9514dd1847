// Package batching gathers what a walk decided on into batches, and divides a batch that
// did not end. It knows neither runs nor tasks; what it gathers it gives to a function
// that writes rows away under the ID of their batch.
//
//	batching.go  Batcher: rows in key order, in batches by how long each takes
//	extras.go    what only the target has, in batches that may be deleted
//	hold.go      Memory: holds the rows of batches that are copied, or will be soon
//	rest.go      Divide, WriteOff: what of a batch ended, and batches of what did not
package batching

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/live"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
)

// Config is what a Batcher gathers by.
type Config struct {
	Rules *verdict.Rules

	// Pace returns the pace of what copies. It is called before the first pending row.
	Pace func(ctx context.Context) live.Pace
	// Write writes the rows of a batch away.
	Write func(ctx context.Context, batch string, rows []ledger.Row) error
	// Written is called with the rows of each batch that Write has written.
	Written func(rows []ledger.Row)
	// Rows keeps the rows of batches of Run that are to be copied, once they are written.
	// nil: none are kept.
	Rows *Memory
	Run  string
	// Beside counts the Batchers of this process that gather at the same time, which share
	// its memory.
	Beside *atomic.Int64
}

// Batches are what a Batcher gathered.
type Batches struct {
	All    []ledger.BatchRef // in key order
	Counts ledger.Counts     // of their rows, and of what the filter does not choose

	Deletes []ledger.BatchRef // of what only the target has, the job's copies, in key order
	Others  ledger.Tally      // copies there that are not known to be the job's
	Held    int64             // keys of the target, as ledger.Closed has it
}

// Batcher gathers rows in key order and writes them away in batches while the walk goes
// on. Its methods are called by one goroutine.
type Batcher struct {
	config Config
	shard  string
	nonce  string // of this delivery: a twin's segments have other names
	ctx    context.Context
	cancel context.CancelCauseFunc // with why a batch could not be written
	places chan struct{}           // has those taken for each batch that is being written
	writes *sync.WaitGroup         // of the batches in out

	pace  live.Pace     // of what copies
	batch time.Duration // what one batch may cost

	rows    []ledger.Row
	usual   int // how many the last batch had: batches are much alike
	pending int
	parts   bool // the one pending row goes in parts
	bytes   int64
	cost    time.Duration // of the pending rows, one after the other
	held    int64         // bytes of memory of rows
	weight  int64         // bytes of all rows, roughly, as JSON

	extras []ledger.Row // what only the target has

	sealed [2]int     // batches, and batches of extras
	mu     sync.Mutex // over Deletes and Others: they are known only once they were looked at
	out    *Batches   // since the last Cut
}

const (
	// writers is how many batches are written at the same time; where several Batchers
	// gather, they write so many for each of crowd between them, but one each.
	writers, crowd = 4, 4
	// rowsPerBatch bounds what a batch holds where little of it is pending, and the only one
	// that is gathered; of several each holds less, but leastRows.
	rowsPerBatch, leastRows = 10_000, 1000
	// batchMemory bounds the same in bytes, where rows have long keys or metadata; of several
	// each holds less, but leastMemory.
	batchMemory, leastMemory = 8 << 20, 768 << 10
	// batchTime is what a batch is to take: long enough that its message and its
	// records cost next to nothing, short enough for an invocation of 5 minutes
	// and for what is checked again after a kill.
	batchTime = 20 * time.Second
	// assumedInFlight is how many objects are copied side by side where no process has measured it.
	assumedInFlight = 64
)

// New returns the Batcher of a shard. Its writes end with ctx, or with Stop, which must
// be called.
func New(ctx context.Context, shard string, c Config) *Batcher {
	c.Beside.Add(1)
	b := &Batcher{config: c, shard: shard, nonce: ledger.Nonce(), places: make(chan struct{}, writers), writes: &sync.WaitGroup{}, out: &Batches{}}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	return b
}

// Stop ends what is still being written. It is called once, also after Finish.
func (b *Batcher) Stop() {
	b.config.Beside.Add(-1)
	b.cancel(nil)
	for range cap(b.places) {
		b.places <- struct{}{}
	}
}

// Failed is why what was gathered cannot be kept: a batch that could not be written, or
// the end of the context; nil while neither happened. After an error nothing that is
// still listed would count.
func (b *Batcher) Failed() error {
	return context.Cause(b.ctx)
}

// write calls f, which writes a batch away, once few enough are being written: the more
// Batchers gather, the fewer of each, for whose rows wait for the same processors.
func (b *Batcher) write(f func() error) {
	places := min(max(1, int(b.config.Beside.Load())/crowd), writers)
	for range places {
		b.places <- struct{}{}
	}
	b.writes.Go(func() {
		defer func() {
			for range places {
				<-b.places
			}
		}()
		if err := f(); err != nil {
			b.cancel(err)
		}
	})
}

// Weight is how many bytes all rows have, roughly, as JSON.
func (b *Batcher) Weight() int64 { return b.weight }

// Take takes what both sides list under one key. The error is that of Failed.
func (b *Batcher) Take(j *verdict.Judged) error {
	if err := b.Failed(); err != nil {
		return err
	}
	switch {
	case j.Src == nil:
		b.extra(*j.Dst, j.Last)
	case j.Excluded:
		b.out.Counts.Excluded.Add(1, j.Src.Size)
	default:
		if j.Dst != nil {
			b.out.Held++
		}
		b.add(&j.Row)
	}
	return nil
}

// Add adds a row behind all that were added.
func (b *Batcher) Add(row ledger.Row) { b.add(&row) }

func (b *Batcher) add(row *ledger.Row) {
	l := &b.config.Rules.Job.Limits
	big := row.State == ledger.Pending && transfer.InParts(&b.config.Rules.Job, row)
	if row.State == ledger.Pending {
		if b.batch == 0 {
			b.pace = b.config.Pace(b.ctx)
			b.batch = batchTime * time.Duration(cmp.Or(l.Parallel, b.pace.InFlight, assumedInFlight))
		}
		if b.pending > 0 && (big || b.bytes+row.Src.Size > l.BatchBytes) {
			b.seal()
		}
		b.pending++
		b.bytes += row.Src.Size
		b.cost += limit.Cost(b.pace, row.Src.Size)
	}
	switch {
	case len(b.rows) < cap(b.rows):
	case len(b.rows) == 0:
		b.rows = takeRows(b.usual)
	default: // few stay few; more become a batch, which doubling would copy and touch twice
		b.rows = slices.Grow(b.rows, max(len(b.rows), leastRows-len(b.rows)))
	}
	b.rows = append(b.rows, *row)
	row = &b.rows[len(b.rows)-1]
	settle(row)
	b.out.Counts.Listed.Add(1, row.Src.Size)
	b.out.Counts.Count(row)
	b.weight += estimateJSONSize(row)
	b.held += heldBy(row)
	filled := b.pending >= l.BatchObjects || b.bytes >= l.BatchBytes || b.batch > 0 && b.cost >= b.batch
	if big || filled || b.holdsEnough() {
		b.parts = big
		b.seal()
	}
}

// holdsEnough reports whether the rows take as much memory as is for this Batcher, of all that
// gather beside it.
func (b *Batcher) holdsEnough() bool {
	beside := max(2, b.config.Beside.Load())
	return int64(len(b.rows)) >= max(leastRows, 2*rowsPerBatch/beside) || b.held >= max(leastMemory, 2*batchMemory/beside)
}

// settle has a row no longer have what was known of its key before, where it says itself
// what is known.
func settle(row *ledger.Row) {
	if row.State.Holds() {
		row.Was = nil
	}
}

// seal begins to write what was gathered as a batch.
func (b *Batcher) seal() {
	if len(b.rows) == 0 {
		return
	}
	rows := b.rows
	ref := refOf(fmt.Sprintf("%s-%s%05d", b.shard, b.nonce, b.sealed[0]), rows)
	b.sealed[0]++
	ref.Pending, ref.Bytes, ref.Parts = b.pending, b.bytes, b.parts
	b.out.All = append(b.out.All, ref)
	held := b.held
	b.rows, b.usual = nil, len(rows)
	b.pending, b.bytes, b.cost, b.held, b.parts = 0, 0, 0, 0, false
	b.write(func() error {
		if err := b.config.Write(b.ctx, ref.ID, rows); err != nil {
			return err
		}
		b.config.Written(rows)
		b.config.Rows.keep(b.config.Run, ref, rows, held)
		return nil
	})
}

// pooled has the memory of rows that are written, or copied: a row takes half a KiB, which
// would be cleared anew for each, and looked through by the collector.
var pooled sync.Pool

// takeRows returns memory for some rows, as many as there usually are.
func takeRows(usual int) []ledger.Row {
	if rows, ok := pooled.Get().(*[]ledger.Row); ok && cap(*rows) >= usual {
		return (*rows)[:0]
	}
	return make([]ledger.Row, 0, max(usual, 64))
}

// giveBack gives back the memory of rows that nobody uses any more.
func giveBack(rows []ledger.Row) { pooled.Put(&rows) }

// refOf names a batch of rows, all of which are pending.
func refOf(id string, rows []ledger.Row) ledger.BatchRef {
	return ledger.BatchRef{
		ID: id, First: rows[0].Key(), Last: rows[len(rows)-1].Key(),
		Rows: len(rows), Pending: len(rows), Bytes: Sizes(rows),
	}
}

// Full reports whether the last row filled a batch, and none has begun since.
func (b *Batcher) Full() bool { return len(b.rows) == 0 && len(b.out.All) > 0 }

// Cut seals what was gathered since the last Cut. It returns a function that waits until
// that is written, and returns it.
func (b *Batcher) Cut() (written func() (Batches, error)) {
	b.seal()
	b.sealExtras()
	out, writes := b.out, b.writes
	b.out, b.writes = &Batches{}, &sync.WaitGroup{}
	return func() (Batches, error) {
		writes.Wait()
		if err := b.Failed(); err != nil {
			return Batches{}, err
		}
		slices.SortFunc(out.Deletes, func(x, y ledger.BatchRef) int { return strings.Compare(x.First, y.First) })
		return *out, nil
	}
}

// Finish seals the rest, waits until everything is written, and returns what was gathered
// since the last Cut.
func (b *Batcher) Finish() (Batches, error) { return b.Cut()() }

// Sizes is how many bytes the source's objects of rows have together.
func Sizes(rows []ledger.Row) (n int64) {
	for i := range rows {
		n += rows[i].Src.Size
	}
	return n
}

const (
	rowBytes   = 304 // of a Row besides those of its object
	dstBytes   = 160 // of a Dst, with its texts
	knownBytes = 384 // of a Known, with its texts
)

// heldBy estimates how many bytes of memory a row takes.
func heldBy(row *ledger.Row) int64 {
	n := rowBytes + row.Src.Held() + int64(len(row.Reason))
	if row.Dst != nil {
		n += dstBytes
	}
	if row.Was != nil {
		n += knownBytes
	}
	return n
}

// estimateJSONSize estimates a row's bytes as JSON.
func estimateJSONSize(row *ledger.Row) int64 {
	n := 250 + len(row.Src.Key) + len(row.Reason) + 8*len(row.Src.Parts)
	if row.Was != nil {
		n += 350
	}
	for k, v := range row.Src.Meta {
		n += len(k) + len(v) + 6
	}
	for k, v := range row.Src.Header {
		n += len(k) + len(v) + 6
	}
	return int64(n)
}
