package pipeline

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/task"
)

// parts uploads the parts of t side by side, as many as fit. The error is that
// of the parts that are missing for another reason than time.
func (r *run) parts(ctx context.Context, t task.Task, u ledger.Upload) (done []ledger.PartRow, trouble error) {
	at := cuts(u)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.share.Parallel(u.PartSize, r.job.Limits.Parallel))
	for n := t.From; n <= min(t.To, len(at)-1); n++ {
		if !r.acquireStream(gctx) {
			if n == t.From {
				trouble = errNoStream
			}
			break
		}
		g.Go(func() error {
			defer r.share.Streams.Release()
			if err := r.slots.Acquire(gctx); err != nil {
				return err
			}
			defer r.slots.Release()
			if n > t.From && deadline.Near(ctx, r.partTime(at[n]-at[n-1])) {
				return nil // handed over
			}
			pctx, cancel := deadline.Reserve(gctx)
			defer cancel()
			p, err := r.onePart(pctx, u, n, at[n-1], at[n])
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				done = append(done, p)
			case pctx.Err() == nil:
				trouble = err
			}
			if kind := fault.KindOf(err); err != nil && (kind == fault.Changed || kind == fault.NotFound) {
				return err // the upload is of no use any more
			}
			return nil
		})
	}
	_ = g.Wait() // trouble has it
	slices.SortFunc(done, func(a, b ledger.PartRow) int { return a.Number - b.Number })
	return done, trouble
}

// partTime estimates how long a part of n bytes takes: by what was measured,
// and by what the run's limits leave to this process.
func (r *run) partTime(n int64) time.Duration { return max(r.pace.Estimate(n), r.share.MinDuration(n)) }

// errNoStream is why no part was copied: the run's limits leave this process no stream.
var errNoStream = errors.New("the run's limits leave no stream")

// acquireStream waits for a stream of this process's share. It reports false
// where there is none before ctx ends or the outcome is to be written.
func (r *run) acquireStream(ctx context.Context) bool {
	ctx, cancel := deadline.Reserve(ctx)
	defer cancel()
	return r.share.Streams.Acquire(ctx)
}

// onePart copies the bytes [from, to) as part n, trying again where that makes sense.
func (r *run) onePart(ctx context.Context, u ledger.Upload, n int, from, to int64) (ledger.PartRow, error) {
	for try, throttled := 1, 0; ; {
		began := time.Now()
		p, err := r.tryPart(ctx, u, n, from, to)
		kind := fault.KindOf(err)
		wait := r.config.Quick << (try - 1)
		switch {
		case err == nil:
			r.slots.Succeeded()
			return p, nil
		case ctx.Err() != nil, kind == fault.Changed, kind == fault.NotFound, kind == fault.Invalid, kind == fault.Denied:
			return p, err
		case kind == fault.Throttled: // waiting spends no try
			throttled++
			r.slots.Throttled(began, fault.WaitOf(err))
			r.config.Watch(Event{Kind: Slowed, Key: u.Row.Key(), Err: err})
			if wait = max(fault.WaitOf(err), min(r.config.Quick<<min(throttled, 8), 30*time.Second)); deadline.Near(ctx, wait) || throttled == mostWaits {
				return p, err
			}
		default:
			r.config.Watch(Event{Kind: Caught, Key: u.Row.Key(), Err: err})
			if try++; try > quickTries {
				return p, err
			}
		}
		if err := r.slots.Backoff(ctx, wait); err != nil {
			return p, err
		}
	}
}

func (r *run) tryPart(ctx context.Context, u ledger.Upload, n int, from, to int64) (ledger.PartRow, error) {
	row := ledger.PartRow{Number: n, Size: to - from}
	begun := time.Now()
	ctx, asked, landed := inFlight(ctx)
	defer landed()
	_, body, err := r.src.Open(ctx, u.Row.Src, from, row.Size)
	if err != nil {
		return row, err
	}
	read := digest.NewReader(body, digest.Want{Size: row.Size, Parts: within(u.Row.Src.Parts, from, to), Blocks: digest.IsQetag(u.Row.Src.Hash)})
	guard := &guarded{ctx: ctx, read: read, left: row.Size}
	if r.start.Events {
		guard.check = func() error {
			err := r.writable(ctx, u.Row.Src)
			if err == nil {
				asked()
			}
			return err
		}
	}
	stored, err := r.dst.PutPart(ctx, u.Row.Key(), u.ID, n, guard, row.Size)
	_ = body.Close()
	guard.stop()
	if err != nil {
		if no, ok := verdict.IsUnwanted(err); ok {
			return row, no
		}
		if broken := read.Err(); broken != nil && broken != io.EOF {
			return row, fault.New(fault.Temporary, "part", u.Row.Key(), broken)
		}
		if fault.KindOf(err) == fault.NotFound { // of the target, which says nothing of the source
			err = fault.New(fault.Changed, "part", u.Row.Key(), fault.Errorf("the upload is gone: somebody, or a lifecycle rule of the target's bucket, aborted it (%w)", err))
		}
		return row, err
	}
	row.ETag, row.CRC64 = stored.ETag, read.CRC64()
	if sum := strconv.FormatUint(row.CRC64, 10); stored.CRC64 != "" && stored.CRC64 != sum {
		return row, fault.New(fault.Corrupt, "part", u.Row.Key(), fault.Errorf("the target stored CRC64 %s of part %d, sent with %s", stored.CRC64, n, sum))
	}
	for _, b := range read.Blocks() {
		row.Blocks = append(row.Blocks, b[:]...)
	}
	r.pace.Measured(row.Size, time.Since(begun))
	r.config.Watch(Event{Kind: Moved, Key: u.Row.Key(), Bytes: row.Size})
	return row, nil
}
