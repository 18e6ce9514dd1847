package pipeline

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// finish joins what the parts left in the ledger into the hash and the CRC64 of
// the whole, holds them against the source, and only then completes the upload:
// a damaged object never becomes visible.
func (r *run) finish(ctx context.Context, t task.Task) ([]task.Task, error) {
	if w, err := r.ledger.WrittenOff(ctx, t.Batch); !ledger.Missing(err) {
		return r.afterOther(t, w), err
	}
	u, err := r.ledger.Upload(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	done, open, err := r.uploaded(ctx, u)
	if err != nil || len(open) > 0 {
		return partTasks(t, open), err
	}
	a := newCopier(r, t).attempt(u.Row)
	crc, proof, err := joinParts(u.Row, done, r.job.HashMismatch)
	if err == nil {
		err = a.complete(ctx, u, done, crc, proof)
	}
	no, taken := verdict.IsUnwanted(err)
	switch {
	case taken && no.Why != "":
		return r.withdraw(ctx, t, u, no)
	case taken:
		return nil, err
	case err == nil:
		if a.row.State != ledger.Copied {
			r.drop(ctx, t.Batch)
		}
		return r.settle(ctx, t, a.row, 0)
	case outage.Suspected(err):
		return nil, ofObject(u.Row.Key(), err)
	}
	return r.again(ctx, t, a, err)
}

// joinParts checks the parts against what the source lists of the whole, and
// returns the CRC64 of the whole and what proves it. The error is Corrupt. Where
// the row says that an earlier read came to the same hash, another than is listed,
// hashMismatch, that of the job, decides.
func joinParts(row ledger.Row, done []ledger.PartRow, hashMismatch string) (crc uint64, proof ledger.Proof, err error) {
	var size int64
	var blocks [][20]byte
	for _, p := range done {
		crc = digest.CombineCRC64(crc, p.CRC64, p.Size)
		size += p.Size
		for b := range slices.Chunk(p.Blocks, 20) {
			blocks = append(blocks, [20]byte(b))
		}
	}
	src := row.Src
	if size != src.Size {
		return 0, "", fault.New(fault.Corrupt, "finish", src.Key, fault.Errorf("the parts have %d bytes, want %d", size, src.Size))
	}
	if !digest.IsQetag(src.Hash) {
		return crc, ledger.ByCRC, nil
	}
	got, err := digest.JoinBlocks(blocks, size, src.Parts)
	if err != nil {
		return 0, "", fault.New(fault.Corrupt, "finish", src.Key, err)
	}
	switch {
	case got == src.Hash:
		return crc, ledger.ByQetag, nil
	case row.Read == got && hashMismatch == job.CopyMismatch: // two equal reads, and the job takes the bytes
		return crc, ledger.ByCRC, nil
	}
	return 0, "", fault.New(fault.Corrupt, "finish", src.Key, &digest.Mismatch{What: "qetag", Got: got, Want: src.Hash})
}

// complete makes the object of exactly these parts, if the source is still the
// one they were read from and the target may be written.
func (a *attempt) complete(ctx context.Context, u ledger.Upload, done []ledger.PartRow, crc uint64, proof ledger.Proof) error {
	exists := a.row.Dst != nil
	if err := a.mayComplete(ctx, exists); err != nil {
		return err
	}
	parts := make([]store.Part, len(done))
	for i, p := range done {
		parts[i] = store.Part{Number: p.Number, Size: p.Size, ETag: p.ETag}
	}
	flying, cancel := context.WithTimeout(ctx, limit.Flight)
	defer cancel()
	stored, err := a.run.dst.Finish(flying, a.row.Key(), u.ID, parts, store.Put{IfAbsent: !exists && !a.run.job.Unguarded})
	if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Changed {
		// The upload is gone, or the key is there: a twin, or a try whose answer was
		// lost, may have completed it. Its answer is held to what ours would be.
		switch _, final, ierr := a.inspect(ctx); {
		case ierr != nil:
			return ierr
		case !final:
			return fault.New(fault.Invalid, "finish", a.row.Key(), err)
		case a.row.State != ledger.Copied:
			return nil
		}
		a.run.dropOwn(ctx, a.row.Key(), u.ID) // of no use, where another upload made the object
		a.row.State = ledger.Pending
		stored = store.Stored{ETag: a.row.Dst.ETag, CRC64: a.row.Dst.CRC64}
	} else if err != nil {
		return err
	}
	sum := strconv.FormatUint(crc, 10)
	if a.damaged = stored.CRC64 != "" && stored.CRC64 != sum; a.damaged {
		a.row.Dst = &ledger.Dst{ETag: stored.ETag, CRC64: stored.CRC64, Size: a.row.Src.Size}
		return fault.New(fault.Corrupt, "finish", a.row.Key(), fault.Errorf("the target stored CRC64 %s of parts that join to %s", stored.CRC64, sum))
	}
	a.row.State, a.row.Proof, a.row.Warnings = ledger.Copied, proof, u.Warnings
	a.row.Because("", "")
	a.row.Dst = &ledger.Dst{ETag: stored.ETag, CRC64: sum, Size: a.row.Src.Size}
	a.row.At = a.run.config.Now().UTC()
	return nil
}

// mayComplete asks all at once whether the source is still the one that the
// parts were read from, whether the target may be written, and whether the run
// goes on; of an event also whether its job still wants the object.
func (a *attempt) mayComplete(ctx context.Context, exists bool) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		now, err := a.run.src.Stat(gctx, a.row.Key())
		if err == nil && !verdict.SameVersion(a.row.Src, now) {
			err = fault.New(fault.Changed, "finish", a.row.Key(), errors.New("the source was overwritten while its parts were copied"))
		}
		return err
	})
	g.Go(func() error { return a.run.writable(gctx, a.row.Src) })
	if a.guards(exists) {
		g.Go(func() error { return a.untouched(gctx) })
	}
	return g.Wait()
}

// withdraw ends the upload of an object that is not to be written any more.
func (r *run) withdraw(ctx context.Context, t task.Task, u ledger.Upload, no *verdict.Unwanted) ([]task.Task, error) {
	a := newCopier(r, t).attempt(u.Row)
	a.withdraw(no)
	r.drop(ctx, t.Batch)
	return r.settle(ctx, t, a.row, 0)
}

// settle writes the batch off with what became of its one pending object. That
// of an event is looked at once more: its key may have moved on, or vanished.
// What is left of it waits for pause.
func (r *run) settle(ctx context.Context, t task.Task, row ledger.Row, pause time.Duration) ([]task.Task, error) {
	if r.start.Events && row.Then == "" && (row.State == ledger.Copied || row.State == ledger.Gone) {
		row.Then = ledger.Look
	}
	rows, err := r.ledger.Rows(ctx, t.Batch)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].State == ledger.Pending {
			rows[i] = row
		}
	}
	w, err := r.split(ctx, t.Batch, rows)
	if err != nil {
		return nil, err
	}
	if w, err = r.end(ctx, t, w, pause); err != nil {
		return nil, err
	}
	if row.State != ledger.Pending {
		r.config.Watch(Event{Kind: Settled, Key: row.Key(), Row: row, Task: t})
	}
	return r.afterCopy(t, w), nil
}

// again ends an upload that cannot be completed. The object begins anew in a
// batch of its own, or is written off.
func (r *run) again(ctx context.Context, t task.Task, a *attempt, err error) ([]task.Task, error) {
	a.row.Tries += quickTries // a whole object was read and written: that counts for a delivery
	switch kind := fault.KindOf(err); {
	case errors.Is(err, errConflict):
		a.row.State, a.row.At = ledger.Conflict, r.config.Now().UTC()
		a.row.Because("", verdict.ConflictReason)
		err = errConflict
	case kind == fault.NotFound || kind == fault.Changed:
		err = a.restat(ctx, err)
	case kind == fault.Invalid: // parts replaced, or the upload gone: nothing is wrong with the object
		err = fault.New(fault.Temporary, "finish", a.row.Key(), err)
	}
	if a.row.State == ledger.Pending {
		a.blame(ctx, err)
	}
	r.config.Watch(Event{Kind: Caught, Key: a.row.Key(), Err: err})
	r.drop(ctx, t.Batch)
	return r.settle(ctx, t, a.left(), r.delay(a.row.Tries/quickTries))
}

// restart begins an object anew whose source, or whose upload, is not what it was.
func (r *run) restart(ctx context.Context, t task.Task, u ledger.Upload, err error) ([]task.Task, error) {
	return r.again(ctx, t, newCopier(r, t).attempt(u.Row), err)
}

// shrink begins an object anew in smaller parts, for not one fits an invocation.
func (r *run) shrink(ctx context.Context, t task.Task, u ledger.Upload) ([]task.Task, error) {
	row := u.Row
	row.PartSize = max(u.PartSize/2/digest.BlockSize*digest.BlockSize, digest.BlockSize)
	if partSize(row, row.PartSize) == u.PartSize {
		return nil, fault.New(fault.Temporary, "part", row.Key(), fault.Errorf("a part of %d bytes does not fit an invocation, and smaller ones would be too many", u.PartSize))
	}
	r.drop(ctx, t.Batch)
	return r.settle(ctx, t, row, 0)
}

// dropTime bounds the abortion of an upload of no use.
const dropTime = 10 * time.Second

// drop aborts the upload that the ledger has for a batch which is about to be
// written off otherwise: before that, for nobody looks at the batch afterwards.
// Whoever still works on the upload finds it gone, and the object begins anew.
// Only what the ledger names is ever aborted. What cannot be reached within
// dropTime, or while time is left to write off, is left to the bucket's lifecycle rule.
func (r *run) drop(ctx context.Context, batch string) {
	ctx, cancel := deadline.Reserve(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, dropTime)
	defer cancel()
	if err := r.abort(ctx, batch); err != nil {
		r.log.WarnContext(ctx, "upload not aborted", "batch", batch, "fault", fault.KindOf(err), "err", err)
	}
}

// abort aborts the upload that the ledger has for a batch, if it has one.
func (r *run) abort(ctx context.Context, batch string) error {
	u, err := r.ledger.Upload(ctx, batch)
	if ledger.Missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = store.Retry(ctx, store.Pauses(), "pipeline.abort", u.Row.Key(), func() (struct{}, error) {
		return struct{}{}, r.dst.Abort(ctx, u.Row.Key(), u.ID)
	})
	return err
}
