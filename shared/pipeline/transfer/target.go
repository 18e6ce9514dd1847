package transfer

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/pipeline/verdict"
	"kodoferry/shared/store"
)

// errConflict ends a PUT whose target was written by another writer while it ran.
var errConflict = errors.New("the target was written by someone else meanwhile; its object stays")

// conflict makes the row final: the target holds another's object, which stays.
func (a *attempt) conflict() {
	a.row.State = ledger.Conflict
	a.row.Because("", verdict.ConflictReason)
	a.c.caught(a.row.Key(), errConflict)
}

// statTarget asks the target for its object under the row's key. exists reports
// whether it has one that may be replaced; final, that the row is decided. A row that
// is neither may have a Need.
func (a *attempt) statTarget(ctx context.Context) (exists, final bool, err error) {
	kept, err := look(ctx, a)
	was := memory.Was(a.row)
	author, carries := a.c.Rules.Copies().CarriesStill(kept, a.row.Src, was)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		a.row.Dst = nil
		return false, false, nil
	case err != nil:
		return false, false, err
	case verdict.Rejected(a.row, kept):
		return true, false, nil
	case unjudged(a.row), carries && author == ledger.NotOurs: // another writer's object is not adopted
		a.c.Rules.DecideOverwrite(&a.row, kept, was)
		return true, a.row.State != ledger.Pending, nil
	case carries:
		a.batch.redelivered.Store(true) // not every queue tells
		a.row.State, a.row.Proof, a.row.Warnings = ledger.Copied, proofOfAdopted(a.row.Src), a.c.lossesOfAdopted(ctx, a.row.Src)
		a.copied(kept.Origin.Attrs)
		if a.ofAnotherRun(*kept.Origin) {
			a.row.Proof, a.row.Author = ledger.ByKept, a.c.Rules.Copies().WriterIn(*kept.Origin)
		}
		dst := verdict.DstOf(kept)
		dst.CRC64 = kept.CRC64
		a.row.Dst = &dst
		return true, true, nil
	case a.foreign(kept):
		a.conflict()
		return true, true, nil
	}
	a.row.Dst = new(verdict.DstOf(kept))
	return true, false, nil
}

// look describes the target's object under the row's key, as verdict.Look does. What an
// upload has made that is completed for another time is the job's, however long it rested.
func look(ctx context.Context, a *attempt) (store.Object, error) {
	return verdict.Look(ctx, a.c.Rules, a.row.Key(), a.row.Dst, memory.DstOf(memory.Was(a.row)), a.completes)
}

// ofAnotherRun reports whether nothing says that this run wrote the copy that has the
// origin o: neither the queue, nor an earlier try, nor the copy itself.
func (a *attempt) ofAnotherRun(o store.Origin) bool {
	rules := a.c.Rules
	return !a.batch.again && a.row.Tries == 0 && rules.Copies().WriterIn(o) != rules.Job.Name+"/"+rules.Run
}

// copied takes into a copied row that this run wrote and proved the object, and which
// attributes it was given.
func (a *attempt) copied(attrs string) {
	a.row.Because("", "")
	a.row.Author, a.row.Prover, a.row.Attrs = "", "", attrs
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

// lossesOfAdopted returns the losses of a copy of src that an earlier delivery stored. Where
// the listing does not tell the object's attributes, one HEAD of the source does; if
// that fails, there are none.
func (c *Copier) lossesOfAdopted(ctx context.Context, src store.Object) []string {
	if !c.Rules.Copies().Untold(src) {
		return c.Rules.Copies().Losses(src)
	}
	found, err := c.Source.Stat(ctx, src.Key)
	if err != nil || !verdict.SameVersion(src, found) {
		return nil
	}
	return slices.Concat(found.Warnings, c.Rules.Copies().LossesOf(src, found))
}

// foreign reports whether the target's object may not be replaced: it is neither the
// one that was judged, nor what another delivery or another run of the job has copied
// since, as far as its metadata and what was known of the key tell. What was judged,
// written anew with the same bytes by no other writing of the job, is another's decision of
// later, whatever its metadata say.
func (a *attempt) foreign(kept store.Object) bool {
	rules, judged, was := a.c.Rules, a.row.Dst, memory.Was(a.row)
	author, carries := rules.Copies().CarriesStill(kept, a.row.Src, was)
	switch {
	case rules.Job.Overwrite == job.OverwriteAlways, judged != nil && rules.Copies().Stands(*judged, kept, authorOf(was)), carries && author != ledger.NotOurs:
		return false
	case judged != nil && verdict.Remade(kept, *judged):
		return true
	case judged != nil && judged.ETag == kept.Hash && (was == nil || was.Dst.ETag != judged.ETag):
		return true
	}
	return !rules.Copies().WroteStill(kept, was)
}

// authorOf is who wrote the target's object, as far as what was known of the key tells.
func authorOf(was *memory.Row) string {
	if was == nil {
		return ""
	}
	return was.Author
}

// checksTarget reports whether the target must be asked once more before the last
// byte leaves. Where nothing was there, the conditional PUT takes its place.
func (a *attempt) checksTarget(exists bool) bool {
	if a.c.Rules.Job.Overwrite == job.OverwriteAlways || a.damaged {
		return false
	}
	return exists || a.c.Versioned && !a.c.Rules.Job.Unguarded
}

// lastCheck returns the check that is made before the last byte leaves; nil where
// none is needed. With c.Events it asks at the same time whether the object is still
// to be written, and calls asked when all have agreed.
func (a *attempt) lastCheck(ctx context.Context, exists bool, asked func()) func() error {
	checks := a.checksTarget(exists)
	switch {
	case a.c.Events:
		return func() error {
			g, gctx := errgroup.WithContext(ctx)
			g.Go(func() error { return a.c.Writable(gctx, a.row.Src) })
			if checks {
				g.Go(func() error { return a.untouched(gctx) })
			}
			err := g.Wait()
			if err == nil {
				asked()
			}
			return err
		}
	case checks:
		return func() error { return a.untouched(ctx) }
	}
	return nil
}

// untouched returns errConflict if the target's object is not the one that may be
// replaced. It is called before the last byte leaves, so an object that another writer
// writes is kept unless that happens within the last round trip of the PUT: OSS has
// no conditional overwrite.
func (a *attempt) untouched(ctx context.Context) error {
	kept, err := look(ctx, a)
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
