package pipeline

import (
	"context"
	"errors"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// follow brings an event's row as far as it goes in this invocation: the source
// is looked at, its object copied if the target does not have it, and looked at
// again, until it rests or the job's rounds are over. A row without a state is
// one that the job's filter does not choose. An error says that nothing was
// decided.
func (c *copier) follow(ctx context.Context, row ledger.Row) (ledger.Row, error) {
	for round := 0; ; round++ {
		found, err := c.run.src.Stat(ctx, row.Key())
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return c.vanished(ctx, row)
		case err != nil:
			return c.unseen(ctx, row, err)
		}
		if row.State == ledger.Copied && verdict.SameVersion(row.Src, found) {
			if ok, err := c.confirm(ctx, &row); err != nil || ok {
				if err != nil {
					return c.unseen(ctx, row, err)
				}
				return row, nil
			}
		}
		if round > c.run.job.Limits.Rounds {
			return c.restless(row, found), nil
		}
		if row, err = c.compare(ctx, row, found); err != nil || row.State != ledger.Pending || c.run.inParts(row) {
			return row, err
		}
		rows := []ledger.Row{row}
		if err := c.all(ctx, ctx, rows); err != nil {
			return row, err
		}
		if row = rows[0]; row.Then != "" || row.State != ledger.Copied && row.State != ledger.Gone {
			return row, nil
		}
	}
}

// compare makes the row anew of what the source has now and of what the target
// holds, which is asked: an event says that something changed, so neither age
// nor size alone tells that it did not.
func (c *copier) compare(ctx context.Context, old ledger.Row, found store.Object) (ledger.Row, error) {
	row := ledger.Row{Src: found, State: ledger.Pending, Tries: old.Tries, Waits: old.Waits, At: c.run.config.Now().UTC()}
	if verdict.SameVersion(old.Src, found) {
		row.PartSize, row.Read = old.PartSize, old.Read
		row.Because(old.Cause, old.Reason)
	}
	if !c.run.rules.Chosen(found) {
		row.State = ""
		return row, nil
	}
	if c.run.rules.Refuse(&row) {
		return row, nil
	}
	kept, err := c.run.dst.Stat(ctx, found.Key)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return row, nil
	case err != nil:
		return old, err
	case old.State == ledger.Pending && verdict.Rejected(old, kept):
		row.Dst = old.Dst
		return row, nil
	}
	if c.run.rules.DecideOverwrite(&row, kept); row.State == ledger.Unchanged {
		row.Verdict = ledger.Verified
		row.Because("", "")
	}
	return row, nil
}

// confirm looks at the target's object of a row that was copied. It is proved
// where it is the one that was stored; else the key is gone over once more.
func (c *copier) confirm(ctx context.Context, row *ledger.Row) (bool, error) {
	kept, err := c.run.dst.Stat(ctx, row.Key())
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
func (c *copier) unseen(ctx context.Context, row ledger.Row, err error) (ledger.Row, error) {
	if row.State != ledger.Copied {
		return row, err
	}
	row.Explain(fault.Errorf("it was copied, but could not be looked at again: %w", err))
	if c.sides.Ask(ctx, row.Key(), err) {
		row.Then = ledger.Look
		row.Waits++
		return row, nil
	}
	row.Tries += quickTries
	if row.Tries < c.run.job.Limits.Attempts*quickTries {
		row.Then = ledger.Look
	}
	return row, nil
}

var errRestless = errors.New("it kept changing at the source, or in the target, while it was copied")

// restless is a row whose object changes faster than it is copied: it is tried
// again later, as often as an object is tried.
func (c *copier) restless(row ledger.Row, found store.Object) ledger.Row {
	tries := row.Tries + quickTries
	row = ledger.Row{Src: found, State: ledger.Pending, Tries: tries, Waits: row.Waits, Reason: errRestless.Error(), At: c.run.config.Now().UTC()}
	c.run.config.Watch(Event{Kind: Caught, Key: row.Key(), Err: errRestless})
	if tries >= c.run.job.Limits.Attempts*quickTries {
		row.State = ledger.Failed
		row.Reason += "; run again when it rests"
	}
	return row
}

// vanished is the row of a key that the source does not have. Where the job
// mirrors deletions, Ferry's copy of it goes to the deleting stage.
func (c *copier) vanished(ctx context.Context, old ledger.Row) (ledger.Row, error) {
	key := old.Key()
	row := ledger.Row{Src: store.Object{Key: key}, State: ledger.Gone, Tries: old.Tries, At: c.run.config.Now().UTC()}
	if !c.run.rules.Match.MatchKey(key) {
		row.State = ""
		return row, nil
	}
	row.Because(ledger.Deleting, "the source does not have it")
	if c.run.dst.CheckKey(key) != nil {
		return row, nil // nor can the target
	}
	kept, err := c.run.dst.Stat(ctx, key)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return row, nil
	case err != nil:
		return old, err
	case !c.run.rules.Wrote(kept):
		row.Reason += "; what the target holds under its key is not this job's copy and was left alone"
	case !c.run.job.Delete:
		row.Reason += "; the target keeps its copy, for the job does not mirror deletions (delete: true)"
	default:
		row.Then, row.Dst = ledger.Remove, &ledger.Dst{ETag: kept.Hash, CRC64: kept.CRC64, Size: kept.Size, Modified: kept.Modified}
	}
	return row, nil
}
