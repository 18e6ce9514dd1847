package verdict

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/mark"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/store"
)

// Copies tells of the job's copies: what one is to be in the target, and which of the
// target's objects is one.
type Copies struct{ rules *Rules }

// Copies returns what tells of the job's copies.
func (r *Rules) Copies() Copies { return Copies{r} }

// Origin is the origin that the job's copy of src is to carry. Where the listing of
// src does not tell its attributes, they are those of described.
func (c Copies) Origin(src, described store.Object) *store.Origin {
	return &store.Origin{Hash: src.Hash, Modified: src.Modified, Job: c.rules.Job.Name, Place: placeOf(c.rules.Job.TargetKey(src.Key)), Attrs: c.Attrs(src, described), Run: c.rules.Run}
}

// placeOf stands for a target key in metadata, which may have no room for the key:
// the first 64 bits of its SHA-256.
func placeOf(key string) string {
	h := sha256.Sum256([]byte(key))
	return hex.EncodeToString(h[:8])
}

// Wrote reports whether the metadata of a target object says that it is the job's copy:
// its origin names the job and the key. A copy by another job names that job, what an
// application copied from a copy names another key, and a copy by an earlier version of
// Ferry names no job, so that it may be any job's. What an application made of a copy has
// its metadata, too: Look takes them from it where the ledger, or its time, tells, and where
// earlier runs left a row of it, Author does.
func (c Copies) Wrote(kept store.Object) bool {
	o := kept.Origin
	return o != nil && (c.rules.AnyJob || o.Job == c.rules.Job.Name && o.Place == placeOf(c.rules.Job.TargetKey(kept.Key)))
}

// Author returns who wrote kept, the target's object as a HEAD describes it: by last, what
// earlier runs left of its key, where that is of an object with its ETag, a run, or
// ledger.NotOurs where another writer did; else by its metadata: the run, or the job where
// they name no run. It is "" where neither tells. Written anew with the bytes of last it
// is the job's where its metadata are of another writing by the job. What stood there before
// last, and what a run removed, somebody else has put back.
func (c Copies) Author(kept store.Object, last *memory.Row) string {
	if last != nil && c.Wrote(kept) && putBack(kept, *last) {
		return ledger.NotOurs
	}
	last = memoryOf(last)
	if author, known := authorOf(last, kept); known && !(writtenAnew(last, kept) && (c.WroteAgain(kept, last.Dst, last.Author) || c.wroteBeside(kept, *last))) {
		return author
	}
	switch {
	case !c.Wrote(kept):
		return ""
	case last != nil && Remade(kept, last.Dst):
		return ledger.NotOurs
	case last != nil && last.Proof != "" && copyOf(kept, last.Src) && otherBytes(*last, kept):
		return ledger.NotOurs // no copy names a version whose bytes it does not have
	}
	return c.WriterIn(*kept.Origin)
}

// putBack reports whether kept, the target's object, is older than the one of last, by the
// target's own clock, or is one that the run of last removed.
func putBack(kept store.Object, last memory.Row) bool {
	switch at := last.Dst.Modified; {
	case at.IsZero():
		return false
	case last.State == ledger.Deleted && sameMark(kept, last.Dst):
		return true
	default:
		return kept.Modified.Add(moment).Before(at)
	}
}

// WriterIn returns who wrote the job's copy that has the origin o: the run, or the job
// where the origin does not name it.
func (c Copies) WriterIn(o store.Origin) string {
	if o.Run == "" {
		return c.rules.Job.Name
	}
	return o.Job + "/" + o.Run
}

// CarriesStill returns who wrote kept, as Author does, and whether it is the job's copy of
// src as Carries says, unless last, what earlier runs left of its key, says that somebody
// else wrote it: what they wrote has the metadata of the copy and bytes of its own, or
// bytes that no run has proved, or last proves that they are those of another version.
func (c Copies) CarriesStill(kept, src store.Object, last *memory.Row) (author string, ok bool) {
	author = c.Author(kept, last)
	edited := author == ledger.NotOurs && (last.Proof == "" || otherBytes(*last, kept))
	return author, !edited && (ours(author) || !another(last, src, kept)) && c.Carries(kept, src)
}

// WroteStill reports whether the job wrote kept, as Author tells.
func (c Copies) WroteStill(kept store.Object, last *memory.Row) bool {
	return ours(c.Author(kept, last))
}

// otherBytes reports whether kept, a target object, has other bytes than the one that a
// row proved: another CRC64, or, where one of them is not known, an ETag that is another
// MD5 of what was written in one go.
func otherBytes(last memory.Row, kept store.Object) bool {
	if last.Dst.CRC64 != "" && kept.CRC64 != "" {
		return last.Dst.CRC64 != kept.CRC64
	}
	return kept.MD5 != "" && len(last.Dst.ETag) == len(kept.MD5) && !strings.EqualFold(last.Dst.ETag, kept.MD5)
}

// authorOf returns the run that wrote dst, a target object, as far as last tells.
// The same ETag at another time was written by another since. A row that names
// no author is of a run that had not looked.
func authorOf(last *memory.Row, dst store.Object) (author string, known bool) {
	switch {
	case writtenAnew(last, dst):
		return ledger.NotOurs, true
	case last == nil || !holds(*last, dst) || last.Dst.Modified.IsZero():
		return "", false
	}
	return last.Author, last.Author != ""
}

// writtenAnew reports whether dst, a target object, has the bytes of the one of last and
// was written at another time.
func writtenAnew(last *memory.Row, dst store.Object) bool {
	return last != nil && holds(*last, dst) && !last.Dst.Modified.IsZero() && !SameTime(last.Dst.Modified, dst.Modified)
}

// twinTime is by how much later, by the target's clock, a writing whose mark is not dated may
// come to pass than another by the same task: when it was begun neither had its record.
const twinTime = mark.Request

// WroteAgain reports whether kept, the target's object, which has the ETag of d, that author
// wrote, was made by another writing of the job than d, as its metadata tell: by another
// run, as one of events, or by another delivery, or try, of the same task. What somebody else
// copies onto itself has the mark that it had. Where they do so with what another delivery
// wrote, and no run has seen that before, its mark bounds up to when it is taken for the
// job's, and twinTime where that is of an earlier version. Where one of the two has no mark,
// only another run's is.
func (c Copies) WroteAgain(kept store.Object, d ledger.Dst, author string) bool {
	if !c.Wrote(kept) || sameMark(kept, d) {
		return false
	}
	if _, run, known := strings.Cut(author, "/"); known && kept.Origin.Run != "" && kept.Origin.Run != run {
		return true
	}
	return otherMark(kept, d) && soon(kept, d)
}

// soon reports whether kept, the target's object, was written before the writing of its mark
// had come to pass, as Look found out where that is dated, or within twinTime of d.
func soon(kept store.Object, d ledger.Dst) bool {
	return mark.Dated(kept.Origin.Mark) || kept.Modified.Sub(d.Modified) <= twinTime
}

// wroteBeside reports whether kept, the target's object, which has the bytes of last, of
// whose object has no known author, was written by another run of the job: one
// that began behind the one that proved the bytes, or one side by side with it, within
// its time. What somebody else makes later of that object names no later run.
func (c Copies) wroteBeside(kept store.Object, last memory.Row) bool {
	if last.Author != "" || !c.Wrote(kept) || sameMark(kept, last.Dst) {
		return false
	}
	_, prover, _ := strings.Cut(last.Prover, "/")
	later := began(prover) != "" && began(kept.Origin.Run) > began(prover)
	return later || kept.Origin.Mark != "" && soon(kept, last.Dst)
}

// began is when a run began, by its name within its job, in a form that sorts; "" of a run of
// events.
func began(run string) string {
	const form = "20060102T150405Z"
	if len(run) < len(form) {
		return ""
	}
	if _, err := time.Parse(form, run[:len(form)]); err != nil {
		return ""
	}
	return run[:len(form)]
}

// Stands reports whether kept, the target's object, is what d describes, which author
// wrote, or the same bytes in another writing of the job.
func (c Copies) Stands(d ledger.Dst, kept store.Object, author string) bool {
	return SameObject(d, kept) || d.ETag == kept.Hash && c.WroteAgain(kept, d, author)
}

// Remade reports whether kept, the target's object, has the metadata of the writing that made
// d, and other bytes, or another time: another writer wrote it, for one writing makes one
// object.
func Remade(kept store.Object, d ledger.Dst) bool { return sameMark(kept, d) && !SameObject(d, kept) }

// sameMark reports whether kept, the target's object, has the metadata of the writing that
// made d, and otherMark whether those of another.
func sameMark(kept store.Object, d ledger.Dst) bool {
	return d.Mark != "" && kept.Origin != nil && kept.Origin.Mark == d.Mark
}

func otherMark(kept store.Object, d ledger.Dst) bool {
	return d.Mark != "" && kept.Origin != nil && kept.Origin.Mark != "" && kept.Origin.Mark != d.Mark
}

// DstOf returns kept, the target's object as a HEAD describes it, as a row has it, but for
// the CRC64.
func DstOf(kept store.Object) ledger.Dst {
	d := ledger.Dst{ETag: kept.Hash, Size: kept.Size, Modified: kept.Modified}
	if kept.Origin != nil {
		d.Mark = kept.Origin.Mark
	}
	return d
}

// listed returns what the target lists as a row has it: with the mark of last, what earlier
// runs left of its key, where that is of the same object.
func listed(dst store.Object, last *memory.Row) *ledger.Dst {
	d := &ledger.Dst{ETag: dst.Hash, Size: dst.Size, Modified: dst.Modified}
	if last != nil && holds(*last, dst) && !writtenAnew(last, dst) {
		d.Mark = last.Dst.Mark
	}
	return d
}

// Listed returns an object that only the target lists as a row has it, and the run that wrote
// it, as far as last, what earlier runs left of its key, tells: "" where it does not, or
// where the metadata may tell of a later writing.
func Listed(dst store.Object, last *memory.Row) (_ *ledger.Dst, author string) {
	last = memoryOf(last)
	if !writtenAnew(last, dst) {
		author, _ = authorOf(last, dst)
	}
	return listed(dst, last), author
}

// ours reports whether author is a run of the job, or the job.
func ours(author string) bool { return author != "" && author != ledger.NotOurs }

// holds reports whether the target's object is the one of a row: its content is.
func holds(last memory.Row, dst store.Object) bool {
	return last.Dst.ETag != "" && last.Dst.ETag == dst.Hash && last.Dst.Size == dst.Size
}

// SameObject reports whether kept is the target's object that d describes: it has the
// ETag, and, where d says when the object was written, that time. The same bytes written
// anew are another's decision of later.
func SameObject(d ledger.Dst, kept store.Object) bool {
	return d.ETag == kept.Hash && (d.Modified.IsZero() || SameTime(d.Modified, kept.Modified))
}

// moment is by how much the clocks of the machines that make up a service may differ:
// the one that answers names the time, and another may have stored the object.
const moment = 2 * time.Second

// Overwritten reports whether the target's object, which is listed as written at that time and
// has the ETag of a row's, was written over it: later than the target answered, where this
// run wrote the row's, else at another time than it was listed with. Both times are the
// target's own.
func Overwritten(row ledger.Row, at time.Time) bool {
	if row.State.Wrote() {
		return later(row.Dst.Modified, at)
	}
	return !row.Dst.Modified.IsZero() && !SameTime(row.Dst.Modified, at)
}

// Seen takes into a row, whose object in the target has the ETag of kept, what the target
// says of that now: when it was written, by which writing, and whether by another.
// What another writer has written since with the same bytes has not the metadata of a
// copy, or, copied onto itself, those of the row's, and a time that is later by more than a
// moment. Where the writer of the row's is not known, the metadata alone tell, as of an
// object without a row: another run of the job may have copied it again.
func (r *Rules) Seen(row *ledger.Row, kept store.Object) {
	c, author := r.Copies(), row.Author
	if author == "" && row.State.Wrote() {
		author = r.Job.Name + "/" + r.Run
	}
	dst := *row.Dst
	switch stands := row.State.Wrote() && c.Carries(kept, row.Src) && !later(dst.Modified, kept.Modified.Add(-moment)); {
	case stands && !otherMark(kept, dst), !Overwritten(*row, kept.Modified):
	case c.WroteAgain(kept, dst, author), author == "" && c.Wrote(kept) && !sameMark(kept, dst):
		if row.Author = c.WriterIn(*kept.Origin); row.State.Wrote() && row.Author == author {
			row.Author = ""
		}
	default:
		row.Author = ledger.NotOurs
	}
	dst.Modified, dst.Mark = kept.Modified, DstOf(kept).Mark
	row.Dst = &dst
}

// later reports whether at is of a later second than answered, which is zero where no
// answer told a time.
func later(answered, at time.Time) bool {
	return !answered.IsZero() && at.Truncate(time.Second).After(answered.Truncate(time.Second))
}

// SameTime reports whether a and b are one time to the second, which is what a HEAD
// tells.
func SameTime(a, b time.Time) bool { return a.Truncate(time.Second).Equal(b.Truncate(time.Second)) }
