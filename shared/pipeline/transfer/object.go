package transfer

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/limit"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// attempt is the tries of one object in one delivery.
type attempt struct {
	c         *Copier
	batch     *batch
	row       ledger.Row
	statFirst bool        // the target may have the object already: it is asked before the source is
	damaged   bool        // the target holds bytes of ours whose CRC64 is wrong
	writings  int         // that were begun in this delivery
	accept    bool        // two equal reads disagree with the listing, and the job takes the bytes
	began     time.Time   // the try under way
	tries     int         // in this delivery
	completes *ledger.Dst // has the mark of the upload that is completed; nil: none is
	throttles int         // in this delivery
}

// lone returns the tries, of which none was made, of an object that is in no batch.
func (c *Copier) lone(row ledger.Row) *attempt { return &attempt{c: c, batch: &batch{}, row: row} }

// copyObject tries the object of a pending row as often as one delivery may. It asks the
// target first where that may have it: of a batch that was delivered before, of an object that
// was tried before or whose target was not looked at, and of one that was waited for until
// it was restored, which an event may have copied meanwhile, and which is dear to read twice.
// It returns the row with a final state, or Pending with its tries counted. Errors stand in
// the row.
func (c *Copier) copyObject(ctx context.Context, b *batch, row ledger.Row) ledger.Row {
	a := &attempt{c: c, batch: b, row: row, statFirst: b.redelivered.Load() || row.Tries > 0 || unjudged(row) || row.Thaw != nil}
	for {
		a.began = time.Now()
		free, err := c.Bodies.Acquire(ctx, bytesToCopy(row))
		if err != nil {
			break // that was no try
		}
		where, err := a.try(ctx)
		free()
		if err == nil {
			c.Slots.Succeeded(a.began)
			a.row.At = c.Now().UTC()
			break
		}
		wait, again := a.failed(ctx, where, err)
		if !again || a.row.State != ledger.Pending || c.Slots.Backoff(ctx, wait) != nil {
			break
		}
	}
	return a.result()
}

// unjudged reports whether the target has an object under the row's key of which
// it is not known who wrote it: it is listed, and its HEAD was not answered.
func unjudged(row ledger.Row) bool { return row.Dst != nil && row.Dst.ETag == "" }

// result returns the row as the tries have left it. Where the target holds bytes of
// ours that are damaged and were not overwritten, Then is Remove whatever the state:
// what copies has no right to delete.
func (a *attempt) result() ledger.Row {
	if a.damaged {
		a.row.Then = ledger.Remove
	}
	return a.row
}

// try copies the object once. The body is held against the listed size and hashes as it
// is read (digest.Reader), and its last byte held back until they agree and lastCheck
// lets it go: it asks whether the object is still to be written, and who wrote what the
// target has (guard.go). Where that is not known before, statTarget looks first
// (target.go). A nil error means that the row is final, or that its object is to
// go in parts; an error is of the side that try returns.
func (a *attempt) try(ctx context.Context) (outage.Side, error) {
	switch a.row.Need {
	case ledger.NeedsProof:
		return prove(ctx, a)
	case ledger.NeedsAttributes:
		return setAttributes(ctx, a)
	}
	exists := a.row.Dst != nil
	if a.statFirst && !a.damaged {
		var final bool
		var err error
		if exists, final, err = a.statTarget(ctx); err != nil || final {
			return outage.Target, err
		}
		if a.row.Need != "" {
			return a.try(ctx)
		}
	}
	if InParts(&a.c.Rules.Job, &a.row) { // as one that needed no copy when it was sealed: it is handed on
		return outage.Neither, nil
	}
	asked := func() {}
	if a.c.Events {
		var done func()
		ctx, asked, done = inFlight(ctx)
		defer done()
	}
	begun := time.Now()
	described, body, err := a.c.Source.Open(ctx, a.row.Src, 0, -1)
	if err != nil {
		return outage.Source, err
	}
	if a.row.Src.MD5 == "" {
		a.row.Src.MD5 = described.MD5 // a listing that does not tell
	}
	read := digest.NewReader(body, a.want())
	guard := &guarded{ctx: ctx, read: read, left: a.row.Src.Size, check: a.lastCheck(ctx, exists, asked)}
	o, sent := nextWriting(a, described, mark.Request), a.c.Now()
	stored, err := a.put(ctx, o, guard, store.Put{IfAbsent: !exists && !a.damaged && !a.c.Rules.Job.Unguarded, MD5: a.want().MD5})
	_ = body.Close()
	guard.stop()
	if err != nil {
		return a.cause(read, err)
	}
	a.c.Clock.Learn(stored.At, sent, a.c.Now())
	a.c.Sides.Served(outage.Source)
	a.c.Sides.Served(outage.Target)
	sum := strconv.FormatUint(read.CRC64(), 10)
	if a.damaged = stored.CRC64 != "" && stored.CRC64 != sum; a.damaged {
		a.row.Dst = &ledger.Dst{ETag: stored.ETag, CRC64: stored.CRC64, Size: a.row.Src.Size}
		return outage.Target, fault.New(fault.Corrupt, "copy", a.row.Key(), fault.Errorf("the target stored CRC64 %s of what was sent with %s", stored.CRC64, sum))
	}
	a.c.Pace.Measured(a.row.Src.Size, time.Since(begun))
	a.row.State, a.row.Warnings = ledger.Copied, slices.Concat(described.Warnings, stored.Warnings)
	a.row.Proof = ledger.Proof(read.Proof())
	a.copied(a.c.Rules.Copies().Attrs(a.row.Src, described))
	a.row.Dst = &ledger.Dst{ETag: stored.ETag, CRC64: sum, Size: a.row.Src.Size, Modified: stored.At, Mark: o.Origin.Mark}
	return outage.Target, nil
}

// nextWriting is the object of the row as it is to be written, with what its copy is to remember
// and the mark of a new writing, which takes as long as within and its bytes.
func nextWriting(a *attempt, described store.Object, within time.Duration) store.Object {
	o := a.c.Rules.Copies().WithOrigin(a.row.Src, described)
	a.writings++
	o.Origin.Mark = mark.Make(a.batch.mark(a.c.Mark), a.writings, a.c.Clock.At(a.c.Now()), within, a.row.Src.Size)
	return o
}

// put stores what body delivers as o.
func (a *attempt) put(ctx context.Context, o store.Object, body *guarded, how store.Put) (store.Stored, error) {
	if o.Size > 0 {
		return a.c.Target.Put(ctx, o, body, how)
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
	return a.c.Target.Put(ctx, o, nil, how)
}

// cause returns the error that ended a PUT, and the side that it is of: one of the
// body is the source's, however the transport wrapped it. Where the target was
// written by another writer the row is final, and the error nil.
func (a *attempt) cause(read *digest.Reader, err error) (outage.Side, error) {
	if errors.Is(err, errConflict) {
		a.conflict()
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

// inFlight returns a context for a request whose body asks, before its last byte
// leaves, whether it is still wanted. The context ends limit.Flight after sent is
// called, or when done is, which must be called.
func inFlight(ctx context.Context) (flying context.Context, sent, done func()) {
	flying, cancel := context.WithCancel(ctx)
	var cut *time.Timer
	return flying, func() { cut = time.AfterFunc(limit.Flight, cancel) }, func() {
		if cut != nil {
			cut.Stop()
		}
		cancel()
	}
}
