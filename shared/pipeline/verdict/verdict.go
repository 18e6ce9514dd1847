// Package verdict decides what becomes of an object: whether it is copied, is left
// alone or fails, and whether the target's object may be replaced or deleted. It
// decides by what the two sides have under a key and what earlier runs left of it, and
// reads and writes no records.
//
//	verdict.go     Rules: what a listed object needs
//	asker.go       Asker: asks the target where the listings cannot decide
//	judge.go       Judge: the same for a walk over both listings
//	refuse.go      what cannot be copied at all
//	version.go     which objects have the same content
//	authorship.go  who wrote a target object
//	look.go        Look: a target object, without metadata that are not its own
//	attributes.go  whether type, headers, metadata and class are to be set anew
//	stored.go      an object as it is to be in the target, and what that loses
//	unwanted.go    the error of what is not to be written or deleted any more
//	parts.go       in how many parts an object goes
//	deletes.go     whether objects may be deleted from the target
package verdict

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kodoferry/shared/digest"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/store"
)

// Rules are what decisions on the objects of one job depend on. They are safe for
// concurrent use.
type Rules struct {
	Job    job.Job
	Run    string       // that of the job, by its name within it; "" where nothing is written
	Match  *job.Matcher // of the job's filter
	Source store.Terms  // of the source, for reasons
	Target Target       // speaks source keys
	Keeper Keeper       // nil where the target does not tell what it cannot hold
	// Describe describes an object of the source, as store.Source.Stat does. nil: attributes
	// that its listing does not tell are not asked for.
	Describe func(ctx context.Context, key string) (store.Object, error)
	// AnyJob takes a copy by any job, at any key, for what its metadata say: it tells what
	// an object holds, and not whether it may be replaced.
	AnyJob bool
	// Writing returns the row of the record of the writing that an object of key, and that
	// origin, names; nil where the ledger has none. nil: nobody asks the ledger.
	Writing func(ctx context.Context, key string, o store.Origin) (*ledger.Row, error)
	Now     func() time.Time
}

// Target is what decisions ask of the target.
type Target interface {
	// Stat describes an object, as store.Source does.
	Stat(ctx context.Context, key string) (store.Object, error)
	// CheckKey says why the target cannot hold key, as store.Target does.
	CheckKey(key string) error
}

// AbsentReason is the reason of a key that the job's list names and the source
// does not have.
const AbsentReason = "the list of keys names it, and the source does not have it"

// UnchosenReason is the reason of an object that was replaced since it was listed by
// one that the job's filter does not choose.
const UnchosenReason = "it was overwritten at the source during the run and is no longer what the job's filter chooses"

// ConflictReason is the reason of an object that is left alone because the target
// holds another's.
const ConflictReason = "the target holds an object that this job did not write; it was left alone (overwrite=always would replace it)"

// Chosen reports whether an object of the source belongs to the job. An absent one
// does: the job's list names it, and it gets its row.
func (r *Rules) Chosen(src *store.Object) bool { return src.Absent() || r.Match.Match(src) }

// Decide returns the row of a listed object of the source. dst is the target's object
// of the same key, nil if there is none, and last what earlier runs left of it, nil if
// nothing. Only where these cannot decide is the target asked: one HEAD, whose error
// Decide returns.
func (r *Rules) Decide(ctx context.Context, src store.Object, dst *store.Object, last *memory.Row) (ledger.Row, error) {
	row, ask := r.Compare(src, dst, last)
	if ask {
		if err := r.Ask(ctx, &row, last); err != nil {
			return row, err
		}
	}
	return row, nil
}

// Compare returns the row of a listed object as far as the listings and last decide.
// Where ask is true they do not: then Ask does. A row that is not unchanged so has last.
func (r *Rules) Compare(src store.Object, dst *store.Object, last *memory.Row) (row ledger.Row, ask bool) {
	ask = compareInto(r, &row, &src, dst, last)
	return row, ask
}

// compareInto is Compare, which sets row.
func compareInto(r *Rules, row *ledger.Row, src, dst *store.Object, last *memory.Row) (ask bool) {
	*row = ledger.Row{}
	row.Src, row.At = *src, r.Now().UTC().Truncate(time.Millisecond) // neighbours have the same, which is written in few bytes
	ask = compare(r, row, dst, memoryOf(last))
	if last != nil && (row.State != ledger.Unchanged || ask) {
		row.Was = last.Known()
	}
	return ask
}

// compare decides a row that has Src alone.
func compare(r *Rules, row *ledger.Row, dst *store.Object, last *memory.Row) (ask bool) {
	src := &row.Src
	if src.Absent() {
		src.Size, row.State = 0, ledger.Gone
		row.Because(ledger.NotThere, AbsentReason)
		return false
	}
	remembered := dst != nil && last != nil && r.Job.Overwrite != job.OverwriteAlways && unchangedSince(*last, *src, *dst)
	if !(remembered && src.Frozen) && r.Refuse(row) {
		return false
	}
	row.State = ledger.Pending
	if dst == nil {
		if last != nil && ours(last.Author) {
			r.deletedThere(row, last.Src)
		}
		return false
	}
	row.Dst = listed(*dst, last)
	author, known := authorOf(last, *dst)
	anew := writtenAnew(last, *dst)
	switch {
	case r.Job.Overwrite == job.OverwriteAlways:
	case remembered:
		r.unchanged(row, last.Proof, author)
		row.Prover, row.Dst.CRC64 = last.Prover, last.Dst.CRC64
		ask = r.compareAttrs(row, last.Attrs, last.Src) || anew
	case sameMD5(*src, *dst):
		r.unchanged(row, ledger.ByMD5, author)
		if last != nil && holds(*last, *dst) {
			ask = r.compareAttrs(row, last.Attrs, last.Src) || anew
		}
	case known && ours(author) && r.Job.Overwrite != job.OverwriteNever: // the source's is another now
	default:
		ask = true
	}
	return ask
}

// unchangedSince reports whether both sides list what they did when earlier runs left
// last, with a proof: the source the hash, or where it lists none size and time, and
// the target ETag and size.
func unchangedSince(last memory.Row, src, dst store.Object) bool {
	last.Src.Disabled = src.Disabled // which is no part of a row
	return last.Proof != "" && last.Proof != ledger.ByTime && SameVersion(last.Src, src) && holds(last, dst) && !md5sDiffer(src, dst)
}

// unchanged makes a row unchanged.
func (r *Rules) unchanged(row *ledger.Row, proof ledger.Proof, author string) {
	row.State, row.Proof, row.Author, row.Warnings = ledger.Unchanged, proof, author, r.Copies().Losses(row.Src)
}

// deletedThere decides a row whose object an earlier run copied, when the source listed
// was, and the target has no more. What was uploaded at the source since is not what was
// deleted: it may be an event that removed the copy, of an object that was deleted there.
func (r *Rules) deletedThere(row *ledger.Row, was store.Object) {
	if !SameVersion(was, row.Src) || !was.Modified.Equal(row.Src.Modified) {
		return
	}
	if r.Job.DeletedInTarget == job.LeaveDeleted {
		row.State = ledger.Skipped
		row.Because(ledger.DeletedThere, "an earlier run copied it, and it was deleted in the target since; deletedInTarget=copy would copy it again")
		return
	}
	row.Restored = true
}

// Ask decides a row that Compare could not: by one HEAD of the target, whose error it
// returns, and, of a row that is unchanged but maybe for its attributes, by one HEAD of
// the source.
func (r *Rules) Ask(ctx context.Context, row *ledger.Row, last *memory.Row) error {
	if row.State == ledger.Unchanged && row.Author == ledger.NotOurs {
		return askAuthor(ctx, r, row, last)
	}
	if row.State == ledger.Unchanged {
		r.askAttrs(ctx, row)
		return nil
	}
	kept, err := Look(ctx, r, row.Key(), row.Dst, memory.DstOf(last))
	switch {
	case fault.KindOf(err) == fault.NotFound:
		row.Dst = nil
		return nil
	case err != nil:
		return err
	}
	r.DecideOverwrite(row, kept, last)
	if row.State == ledger.Unchanged && strings.HasPrefix(row.Attrs, unknown) && setsAttrs(r.Job) {
		r.askAttrs(ctx, row)
	}
	return nil
}

// askAuthor asks the target, by one HEAD whose error it returns, who wrote the object of
// an unchanged row anew since last; where that does not tell, no writer is known. What the job
// wrote, by an event, has its attributes compared with those that it was given then.
func askAuthor(ctx context.Context, r *Rules, row *ledger.Row, last *memory.Row) error {
	row.Author = ""
	kept, err := Look(ctx, r, row.Key(), row.Dst, memory.DstOf(last))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if err != nil || !SameObject(*row.Dst, kept) { // verification finds out
		return nil
	}
	row.Author, row.Dst.Mark = r.Copies().Author(kept, last), DstOf(kept).Mark
	if !ours(row.Author) {
		row.Author = ledger.NotOurs
		return nil
	}
	r.compareKept(row, kept)
	if row.State == ledger.Unchanged && strings.HasPrefix(row.Attrs, unknown) && setsAttrs(r.Job) {
		r.askAttrs(ctx, row)
	}
	return nil
}

// DecideOverwrite decides a row by kept, the target's object as a HEAD describes it,
// and by last, what earlier runs left of it. A row that stays pending is to be copied
// over kept, or has a Need.
func (r *Rules) DecideOverwrite(row *ledger.Row, kept store.Object, last *memory.Row) {
	src := row.Src
	author, carries := r.Copies().CarriesStill(kept, src, last)
	last = memoryOf(last)
	wrote := last != nil && (ours(last.Author) || last.Author == ledger.NotOurs && last.Proof == "")
	row.Dst = new(DstOf(kept))
	if author == ledger.NotOurs { // known from rows alone, so that it stays with the row whatever becomes of it
		row.Author = author
	}
	switch overwrite := r.Job.Overwrite; {
	case sameMD5(src, kept):
		r.unchanged(row, ledger.ByMD5, author)
		r.compareKept(row, kept)
	case carries:
		r.unchanged(row, ledger.ByKept, author)
		r.compareKept(row, kept)
	case src.Size == 0 && kept.Size == 0:
		r.unchanged(row, ledger.ByCRC, author)
		r.compareKept(row, kept)
	case overwrite == job.OverwriteAlways:
	case ours(author) && overwrite != job.OverwriteNever: // another version
	case !ours(author) && src.Size == kept.Size && !md5sDiffer(src, kept) && (Provable(src) || !wrote):
		r.present(row, kept, wrote, another(last, src, kept))
	default:
		r.leave(row)
	}
	if row.State != ledger.Pending {
		row.Dst.CRC64 = kept.CRC64
	}
}

// compareKept compares the attributes of an unchanged row with those that the origin of
// the target's object says it was given.
func (r *Rules) compareKept(row *ledger.Row, kept store.Object) {
	if o := kept.Origin; o != nil && r.compareAttrs(row, o.Attrs, store.Object{Modified: o.Modified}) {
		row.Attrs = Doubted(o.Attrs) // the next run asks the source
	}
}

// present decides a row whose target object another writer wrote, of equal size, without
// anything that ties its bytes to the source. What they wrote over one of the job's,
// which replaced says, is neither copied over nor accepted: only its bytes count, where
// they can be read and the job replaces anything. Nor is what an earlier run proved to be
// another version, which differs says, accepted.
func (r *Rules) present(row *ledger.Row, kept store.Object, replaced, differs bool) {
	switch never := r.Job.Overwrite == job.OverwriteNever; {
	case replaced && (never || kept.Frozen):
		r.leave(row)
	case replaced:
		row.Need = ledger.NeedsProof
	case r.Job.Present == job.CopyPresent && never:
		r.leave(row)
	case r.Job.Present == job.CopyPresent:
	case r.Job.Present == job.AcceptPresent && !(differs && Provable(row.Src)):
		Unproved(row, "nothing ties its bytes to the source, and present=accept takes it as it is")
	case !Provable(row.Src):
		Unproved(row, "the source lists no hash that could be recomputed of its bytes; present=copy copies it, present=accept takes it as it is")
	case kept.Frozen:
		Unproved(row, "it is archived there, so that it cannot be read; thaw it and run again, or present=copy copies it, present=accept takes it as it is")
	default:
		row.Need = ledger.NeedsProof
	}
}

// another reports whether last proves that the target's object has the bytes of another
// hash than the source lists now.
func another(last *memory.Row, src, kept store.Object) bool {
	return last != nil && holds(*last, kept) && last.Proof != "" && last.Proof != ledger.ByTime && last.Src.Hash != "" && src.Hash != "" && last.Src.Hash != src.Hash
}

// Unproved makes a row one whose object was in the target before, and is not proved.
func Unproved(row *ledger.Row, why string) {
	row.State, row.Need, row.Hashed = ledger.Present, "", ""
	row.Because(ledger.ThereBefore, "it was in the target before, of equal size; "+why)
}

// Provable reports whether the source lists a hash of o that can be recomputed.
func Provable(o store.Object) bool { return digest.IsQetag(o.Hash) || o.MD5 != "" }

// Differs decides a row that needed a proof, and whose object in the target, which
// another writer wrote, was read and found to be another: the hash what of it is got,
// and not want.
func (r *Rules) Differs(row *ledger.Row, what, got, want string) {
	row.Need, row.Hashed = "", ""
	if r.leave(row); row.State == ledger.Conflict {
		row.Because("the target held an object of equal size before, whose bytes differ; it was left alone (overwrite=always would replace it)",
			fmt.Sprintf("the target held an object of equal size before, whose bytes differ: its %s is %s, the source lists %s; it was left alone (overwrite=always would replace it)", what, got, want))
	}
}

// leave decides a row whose target object is not to be replaced, unless the job says
// that what is older is. This alone compares times of the two sides, for the user asks
// for it.
func (r *Rules) leave(row *ledger.Row) {
	switch {
	case r.Job.Overwrite == job.OverwriteNever:
		row.State = ledger.Skipped
		row.Because(ledger.LeftNever, "the target holds another object, which overwrite=never leaves alone")
	case r.Job.Overwrite == job.OverwriteNewer && !row.Src.Modified.After(row.Dst.Modified):
		row.State = ledger.Skipped
		row.Because(ledger.LeftNewer, "the target's object is not older than the source's, so overwrite=newer leaves it alone")
	case r.Job.Overwrite == job.OverwriteNewer:
	default:
		row.State = ledger.Conflict
		row.Because("", ConflictReason)
	}
}
