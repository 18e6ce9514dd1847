package transfer

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

// servedWithin is how many throttles an object waits for, nearly half a minute,
// before they count as not served.
const servedWithin = 6

// failed takes the error of a try, of the side where, into the row. It returns
// whether to try again now, and after which wait.
func (a *attempt) failed(ctx context.Context, where outage.Side, err error) (wait time.Duration, again bool) {
	if u, ok := verdict.IsUnwanted(err); ok {
		a.withdraw(u)
		return 0, false
	}
	if ctx.Err() != nil { // the object did not fit the invocation
		a.row.Tries++
		if a.row.Need == "" && a.row.Src.Size > digest.BlockSize {
			a.row.PartSize = min(a.c.Rules.Job.Limits.PartSize, max(digest.BlockSize, a.row.Src.Size/2/digest.BlockSize*digest.BlockSize))
		}
		a.decide(ctx, err)
		return 0, false
	}
	kind := fault.KindOf(err)
	if where == outage.Source && kind == fault.Denied && a.row.Thaw != nil {
		if now, err := a.c.Source.Stat(ctx, a.row.Key()); err == nil && now.Frozen { // the object froze again, and is restored again
			a.row.Src.Frozen = true
			return 0, false
		}
	}
	if kind == fault.Throttled && a.row.Waits < MaxThrottledDeliveries { // waiting spends no try
		a.throttles++
		wait = a.c.throttled(a.row.Key(), a.began, a.throttles, err)
		a.row.Explain(err)
		if deadline.Near(ctx, wait) || a.throttles == maxThrottles {
			a.row.Waits++
			a.batch.throttled.Store(true)
			return 0, false // the object waits on in the queue, with its batch
		}
		if a.throttles < servedWithin {
			return wait, true
		}
		var waits bool
		if waits, err = a.c.Sides.Unserved(ctx, where, a.row.Key(), err); waits || fault.KindOf(err) == fault.Throttled {
			return wait, !waits
		}
	}
	if where == outage.Source && (kind == fault.NotFound || kind == fault.Changed) {
		err = a.statSource(ctx, err)
	}
	if a.row.State == ledger.Pending && outage.Suspected(err) {
		var waits bool
		if waits, err = a.c.Sides.Unserved(ctx, where, a.row.Key(), err); waits {
			a.row.Explain(err)
			return 0, false
		}
	}
	a.row.Tries++
	a.tries++
	a.statFirst = true
	if a.row.State == ledger.Pending {
		a.decide(ctx, err)
	}
	if a.row.State == ledger.Pending {
		a.c.caught(a.row.Key(), err)
	}
	return a.c.Quick << (a.tries - 1), a.tries < Tries && !a.c.Sides.Blocked()
}

// Withdraw returns the row of an object that is not to be written any more, as u
// says: Skipped, or as it was where the run is stopped, for then nothing is decided.
func (c *Copier) Withdraw(row ledger.Row, u *verdict.Unwanted) ledger.Row {
	a := c.lone(row)
	a.withdraw(u)
	return a.row
}

func (a *attempt) withdraw(u *verdict.Unwanted) {
	if u.Why != "" {
		a.row.State, a.row.At = ledger.Skipped, a.c.Now().UTC()
		a.row.Because(ledger.TakenBack, u.Why)
	}
}

// statSource asks the source for an object that, by err, is not the one listed, and
// takes what it is now into the row. It returns the error that the try ends with: err,
// that of asking, or one that says that the download host lacks the object.
func (a *attempt) statSource(ctx context.Context, err error) error {
	now, serr := a.c.Source.Stat(ctx, a.row.Key())
	switch {
	case fault.KindOf(serr) == fault.NotFound:
		a.gone()
	case serr != nil:
		return serr
	case fault.KindOf(err) == fault.NotFound:
		kind := fault.Temporary
		if a.tries+1 >= Tries { // a host that keeps saying so will say so in an hour
			kind = fault.Invalid
		}
		return fault.New(kind, "copy", a.row.Key(), fault.Errorf("the bucket has it, the download host does not; refresh its cache, or leave out domain= (%w)", err))
	case !verdict.SameVersion(a.row.Src, now):
		a.replaced(now)
	}
	return err
}

// gone makes the row Gone.
func (a *attempt) gone() {
	a.row.State, a.row.At = ledger.Gone, a.c.Now().UTC()
	a.row.Because(ledger.Vanished, "it was deleted at the source after it was listed")
}

// replaced takes the source's newer version into the row. The row is final where that
// cannot be copied, or the job's filter does not choose it.
func (a *attempt) replaced(now store.Object) {
	a.row.Grew += now.Size - a.row.Src.Size
	a.row.Src, a.row.Read, a.row.PartSize = now, "", 0
	// What the job says of another's object depends on the source's size and time.
	j, d := a.c.Rules.Job, a.row.Dst
	if depends := j.Present == job.CopyPresent || j.Overwrite == job.OverwriteNewer; a.row.Need == ledger.NeedsProof || depends && d != nil && d.CRC64 == "" {
		judgeAnew(a)
	}
	a.row.Need = ""
	switch {
	case !a.c.Rules.Chosen(&now):
		a.row.State, a.row.At = ledger.Gone, a.c.Now().UTC()
		a.row.Because(ledger.Unchosen, verdict.UnchosenReason)
	case a.c.Rules.Refuse(&a.row):
		a.row.At = a.c.Now().UTC()
	}
}

// decide writes err into the row. The row is Failed where another try is hopeless or
// there were enough, and stays Pending otherwise.
func (a *attempt) decide(ctx context.Context, err error) {
	a.row.At = a.c.Now().UTC()
	a.row.Explain(err)
	kind := fault.KindOf(err)
	hopeless := kind == fault.Invalid || kind == fault.NotFound || a.row.Tries >= a.c.Rules.Job.Limits.Attempts*Tries ||
		kind == fault.Denied && a.tries >= Tries // the bucket was probed and does serve others
	if bad, ok := errors.AsType[*digest.Mismatch](err); ok && bad.What != "size" {
		if a.row.Read == bad.Got {
			a.accept = a.c.Rules.Job.HashMismatch == job.CopyMismatch
			hopeless = !a.accept
			a.row.Explain(wrongHash(a.c.Rules.Job.Source, bad))
		}
		a.row.Read = bad.Got
	}
	log := a.c.Log.WarnContext
	if hopeless {
		a.row.State = ledger.Failed
		log = a.c.Log.ErrorContext
	}
	log(ctx, "object not copied", "key", a.row.Key(), "state", a.row.State, "fault", kind, "err", err)
}

// wrongHash is the error of an object of which two reads agree and disagree with the
// listing. A domain may serve an old object from its cache: the bytes are not to be
// accepted before that is ruled out.
func wrongHash(source job.Location, bad *digest.Mismatch) error {
	cure := "hashMismatch=copy accepts the bytes as they are"
	if source.Domain != "" {
		cure = "run again without domain=, which may serve an old object; if that ends so, too, " + cure
	}
	return fault.Errorf("the listed hash is wrong: two reads agree on the "+bad.What+" %s, the listing says %s; "+cure, bad.Got, bad.Want)
}
