package pipeline

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// quickTries is how often an object is tried in one delivery; with the job's
// attempts this gives the tries in all.
const quickTries = 3

// object brings one pending row as far as it goes: to a final state, or to
// pending with its tries counted. Trouble with the object stays in the row.
func (c *copier) object(ctx context.Context, row ledger.Row) ledger.Row {
	a := c.attempt(row)
	a.look = c.again.Load() || row.Tries > 0 || unjudged(row)
	a.all(ctx)
	return a.left()
}

// unjudged reports whether the target has an object under the row's key of which
// nobody knows whose it is: its listing did, and its HEAD was not answered.
func unjudged(row ledger.Row) bool { return row.Dst != nil && row.Dst.ETag == "" }

// all tries the object as often as one delivery may.
func (a *attempt) all(ctx context.Context) {
	for {
		a.began = time.Now()
		where, err := a.once(ctx)
		if err == nil {
			a.run.slots.Succeeded()
			a.row.At = a.run.config.Now().UTC()
			return
		}
		wait, again := a.after(ctx, where, err)
		if !again || a.row.State != ledger.Pending {
			return
		}
		if a.run.slots.Backoff(ctx, wait) != nil {
			return
		}
	}
}

// left is the row as the tries have left it. Bytes of ours that OSS says are
// damaged and that were not overwritten go to the deleting stage at once,
// whatever the row's state: copying has no right to remove anything.
func (a *attempt) left() ledger.Row {
	if a.damaged {
		a.row.Then = ledger.Remove
	}
	return a.row
}

// attempt is the tries of one object in one delivery.
type attempt struct {
	run       *run
	batch     *copier
	row       ledger.Row
	look      bool      // something may be there: HEAD the target first
	damaged   bool      // the target holds bytes of ours whose CRC64 is wrong
	accept    bool      // two equal reads disagree with the listing, and the job takes the bytes
	began     time.Time // the try under way
	quick     int       // tries in this delivery
	throttled int       // waits in this delivery
}

// attempt returns the tries of a row of the batch, of which none was made.
func (c *copier) attempt(row ledger.Row) *attempt {
	return &attempt{run: c.run, batch: c, row: row}
}

// once tries the object one time. A nil error means the row is final.
func (a *attempt) once(ctx context.Context) (outage.Side, error) {
	exists := a.row.Dst != nil
	if a.look && !a.damaged {
		var final bool
		var err error
		if exists, final, err = a.inspect(ctx); err != nil || final {
			return outage.Target, err
		}
	}
	asked := func() {}
	if a.run.start.Events {
		var done func()
		ctx, asked, done = inFlight(ctx)
		defer done()
	}
	begun := time.Now()
	found, body, err := a.run.src.Open(ctx, a.row.Src, 0, -1)
	if err != nil {
		return outage.Source, err
	}
	if a.row.Src.MD5 == "" {
		a.row.Src.MD5 = found.MD5 // a listing that does not tell
	}
	read := digest.NewReader(body, a.want())
	guard := &guarded{ctx: ctx, read: read, left: a.row.Src.Size}
	guard.check = a.lastLook(ctx, exists, asked)
	stored, err := a.put(ctx, found, guard, store.Put{IfAbsent: !exists && !a.damaged && !a.run.job.Unguarded, MD5: a.want().MD5})
	_ = body.Close()
	guard.stop()
	if err != nil {
		return a.cause(read, err)
	}
	a.batch.sides.Served(outage.Source)
	a.batch.sides.Served(outage.Target)
	sum := strconv.FormatUint(read.CRC64(), 10)
	if a.damaged = stored.CRC64 != "" && stored.CRC64 != sum; a.damaged {
		a.row.Dst = &ledger.Dst{ETag: stored.ETag, CRC64: stored.CRC64, Size: a.row.Src.Size}
		return outage.Target, fault.New(fault.Corrupt, "copy", a.row.Key(), fault.Errorf("the target stored CRC64 %s of what was sent with %s", stored.CRC64, sum))
	}
	a.run.pace.Measured(a.row.Src.Size, time.Since(begun))
	a.row.State, a.row.Warnings = ledger.Copied, slices.Concat(found.Warnings, stored.Warnings)
	a.row.Proof = ledger.Proof(read.Proof())
	a.row.Because("", "")
	a.row.Dst = &ledger.Dst{ETag: stored.ETag, CRC64: sum, Size: a.row.Src.Size}
	return outage.Target, nil
}

// guards reports whether the target must be looked at once more before the
// last byte goes out. Where nothing was there, the conditional PUT does it.
func (a *attempt) guards(exists bool) bool {
	if a.run.job.Overwrite == job.OverwriteAlways || a.damaged {
		return false
	}
	return exists || a.run.start.Versioned && !a.run.job.Unguarded
}

// lastLook returns what is to be asked when the last byte is about to leave; nil
// where there is no doubt. An event's object is asked for from the ledger, too,
// whether it is still to be written, at the same time; asked is called when it is.
func (a *attempt) lastLook(ctx context.Context, exists bool, asked func()) func() error {
	guards := a.guards(exists)
	switch {
	case a.run.start.Events:
		return func() error {
			g, gctx := errgroup.WithContext(ctx)
			g.Go(func() error { return a.run.writable(gctx, a.row.Src) })
			if guards {
				g.Go(func() error { return a.untouched(gctx) })
			}
			err := g.Wait()
			if err == nil {
				asked()
			}
			return err
		}
	case guards:
		return func() error { return a.untouched(ctx) }
	}
	return nil
}

// put stores what body delivers, under everything known of the object.
func (a *attempt) put(ctx context.Context, found store.Object, body *guarded, how store.Put) (store.Stored, error) {
	o := a.run.rules.AsStored(a.row.Src, found)
	if o.Size > 0 {
		return a.run.dst.Put(ctx, o, body, how)
	}
	// An empty object has no last byte to hold back: it is checked before it is sent.
	if _, err := io.Copy(io.Discard, body); err != nil {
		return store.Stored{}, err
	}
	if body.check != nil {
		if err := body.check(); err != nil {
			return store.Stored{}, err
		}
	}
	return a.run.dst.Put(ctx, o, nil, how)
}

// lostOfAdopted is the losses of a copy that an earlier delivery stored. Where the
// listing does not tell the object's attributes, one HEAD of the source does; if that
// fails, there are none.
func (a *attempt) lostOfAdopted(ctx context.Context) []string {
	src := a.row.Src
	if !a.run.rules.Untold(src) {
		return a.run.rules.Losses(src)
	}
	found, err := a.run.src.Stat(ctx, a.row.Key())
	if err != nil || !verdict.SameVersion(src, found) {
		return nil
	}
	return slices.Concat(found.Warnings, a.run.rules.LossesOf(src, found))
}

// inspect looks at what the target holds before the source is asked. final
// means that the row is decided.
func (a *attempt) inspect(ctx context.Context) (exists, final bool, err error) {
	kept, err := a.run.dst.Stat(ctx, a.row.Key())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		a.row.Dst = nil
		return false, false, nil
	case err != nil:
		return false, false, err
	case verdict.Rejected(a.row, kept):
		return true, false, nil
	case verdict.Carries(kept, a.row.Src):
		a.batch.again.Store(true)
		a.row.State, a.row.Proof, a.row.Warnings = ledger.Copied, proofOfAdopted(a.row.Src), a.lostOfAdopted(ctx)
		a.row.Because("", "")
		a.row.Dst = &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
		return true, true, nil
	case a.foreign(kept):
		a.row.State = ledger.Conflict
		a.row.Because("", verdict.ConflictReason)
		a.run.config.Watch(Event{Kind: Caught, Key: a.row.Key(), Err: errConflict})
		return true, true, nil
	case unjudged(a.row):
		a.run.rules.DecideOverwrite(&a.row, kept)
		return true, a.row.State != ledger.Pending, nil
	}
	a.row.Dst = &ledger.Dst{ETag: kept.Hash, Size: kept.Size, Modified: kept.Modified}
	return true, false, nil
}

// proofOfAdopted is the proof of a copy of src that an earlier delivery stored: its
// bytes were checked before the last one left, or it would not be there.
func proofOfAdopted(src store.Object) ledger.Proof {
	switch {
	case digest.IsQetag(src.Hash):
		return ledger.ByQetag
	case src.MD5 != "":
		return ledger.ByMD5
	}
	return ledger.ByCRC
}

// foreign reports whether the target's object is another's and not the one
// that the listing judged.
func (a *attempt) foreign(kept store.Object) bool {
	if !a.run.rules.Foreign(kept) || a.run.job.Overwrite == job.OverwriteAlways {
		return false
	}
	return a.row.Dst == nil || a.row.Dst.ETag != kept.Hash
}

// errConflict ends a PUT whose target changed hands while it ran.
var errConflict = errors.New("the target was written by someone else meanwhile; its object stays")

// untouched fails if the target's object is not the one that may be replaced.
// It is asked when the last byte is about to leave, so what the application
// writes is safe up to one round trip before the PUT ends: OSS has no conditional overwrite.
func (a *attempt) untouched(ctx context.Context) error {
	kept, err := a.run.dst.Stat(ctx, a.row.Key())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil
	case err != nil:
		return err
	case a.foreign(kept):
		return errConflict
	}
	return nil
}

// cause finds out what really ended a PUT: the body's own trouble is the
// source's, however the transport wrapped it.
func (a *attempt) cause(read *digest.Reader, err error) (outage.Side, error) {
	if errors.Is(err, errConflict) {
		a.row.State = ledger.Conflict
		a.row.Because("", verdict.ConflictReason)
		a.run.config.Watch(Event{Kind: Caught, Key: a.row.Key(), Err: errConflict})
		return outage.Target, nil
	}
	if u, ok := verdict.IsUnwanted(err); ok {
		return outage.Target, u
	}
	if bad, ok := errors.AsType[*digest.Mismatch](err); ok {
		return outage.Source, fault.New(fault.Corrupt, "copy", a.row.Key(), bad)
	}
	if broken := read.Err(); broken != nil && broken != io.EOF {
		return outage.Source, fault.New(fault.Temporary, "copy", a.row.Key(), broken)
	}
	return outage.Target, err
}

// want is what the body must be.
func (a *attempt) want() digest.Want {
	if a.accept {
		return digest.Want{Size: a.row.Src.Size}
	}
	return digest.Want{Size: a.row.Src.Size, Qetag: a.row.Src.Hash, Parts: a.row.Src.Parts, MD5: a.row.Src.MD5}
}
