package transfer

import (
	"context"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/verdict"
)

// Unfit reports whether an upload is of no use any more, by what Parts returned, and returns
// the row of its object as it is then: final, or Pending to begin anew. halted says that the
// run is to stop: then what is done is kept, unless the target must not be written. The
// error is Temporary where not one part fits an invocation, and none can be smaller.
func (c *Copier) Unfit(ctx context.Context, u upload.Upload, done []upload.PartRow, missing error, halted bool) (row ledger.Row, unfit bool, err error) {
	no, taken := verdict.IsUnwanted(missing)
	switch kind := fault.KindOf(missing); {
	case taken && no.Why != "":
		return c.Withdraw(u.Row, no), true, nil
	case halted:
		return u.Row, false, nil
	case kind == fault.Changed || kind == fault.NotFound: // its source, or the upload, is not what it was
		a := c.lone(u.Row)
		restart(ctx, a, missing)
		return a.result(), true, nil
	case len(done) == 0 && missing == nil:
		row, err := shrink(u)
		return row, true, err
	case len(done) > 0 && missing != nil:
		c.Log.WarnContext(ctx, "some parts not copied, will be tried again", "key", u.Row.Key(), "fault", kind, "err", missing)
		c.caught(u.Row.Key(), missing)
	}
	return u.Row, false, nil
}

// shrink returns the row of an upload of whose parts not one fits an invocation, to
// begin anew in parts of half the size. The error is Temporary where those would be
// too small, or too many.
func shrink(u upload.Upload) (ledger.Row, error) {
	row := u.Row
	row.PartSize = max(u.PartSize/2/digest.BlockSize*digest.BlockSize, digest.BlockSize)
	if partSize(row, row.PartSize) == u.PartSize {
		return row, fault.New(fault.Temporary, "part", row.Key(), fault.Errorf("a part of %d bytes does not fit an invocation, and smaller ones would be too many", u.PartSize))
	}
	return row, nil
}
