package pipeline

import (
	"context"
	"errors"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// follower brings the row of one event as far as it goes in one delivery.
type follower struct {
	run         *run
	copier      *transfer.Copier
	redelivered bool // an earlier delivery may have copied the object
	throttled   bool // it was throttled for as long as a delivery may wait
}

// follow brings an event's row as far as it goes in this invocation: the source
// is looked at, its object copied if the target does not have it, and looked at
// again, until it rests or the job's rounds are over. A row without a state is
// one that the job's filter does not choose. An error says that nothing was
// decided.
func (f *follower) follow(ctx context.Context, row ledger.Row) (ledger.Row, error) {
	for round := 0; ; round++ {
		found, err := f.run.src.Stat(ctx, row.Key())
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return f.vanished(ctx, row)
		case err != nil:
			return f.unseen(ctx, row, err)
		}
		if row.State == ledger.Copied && verdict.SameVersion(row.Src, found) {
			if ok, err := f.confirm(ctx, &row); err != nil || ok {
				if err != nil {
					return f.unseen(ctx, row, err)
				}
				return row, nil
			}
		}
		if round > f.run.job.Limits.Rounds {
			return f.restless(row, found), nil
		}
		if row, err = f.compare(ctx, row, found); err != nil || row.State != ledger.Pending || f.run.inParts(row) {
			return row, err
		}
		rows := []ledger.Row{row}
		done := f.copier.Batch(ctx, rows, f.redelivered)
		if ctx.Err() != nil {
			return row, ctx.Err()
		}
		f.redelivered, f.throttled = done.Redelivered, f.throttled || done.Throttled
		if row = rows[0]; row.Then != "" || row.State != ledger.Copied && row.State != ledger.Gone {
			return row, nil
		}
	}
}

// compare makes the row anew of what the source has now and of what the target
// holds, which is asked: an event says that something changed, so neither age
// nor size alone tells that it did not.
func (f *follower) compare(ctx context.Context, old ledger.Row, found store.Object) (ledger.Row, error) {
	row := ledger.Row{Src: found, State: ledger.Pending, Tries: old.Tries, Waits: old.Waits, At: f.run.config.Now().UTC()}
	if verdict.SameVersion(old.Src, found) {
		row.PartSize, row.Read = old.PartSize, old.Read
		row.Because(old.Cause, old.Reason)
	}
	if !f.run.rules.Chosen(found) {
		row.State = ""
		return row, nil
	}
	if f.run.rules.Refuse(&row) {
		return row, nil
	}
	kept, err := f.run.dst.Stat(ctx, found.Key)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return row, nil
	case err != nil:
		return old, err
	case old.State == ledger.Pending && verdict.Rejected(old, kept):
		row.Dst = old.Dst
		return row, nil
	}
	if f.run.rules.DecideOverwrite(&row, kept); row.State == ledger.Unchanged {
		row.Verdict = ledger.Verified
		row.Because("", "")
	}
	return row, nil
}

// confirm looks at the target's object of a row that was copied. It is proved
// where it is the one that was stored; else the key is gone over once more.
func (f *follower) confirm(ctx context.Context, row *ledger.Row) (bool, error) {
	kept, err := f.run.dst.Stat(ctx, row.Key())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return false, nil
	case err != nil:
		return false, err
	case !verdict.Carries(kept, row.Src) || row.Dst == nil || row.Dst.ETag != kept.Hash:
		return false, nil
	}
	row.Verdict, row.Dst.Modified = ledger.Verified, kept.Modified
	row.Because("", "")
	return true, nil
}

// unseen is what becomes of a row that could not be looked at because of err.
// One that was copied is looked at later, as often as an object is tried, and
// ends unverified; of any other nothing is decided.
func (f *follower) unseen(ctx context.Context, row ledger.Row, err error) (ledger.Row, error) {
	if row.State != ledger.Copied {
		return row, err
	}
	row.Explain(fault.Errorf("it was copied, but could not be looked at again: %w", err))
	if f.copier.Sides.Ask(ctx, row.Key(), err) {
		row.Then = ledger.Look
		row.Waits++
		return row, nil
	}
	row.Tries += transfer.Tries
	if row.Tries < f.run.job.Limits.Attempts*transfer.Tries {
		row.Then = ledger.Look
	}
	return row, nil
}

var errRestless = errors.New("it kept changing at the source, or in the target, while it was copied")

// restless is a row whose object changes faster than it is copied: it is tried
// again later, as often as an object is tried.
func (f *follower) restless(row ledger.Row, found store.Object) ledger.Row {
	tries := row.Tries + transfer.Tries
	row = ledger.Row{Src: found, State: ledger.Pending, Tries: tries, Waits: row.Waits, Reason: errRestless.Error(), At: f.run.config.Now().UTC()}
	f.run.config.Watch(Progress{Kind: Caught, Key: row.Key(), Err: errRestless})
	if tries >= f.run.job.Limits.Attempts*transfer.Tries {
		row.State = ledger.Failed
		row.Reason += "; run again when it rests"
	}
	return row
}

// vanished is the row of a key that the source does not have. Where the job
// mirrors deletions, Ferry's copy of it goes to the deleting stage.
func (f *follower) vanished(ctx context.Context, old ledger.Row) (ledger.Row, error) {
	key := old.Key()
	row := ledger.Row{Src: store.Object{Key: key}, State: ledger.Gone, Tries: old.Tries, At: f.run.config.Now().UTC()}
	if !f.run.rules.Match.MatchKey(key) {
		row.State = ""
		return row, nil
	}
	row.Because(ledger.Deleting, "the source does not have it")
	if f.run.dst.CheckKey(key) != nil {
		return row, nil // nor can the target
	}
	kept, err := f.run.dst.Stat(ctx, key)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return row, nil
	case err != nil:
		return old, err
	case !f.run.rules.Wrote(kept):
		row.Reason += "; what the target holds under its key is not this job's copy and was left alone"
	case !f.run.job.Delete:
		row.Reason += "; the target keeps its copy, for the job does not mirror deletions (delete: true)"
	default:
		row.Then, row.Dst = ledger.Remove, &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
	}
	return row, nil
}
