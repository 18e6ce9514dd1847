package transfer

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Complete joins the parts of an upload into the hash and the CRC64 of the whole,
// checks them against the source, and only then makes the object: a damaged one
// never becomes visible. It returns the row as it is then: Copied, another final
// state, or Pending with Tries tries more, if the object is to begin anew. Unless it
// is Copied the upload is of no use. After an error nothing is decided: an
// *verdict.Unwanted of a run that is stopped, or one that is outage.Suspected.
func (c *Copier) Complete(ctx context.Context, u upload.Upload, parts []upload.PartRow) (ledger.Row, error) {
	a := c.lone(u.Row)
	crc, proof, err := joinParts(u.Row, parts, c.Rules.Job.HashMismatch)
	if err == nil {
		err = complete(ctx, a, u, parts, crc, proof)
	}
	no, taken := verdict.IsUnwanted(err)
	switch {
	case taken && no.Why != "":
		return c.Withdraw(u.Row, no), nil
	case taken, err != nil && outage.Suspected(err):
		return u.Row, err
	case err != nil:
		restart(ctx, a, err)
	}
	return a.result(), nil
}

// joinParts checks the parts against what the source lists of the whole, and
// returns the CRC64 of the whole and what proves it. The error is Corrupt. Where
// the row says that an earlier read came to the same hash, another than is listed,
// hashMismatch, that of the job, decides.
func joinParts(row ledger.Row, parts []upload.PartRow, hashMismatch string) (crc uint64, proof ledger.Proof, err error) {
	var size int64
	var blocks [][20]byte
	for _, p := range parts {
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
func complete(ctx context.Context, a *attempt, u upload.Upload, done []upload.PartRow, crc uint64, proof ledger.Proof) error {
	exists := a.row.Dst != nil
	a.completes = &ledger.Dst{Mark: u.Mark}
	if err := mayComplete(ctx, a, exists); err != nil {
		return err
	}
	parts := make([]store.Part, len(done))
	for i, p := range done {
		parts[i] = store.Part{Number: p.Number, Size: p.Size, ETag: p.ETag}
	}
	flying, cancel := context.WithTimeout(ctx, limit.Flight)
	defer cancel()
	sent := a.c.Now()
	stored, err := a.c.Target.Finish(flying, a.row.Key(), u.ID, parts, store.Put{IfAbsent: !exists && !a.c.Rules.Job.Unguarded})
	if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Changed {
		// The upload is gone, or the key is there: a twin, or a try whose answer was
		// lost, may have completed it. The object is held to what ours would be.
		switch _, final, serr := a.statTarget(ctx); {
		case serr != nil:
			return serr
		case !final:
			return fault.New(fault.Invalid, "finish", a.row.Key(), err)
		case a.row.State != ledger.Copied:
			return nil
		}
		a.c.AbortOwn(ctx, a.row.Key(), u.ID) // of no use, where another upload made the object
		a.row.State = ledger.Pending
		stored, u.Mark = store.Stored{ETag: a.row.Dst.ETag, CRC64: a.row.Dst.CRC64, At: a.row.Dst.Modified}, a.row.Dst.Mark
	} else if err != nil {
		return err
	} else {
		a.c.Clock.Learn(stored.At, sent, a.c.Now())
	}
	sum := strconv.FormatUint(crc, 10)
	if a.damaged = stored.CRC64 != "" && stored.CRC64 != sum; a.damaged {
		a.row.Dst = &ledger.Dst{ETag: stored.ETag, CRC64: stored.CRC64, Size: a.row.Src.Size}
		return fault.New(fault.Corrupt, "finish", a.row.Key(), fault.Errorf("the target stored CRC64 %s of parts that join to %s", stored.CRC64, sum))
	}
	a.row.State, a.row.Proof, a.row.Warnings = ledger.Copied, proof, u.Warnings
	a.copied(u.Row.Attrs)
	a.row.Dst = &ledger.Dst{ETag: stored.ETag, CRC64: sum, Size: a.row.Src.Size, Modified: stored.At, Mark: u.Mark}
	a.row.At = a.c.Now().UTC()
	return nil
}

// mayComplete asks at the same time whether the source is still the one that the
// parts were read from, whether the target may be written, and whether the object is
// still to be. The error is Changed, errConflict, an *verdict.Unwanted, or that of a
// request.
func mayComplete(ctx context.Context, a *attempt, exists bool) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		now, err := a.c.Source.Stat(gctx, a.row.Key())
		if err == nil && !verdict.SameVersion(a.row.Src, now) {
			err = fault.New(fault.Changed, "finish", a.row.Key(), errors.New("the source was overwritten while its parts were copied"))
		}
		return err
	})
	g.Go(func() error { return a.c.Writable(gctx, a.row.Src) })
	if a.checksTarget(exists) {
		g.Go(func() error { return a.untouched(gctx) })
	}
	return g.Wait()
}

func restart(ctx context.Context, a *attempt, err error) {
	a.row.Tries += Tries // a whole object was read and written: that counts for a delivery
	switch kind := fault.KindOf(err); {
	case errors.Is(err, errConflict):
		a.row.State, a.row.At = ledger.Conflict, a.c.Now().UTC()
		a.row.Because("", verdict.ConflictReason)
		err = errConflict
	case kind == fault.NotFound || kind == fault.Changed:
		err = a.statSource(ctx, err)
	case kind == fault.Invalid: // parts replaced, or the upload gone: nothing is wrong with the object
		err = fault.New(fault.Temporary, "finish", a.row.Key(), err)
	}
	if a.row.State == ledger.Pending {
		a.decide(ctx, err)
	}
	a.c.caught(a.row.Key(), err)
}
