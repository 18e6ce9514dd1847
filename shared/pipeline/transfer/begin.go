package transfer

import (
	"context"
	"slices"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/upload"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

const (
	// AbortTime bounds the abortion of an upload of no use.
	AbortTime = 10 * time.Second
	// clockSkew is how long before or after its time a service may say that an
	// upload was begun.
	clockSkew = 2 * time.Second
)

// Begin opens the upload of the object of a pending row, and returns it as it is to
// be recorded, but for its Batch, Shard and At. Where the object needs none, the ID
// is "" and the row final, or it is to be taken on as it is: the target's object is to be
// proved or looked at first. redelivered says that an earlier delivery may have made
// the object: then the target is asked first, as for one that was restored, which an
// event may have copied meanwhile. recorded returns the ID of the upload
// that is recorded for the row, "" if none is.
func (c *Copier) Begin(ctx context.Context, row ledger.Row, redelivered bool, recorded func(context.Context) (string, error)) (upload.Upload, ledger.Row, error) {
	var none upload.Upload
	a := c.lone(row)
	a.batch.again = redelivered
	if redelivered || row.Tries > 0 || row.Dst != nil || row.Thaw != nil {
		if _, final, err := a.statTarget(ctx); err != nil || final || a.row.Need != "" {
			return none, a.row, err
		}
	}
	described, err := c.Source.Stat(ctx, a.row.Key())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		a.gone()
	case err != nil:
		return none, a.row, err
	case !verdict.SameVersion(a.row.Src, described):
		a.replaced(described)
	}
	if a.row.State != ledger.Pending || a.row.Need != "" || unjudged(a.row) {
		return none, a.row, nil
	}
	if c.Events {
		err := c.Writable(ctx, a.row.Src)
		if no, taken := verdict.IsUnwanted(err); taken && no.Why != "" {
			a.withdraw(no)
			err = nil
		}
		if err != nil || a.row.State != ledger.Pending {
			return none, a.row, err
		}
	}
	a.row.Src.Parts, a.row.Attrs = described.Parts, c.Rules.Copies().Attrs(a.row.Src, described)
	o := nextWriting(a, described, mark.Upload)
	id, warnings, err := c.open(ctx, o, recorded)
	if err != nil {
		return none, a.row, err
	}
	size := partSize(a.row, c.Rules.Job.Limits.PartSize)
	return upload.Upload{
		ID: id, Row: a.row, PartSize: size, PerTask: perTask(a.row.Src.Size, size), Warnings: slices.Concat(described.Warnings, warnings), Mark: o.Origin.Mark,
	}, a.row, nil
}

// open opens an upload of o, in up to Tries tries. A try that is not answered may
// have left one, which open aborts.
func (c *Copier) open(ctx context.Context, o store.Object, recorded func(context.Context) (string, error)) (id string, warnings []string, err error) {
	begun, lost := time.Now(), false
	for try := 1; ; try++ {
		id, warnings, err = c.Target.Begin(ctx, o)
		kind := fault.KindOf(err)
		unanswered := kind == fault.Temporary || kind == fault.Unknown
		lost = lost || unanswered
		if !unanswered || try == Tries {
			break
		}
		select {
		case <-time.After(c.Quick << (try - 1)):
		case <-ctx.Done():
		}
	}
	if lost {
		c.abortUnanswered(ctx, o.Key, id, time.Since(begun), recorded)
	}
	return id, warnings, err
}

// abortUnanswered aborts the uploads of exactly that key that requests within the
// last took may have left, whose answers were lost. The target says when its uploads
// were begun: that is held against own, which is this process's newest, or where that
// is "" against the clock of this machine. The one that is recorded is a twin's.
func (c *Copier) abortUnanswered(ctx context.Context, key, own string, took time.Duration, recorded func(context.Context) (string, error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), AbortTime)
	defer cancel()
	unfinished, err := c.Target.Unfinished(ctx, key)
	if err != nil {
		c.Log.WarnContext(ctx, "an upload whose beginning was not answered may be left open", "key", key, "fault", fault.KindOf(err), "err", err)
		return
	}
	known, err := recorded(ctx)
	if err != nil {
		return
	}
	now := c.Now()
	if i := slices.IndexFunc(unfinished, func(u store.Upload) bool { return u.ID == own }); i >= 0 {
		now = unfinished[i].Begun
	}
	for _, u := range unfinished {
		if age := now.Sub(u.Begun); u.ID != own && u.ID != known && -clockSkew <= age && age <= took+clockSkew {
			c.AbortOwn(ctx, key, u.ID)
		}
	}
}

// AbortOwn aborts an upload that this process has begun and that no known record
// names, within AbortTime, also where ctx has ended. Where a record names it after
// all, for the answer to its writing was lost, the upload is found gone, and the
// object begins anew. An error is logged.
func (c *Copier) AbortOwn(ctx context.Context, key, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), AbortTime)
	defer cancel()
	if err := Abort(ctx, c.Target, key, id); err != nil {
		c.Log.WarnContext(ctx, "upload not aborted", "key", key, "fault", fault.KindOf(err), "err", err)
	}
}

// Abort aborts an upload of the target, trying again as store.Retry does.
func Abort(ctx context.Context, target store.Writer, key, id string) error {
	_, err := store.Retry(ctx, store.Pauses(), "pipeline.abort", key, func() (struct{}, error) {
		return struct{}{}, target.Abort(ctx, key, id)
	})
	return err
}
