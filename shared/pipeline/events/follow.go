// Package events brings one key that the source notified of to the target, as the source
// has it now, whatever the notification said, and finds the run of its day. It knows no
// tasks, and creates no record but the first of a day's run and that of a key of a paused day.
//
//	row.go     Notified, HandedOn: the row that an event begins with; Park keeps it
//	follow.go  Follow: takes a row as far as one delivery allows, and returns it
//	writings.go  Writings: the record of the writing that an object names
//	days.go    Days: the runs that events go to, and when each day closes
package events

import (
	"context"
	"errors"
	"sync"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/transfer"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// Lasts returns what the runs that are over left of a key, nil where they left nothing.
// It may read a file of many rows.
type Lasts func(ctx context.Context, key string) (*memory.Row, error)

// Follow brings the row of an event as far as one delivery allows: it asks the target and
// then the source for the object, has c copy it if the target does not have it, and asks
// again, until both sides agree or the job's rounds are over. redelivered says that an earlier
// delivery may have copied the object. A row without a state is one that the job's
// filter does not choose; one whose object goes in parts is pending. throttled reports
// that the copy was throttled for as long as a delivery may wait. last is asked before an
// object is replaced that its metadata say is the job's. An error says that nothing was
// decided.
func Follow(ctx context.Context, c *transfer.Copier, last Lasts, row ledger.Row, redelivered bool) (followed ledger.Row, throttled bool, err error) {
	f := follower{copier: c, redelivered: redelivered}
	f.last = sync.OnceValues(func() (*memory.Row, error) { return last(ctx, row.Key()) })
	followed, err = f.follow(ctx, row)
	return followed, f.throttled, err
}

// follower follows one event.
type follower struct {
	copier      *transfer.Copier
	last        func() (*memory.Row, error) // what earlier runs left of the key, read once for all rounds
	redelivered bool                        // an earlier delivery may have copied the object
	throttled   bool                        // the copy was throttled for as long as a delivery may wait
}

func (f *follower) follow(ctx context.Context, row ledger.Row) (ledger.Row, error) {
	for round := 0; ; round++ {
		// The target first: what it had by then is of a version that the source had before, so
		// that a source which has it still had it at that moment. A source that is asked first
		// may have lost it by the time that another delivery's writing is found in the target.
		kept, keptErr := verdict.Look(ctx, f.copier.Rules, row.Key(), row.Dst)
		now, err := f.copier.Source.Stat(ctx, row.Key())
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return f.vanished(ctx, row)
		case err != nil:
			return f.unseen(ctx, row, err)
		}
		if row.State.Wrote() && verdict.SameVersion(row.Src, now) {
			if keptErr != nil && fault.KindOf(keptErr) != fault.NotFound {
				return f.unseen(ctx, row, keptErr)
			}
			if keptErr == nil && f.confirm(&row, kept) {
				return row, nil
			}
		}
		if round > f.copier.Rules.Job.Limits.Rounds {
			return f.unsettled(row, now), nil
		}
		if row, err = f.compare(row, now, kept, keptErr); err != nil || row.State != ledger.Pending || transfer.InParts(&f.copier.Rules.Job, &row) {
			return row, err
		}
		rows := []ledger.Row{row}
		done := f.copier.Batch(ctx, rows, f.redelivered)
		if ctx.Err() != nil {
			return row, ctx.Err()
		}
		f.redelivered, f.throttled = done.Redelivered, f.throttled || done.Throttled
		row = rows[0]
		switch {
		case row.Then != "":
			return row, nil
		case row.State.Wrote(), row.State == ledger.Gone:
		case row.State == ledger.Unchanged: // by a proof, or it is what another delivery wrote
			if now, err := f.copier.Source.Stat(ctx, row.Key()); err == nil && verdict.SameVersion(row.Src, now) {
				row.Verdict = ledger.Verified
				return row, nil
			}
		default:
			return row, nil
		}
	}
}

// compare returns a new row of what the source has now and of what the target
// holds, as one HEAD returned it, or keptErr in its place: an event says that something
// changed, so neither age nor size alone shows that it did not.
func (f *follower) compare(old ledger.Row, now, kept store.Object, keptErr error) (ledger.Row, error) {
	row := ledger.Row{Src: now, State: ledger.Pending, Tries: old.Tries, Waits: old.Waits, At: f.copier.Now().UTC()}
	if verdict.SameVersion(old.Src, now) {
		row.PartSize, row.Read = old.PartSize, old.Read
		row.Because(old.Cause, old.Reason)
	}
	if !f.copier.Rules.Chosen(&now) {
		row.State = ""
		return row, nil
	}
	if f.copier.Rules.Refuse(&row) {
		return row, nil
	}
	switch {
	case fault.KindOf(keptErr) == fault.NotFound && f.copier.Rules.Job.DeletedInTarget == job.LeaveDeleted && !old.State.Wrote():
		last, err := f.last() // an event may come of what a run has copied, and the application deleted since
		if err != nil {
			return old, err
		}
		decided, _ := f.copier.Rules.Compare(now, nil, last)
		row.State, row.Cause, row.Reason = decided.State, decided.Cause, decided.Reason
		return row, nil
	case fault.KindOf(keptErr) == fault.NotFound:
		return row, nil
	case keptErr != nil:
		return old, keptErr
	case old.State == ledger.Pending && verdict.Rejected(old, kept):
		row.Dst = old.Dst
		return row, nil
	}
	asked := row
	f.copier.Rules.DecideOverwrite(&row, kept, nil)
	if row.State == ledger.Pending && row.Need != ledger.NeedsProof && f.copier.Rules.Job.Overwrite != job.OverwriteAlways { // what is there is replaced, or its attributes are
		last, err := f.last()
		if err != nil {
			return old, err
		}
		if last != nil {
			row, row.Was = asked, last.Known()
			f.copier.Rules.DecideOverwrite(&row, kept, last)
		}
	}
	switch {
	case row.State == ledger.Unchanged:
		row.Verdict = ledger.Verified
		row.Because("", "")
	case row.Need == ledger.NeedsProof && old.Need == row.Need && old.Dst != nil && verdict.SameObject(*old.Dst, kept):
		row.Hashed = old.Hashed
	}
	return row, nil
}

// confirm holds what the target has against a row that was copied. The row is verified
// where that is the object that was stored; else confirm returns false, and the key is
// compared once more.
func (f *follower) confirm(row *ledger.Row, kept store.Object) bool {
	if !f.copier.Rules.Copies().Carries(kept, row.Src) || row.Dst == nil || row.Dst.ETag != kept.Hash {
		return false
	}
	f.copier.Rules.Seen(row, kept)
	row.Verdict = ledger.Verified
	row.Because("", "")
	return true
}

// unseen returns what becomes of a row whose object a side did not describe because of
// err. One that was copied is asked for later, as often as an object is tried, and ends
// unverified; of any other nothing is decided.
func (f *follower) unseen(ctx context.Context, row ledger.Row, err error) (ledger.Row, error) {
	if !row.State.Wrote() {
		return row, err
	}
	row.Explain(fault.Errorf("it was copied, but could not be looked at again: %w", err))
	if f.copier.Sides.Ask(ctx, row.Key(), err) {
		row.Then = ledger.Look
		row.Waits++
		return row, nil
	}
	row.Tries += transfer.Tries
	if row.Tries < f.copier.Rules.Job.Limits.Attempts*transfer.Tries {
		row.Then = ledger.Look
	}
	return row, nil
}

var errUnsettled = errors.New("it kept changing at the source, or in the target, while it was copied")

// unsettled returns the row of an object that changes faster than it is copied: it is
// tried again later, as often as an object is tried.
func (f *follower) unsettled(row ledger.Row, now store.Object) ledger.Row {
	tries := row.Tries + transfer.Tries
	row = ledger.Row{Src: now, State: ledger.Pending, Tries: tries, Waits: row.Waits, Reason: errUnsettled.Error(), At: f.copier.Now().UTC()}
	f.copier.Watch(transfer.Progress{Kind: transfer.Caught, Key: row.Key(), Err: errUnsettled})
	if tries >= f.copier.Rules.Job.Limits.Attempts*transfer.Tries {
		row.State = ledger.Failed
		row.Reason += "; run again when it rests"
	}
	return row
}

// vanished returns the row of a key that the source does not have. Where the job
// mirrors deletions, and the target holds the job's copy, the copy is to be removed.
func (f *follower) vanished(ctx context.Context, old ledger.Row) (ledger.Row, error) {
	key := old.Key()
	row := ledger.Row{Src: store.Object{Key: key}, State: ledger.Gone, Tries: old.Tries, At: f.copier.Now().UTC()}
	if !f.copier.Rules.Match.MatchKey(key) {
		row.State = ""
		return row, nil
	}
	row.Because(ledger.Deleting, "the source does not have it")
	if f.copier.Target.CheckKey(key) != nil {
		return row, nil // nor can the target
	}
	kept, err := verdict.Look(ctx, f.copier.Rules, key, old.Dst)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return row, nil
	case err != nil:
		return old, err
	case !f.copier.Rules.Copies().Wrote(kept):
		row.Reason += "; what the target holds under its key is not this job's copy and was left alone"
	case !f.copier.Rules.Job.Delete:
		row.Reason += "; the target keeps its copy, for the job does not mirror deletions (delete: true)"
	default:
		dst := verdict.DstOf(kept)
		dst.CRC64 = kept.CRC64
		row.Then, row.Dst = ledger.Remove, &dst
	}
	return row, nil
}
