package transfer

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
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/verdict"
)

// ErrNoStream is why Parts copied none: the run's limits leave this process no stream.
var ErrNoStream = errors.New("the run's limits leave no stream")

// Parts copies the parts from to to of an upload side by side, as many as fit the
// time that is left, but always begins the first. It returns those that are done, by
// number, and the error of those that are missing for another reason than time:
// ErrNoStream, an *verdict.Unwanted, Changed or NotFound where the source's object or
// the upload is not what it was, or that of a request.
func (c *Copier) Parts(ctx context.Context, u upload.Upload, from, to int) (done []upload.PartRow, missing error) {
	at := cuts(u)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.Share.Parallel(u.PartSize, c.Slots.Most()))
	for n := from; n <= min(to, len(at)-1); n++ {
		if !c.acquireStream(gctx) {
			if n == from {
				missing = ErrNoStream
			}
			break
		}
		g.Go(func() error {
			defer c.Share.Streams.Release()
			if err := c.Slots.Acquire(gctx); err != nil {
				return err
			}
			defer c.Slots.Release()
			if n > from && deadline.Near(ctx, c.PartTime(at[n]-at[n-1])) {
				return nil // handed over
			}
			pctx, cancel := deadline.Reserve(gctx)
			defer cancel()
			p, err := c.copyPart(pctx, u, n, at[n-1], at[n])
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				done = append(done, p)
			case pctx.Err() == nil:
				missing = err
			}
			if kind := fault.KindOf(err); err != nil && (kind == fault.Changed || kind == fault.NotFound) {
				return err // the upload is of no use any more
			}
			return nil
		})
	}
	_ = g.Wait() // missing has it
	slices.SortFunc(done, func(a, b upload.PartRow) int { return a.Number - b.Number })
	return done, missing
}

// PartTime estimates how long a part of n bytes takes: by what was measured, and by
// what the run's limits leave to this process.
func (c *Copier) PartTime(n int64) time.Duration {
	return max(c.Pace.Estimate(n), c.Share.MinDuration(n))
}

// copyPart copies the bytes [from, to) as part n, in up to Tries tries. Changed,
// NotFound, Invalid and Denied are not tried again, and throttles spend no try.
func (c *Copier) copyPart(ctx context.Context, u upload.Upload, n int, from, to int64) (upload.PartRow, error) {
	for try, throttles := 1, 0; ; {
		began := time.Now()
		free, err := c.Bodies.Acquire(ctx, to-from)
		if err != nil {
			return upload.PartRow{}, err
		}
		p, err := c.tryPart(ctx, u, n, from, to)
		free()
		kind := fault.KindOf(err)
		wait := c.Quick << (try - 1)
		switch {
		case err == nil:
			c.Slots.Succeeded(began)
			return p, nil
		case ctx.Err() != nil, kind == fault.Changed, kind == fault.NotFound, kind == fault.Invalid, kind == fault.Denied:
			return p, err
		case kind == fault.Throttled:
			throttles++
			if wait = c.throttled(u.Row.Key(), began, throttles, err); deadline.Near(ctx, wait) || throttles == maxThrottles {
				return p, err
			}
		default:
			c.caught(u.Row.Key(), err)
			if try++; try > Tries {
				return p, err
			}
		}
		if err := c.Slots.Backoff(ctx, wait); err != nil {
			return p, err
		}
	}
}

func (c *Copier) tryPart(ctx context.Context, u upload.Upload, n int, from, to int64) (upload.PartRow, error) {
	row := upload.PartRow{Number: n, Size: to - from}
	begun := time.Now()
	ctx, asked, landed := inFlight(ctx)
	defer landed()
	_, body, err := c.Source.Open(ctx, u.Row.Src, from, row.Size)
	if err != nil {
		return row, err
	}
	read := digest.NewReader(body, digest.Want{Size: row.Size, Parts: within(u.Row.Src.Parts, from, to), Blocks: digest.IsQetag(u.Row.Src.Hash)})
	guard := &guarded{ctx: ctx, read: read, left: row.Size}
	if c.Events {
		guard.check = func() error {
			err := c.Writable(ctx, u.Row.Src)
			if err == nil {
				asked()
			}
			return err
		}
	}
	stored, err := c.Target.PutPart(ctx, u.Row.Key(), u.ID, n, guard, row.Size)
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
	c.Pace.Measured(row.Size, time.Since(begun))
	c.Watch(Progress{Kind: PartCopied, Key: u.Row.Key(), Bytes: row.Size})
	return row, nil
}
