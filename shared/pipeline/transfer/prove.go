package transfer

import (
	"context"
	"errors"
	"io"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// proveChunk is how many bytes of the target's object are read at a time.
const proveChunk = 256 << 10

// errReplaced ends a try whose target object was replaced since it was judged: the next
// one judges it anew.
var errReplaced = errors.New("the target's object was replaced while it was looked at")

// prove reads the object that the target held before and holds its hash against what
// the source lists: no byte of the source is read. A row whose object is not read to its
// end in this invocation stays pending, without a try, and has how far it is. A nil
// error means that, or that the row is final; an error is of the side that prove returns.
func prove(ctx context.Context, a *attempt) (outage.Side, error) {
	src := a.row.Src
	if digest.TakesParts(src.Hash) && len(src.Parts) == 0 {
		described, err := a.c.Source.Stat(ctx, a.row.Key())
		switch {
		case err != nil:
			return outage.Source, err
		case !verdict.SameVersion(src, described):
			return outage.Source, fault.New(fault.Changed, "prove", a.row.Key(), errors.New("the source was overwritten since it was listed"))
		}
		src.Parts = described.Parts
	}
	want := digest.Want{Size: src.Size, Qetag: src.Hash, Parts: src.Parts, MD5: src.MD5}
	if digest.TakesParts(want.Qetag) && len(want.Parts) == 0 { // the source does not tell them
		want.Qetag = ""
	}
	if !digest.IsQetag(want.Qetag) && want.MD5 == "" {
		verdict.Unproved(&a.row, "the source's hash depends on parts whose sizes it does not tell; present=copy copies it, present=accept takes it as it is")
		return outage.Target, nil
	}
	h, err := digest.TakeUp(want, a.row.Hashed)
	if err != nil {
		h = digest.NewRehash(want)
	}
	read, ended, err := rehash(ctx, a, h)
	switch kind := fault.KindOf(err); {
	case kind == fault.NotFound: // then it is to be copied
		a.row.Need, a.row.Hashed, a.row.Dst = "", "", nil
		return a.try(ctx)
	case kind == fault.Changed:
		judgeAnew(a)
		return outage.Target, fault.New(fault.Temporary, "prove", a.row.Key(), errReplaced)
	case err != nil:
		return outage.Target, err
	case !ended:
		a.row.Hashed = h.LayDown()
		return outage.Target, nil
	}
	a.c.Sides.Served(outage.Target)
	what, err := h.Compare()
	if bad, ok := errors.AsType[*digest.Mismatch](err); ok {
		if a.c.Rules.Differs(&a.row, what, bad.Got, bad.Want); a.row.State == ledger.Pending {
			return a.try(ctx) // the job says that it is copied over
		}
		return outage.Target, nil
	}
	a.final(ledger.Unchanged)
	a.row.Proof, a.row.Warnings = ledger.Proof(what), a.c.Rules.Copies().Losses(a.row.Src)
	a.row.Because("", "")
	dst := *a.row.Dst
	dst.CRC64 = read.CRC64
	a.row.Dst = &dst
	return outage.Target, nil
}

// rehash reads on in the target's object, and writes it to h; ended is false where time
// ends before the object does. A body of another length than listed is Changed.
func rehash(ctx context.Context, a *attempt, h *digest.Rehash) (read store.Object, ended bool, err error) {
	size := a.row.Src.Size
	read, body, err := a.c.Target.Open(ctx, store.Object{Key: a.row.Key(), Size: size, Hash: a.row.Dst.ETag}, h.BytesRead(), -1)
	if err != nil {
		return read, false, err
	}
	defer func() { _ = body.Close() }()
	buf := make([]byte, proveChunk)
	for {
		n, err := body.Read(buf)
		_, _ = h.Write(buf[:n])
		switch over := h.BytesRead() > size; {
		case over, err == io.EOF && h.BytesRead() < size:
			return read, false, fault.New(fault.Changed, "prove", a.row.Key(), fault.Errorf("it does not have the %d bytes that are listed", size))
		case err == io.EOF:
			return read, true, nil
		case err != nil:
			return read, false, fault.New(fault.Temporary, "prove", a.row.Key(), err)
		case deadline.Near(ctx, 0):
			return read, false, nil
		}
	}
}

// judgeAnew has the next try ask the target for its object, and judge that.
func judgeAnew(a *attempt) {
	a.row.Need, a.row.Hashed, a.row.Dst = "", "", &ledger.Dst{Size: a.row.Dst.Size}
	a.row.Proof, a.row.Author, a.row.Prover, a.row.Attrs = "", "", "", ""
	a.statFirst = true
}

// final makes a row that had a Need one that needs nothing more.
func (a *attempt) final(s ledger.State) {
	a.row.State, a.row.Need, a.row.Hashed = s, "", ""
}
