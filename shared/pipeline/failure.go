package pipeline

import (
	"context"
	"errors"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/deadline"
	"kodoferry/shared/pipeline/outage"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// mostWaits is how often an object waits for a throttle within one delivery.
const mostWaits = 20

// mostDeliveries is in how many deliveries, together most of a day, an object
// waits for a throttle before it counts as one that fails: a run always ends.
const mostDeliveries = 50

// throttledBefore is how often an object waits for a throttle before that counts
// as not served: nearly half a minute.
const throttledBefore = 6

// after takes a failed try into the row and says whether to try again now.
func (a *attempt) after(ctx context.Context, where outage.Side, err error) (wait time.Duration, again bool) {
	if u, ok := verdict.IsUnwanted(err); ok {
		a.withdraw(u)
		return 0, false
	}
	if ctx.Err() != nil { // it did not fit the invocation
		a.row.Tries++
		if a.row.Src.Size > digest.BlockSize {
			a.row.PartSize = min(a.run.job.Limits.PartSize, max(digest.BlockSize, a.row.Src.Size/2/digest.BlockSize*digest.BlockSize))
		}
		a.blame(ctx, err)
		return 0, false
	}
	kind := fault.KindOf(err)
	if kind == fault.Throttled && a.row.Waits < mostDeliveries { // waiting spends no try
		a.throttled++
		a.run.slots.Throttled(a.began, fault.WaitOf(err))
		a.run.config.Watch(Event{Kind: Slowed, Key: a.row.Key(), Err: err})
		wait = max(fault.WaitOf(err), min(a.run.config.Quick<<min(a.throttled, 8), 30*time.Second))
		a.row.Explain(err)
		if deadline.Near(ctx, wait) || a.throttled == mostWaits {
			a.row.Waits++
			a.batch.throttled.Store(true)
			return 0, false // it waits on in the queue, with its batch
		}
		if a.throttled < throttledBefore {
			return wait, true
		}
		var waits bool
		if waits, err = a.batch.sides.Unserved(ctx, where, a.row.Key(), err); waits || fault.KindOf(err) == fault.Throttled {
			return wait, !waits
		}
	}
	if where == outage.Source && (kind == fault.NotFound || kind == fault.Changed) {
		err = a.restat(ctx, err)
	}
	if a.row.State == ledger.Pending && outage.Suspected(err) {
		var waits bool
		if waits, err = a.batch.sides.Unserved(ctx, where, a.row.Key(), err); waits {
			a.row.Explain(err)
			return 0, false
		}
	}
	a.row.Tries++
	a.quick++
	a.look = true
	if a.row.State == ledger.Pending {
		a.blame(ctx, err)
	}
	if a.row.State == ledger.Pending {
		a.run.config.Watch(Event{Kind: Caught, Key: a.row.Key(), Err: err})
	}
	return a.run.config.Quick << (a.quick - 1), a.quick < quickTries && !a.batch.sides.Blocked()
}

// withdraw leaves the object as it is, where u says so: a run that is stopped
// decides nothing.
func (a *attempt) withdraw(u *verdict.Unwanted) {
	if u.Why != "" {
		a.row.State, a.row.At = ledger.Skipped, a.run.config.Now().UTC()
		a.row.Because(ledger.TakenBack, u.Why)
	}
}

// restat asks the source about an object that is not the one listed, and takes
// what it is now into the row. It returns the error that stands.
func (a *attempt) restat(ctx context.Context, err error) error {
	now, serr := a.run.src.Stat(ctx, a.row.Key())
	switch {
	case fault.KindOf(serr) == fault.NotFound:
		a.gone()
	case serr != nil:
		return serr
	case fault.KindOf(err) == fault.NotFound:
		kind := fault.Temporary
		if a.quick+1 >= quickTries { // a host that keeps saying so will say so in an hour
			kind = fault.Invalid
		}
		return fault.New(kind, "copy", a.row.Key(), fault.Errorf("the bucket has it, the download host does not; refresh its cache, or leave out domain= (%w)", err))
	case !verdict.SameVersion(a.row.Src, now):
		a.replaced(now)
	}
	return err
}

func (a *attempt) gone() {
	a.row.State, a.row.At = ledger.Gone, a.run.config.Now().UTC()
	a.row.Because(ledger.Vanished, "it was deleted at the source after it was listed")
}

// replaced takes the source's newer version into the row. One that the job's filter
// does not choose is not copied.
func (a *attempt) replaced(now store.Object) {
	a.row.Grew += now.Size - a.row.Src.Size
	a.row.Src, a.row.Read, a.row.PartSize = now, "", 0
	switch {
	case !a.run.rules.Chosen(now):
		a.row.State, a.row.At = ledger.Gone, a.run.config.Now().UTC()
		a.row.Because(ledger.Unchosen, unchosenReason)
	case a.run.rules.Refuse(&a.row):
		a.row.At = a.run.config.Now().UTC()
	}
}

// unchosenReason is of an object that another took the place of since it was listed.
const unchosenReason = "it was overwritten at the source during the run and is no longer what the job's filter chooses"

// blame writes err into the row: Failed if trying again is hopeless or was
// tried often enough, or still Pending.
func (a *attempt) blame(ctx context.Context, err error) {
	a.row.At = a.run.config.Now().UTC()
	a.row.Explain(err)
	kind := fault.KindOf(err)
	hopeless := kind == fault.Invalid || kind == fault.NotFound || a.row.Tries >= a.run.job.Limits.Attempts*quickTries ||
		kind == fault.Denied && a.quick >= quickTries // the bucket was probed and does serve others
	if bad, ok := errors.AsType[*digest.Mismatch](err); ok && bad.What != "size" {
		if a.row.Read == bad.Got {
			a.accept = a.run.job.HashMismatch == job.CopyMismatch
			hopeless = !a.accept
			a.row.Explain(a.run.wrongHash(bad))
		}
		a.row.Read = bad.Got
	}
	log := a.run.log.WarnContext
	if hopeless {
		a.row.State = ledger.Failed
		log = a.run.log.ErrorContext
	}
	log(ctx, "object not copied", "key", a.row.Key(), "state", a.row.State, "fault", kind, "err", err)
}

// wrongHash is why an object fails of which two reads agree and disagree with the
// listing. A domain may serve an old object from its cache: the bytes are not
// to be accepted before that is ruled out.
func (r *run) wrongHash(bad *digest.Mismatch) error {
	cure := "hashMismatch=copy accepts the bytes as they are"
	if r.job.Source.Domain != "" {
		cure = "run again without domain=, which may serve an old object; if that ends so, too, " + cure
	}
	return fault.Errorf("the listed hash is wrong: two reads agree on the "+bad.What+" %s, the listing says %s; "+cure, bad.Got, bad.Want)
}
