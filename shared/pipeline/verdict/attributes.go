package verdict

import (
	"cmp"
	"context"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/memory"
	"kodoferry/shared/store"
)

// unknown stands before the digest of attributes in a row of which the source did not
// tell what they are now, or the target did not take them: the next run asks again.
const unknown = "?"

// Doubted is the digest of attributes that an object was given, as one of which it is not
// known whether they are still the source's.
func Doubted(had string) string { return unknown + strings.TrimPrefix(had, unknown) }

// Attrs is a digest of the type, headers, metadata and class that the copy of src is
// to have; "" where neither its listing tells them nor described, what a HEAD or a GET told.
// Where the listing does not, the class stands behind it: another one is to be noticed
// by a later run without a HEAD.
func (c Copies) Attrs(src, described store.Object) string {
	if untold(src) && untold(described) {
		return ""
	}
	var d attrsDigest
	digest := string(d.of(c.AsStored(src, described)))
	if untold(src) {
		digest += "-" + string(c.class(src))
	}
	return digest
}

// class is the storage class that the copy of src is to have.
func (c Copies) class(src store.Object) store.Class {
	if asked := c.rules.Job.Class; asked != job.KeepClass {
		src.Class = store.Class(asked)
	}
	return cmp.Or(src.Class, store.Standard)
}

// digestLen is the length of a digest of attributes without a class behind it.
const digestLen = 16

// sameAttrs reports whether had is of the attributes that now is of, class included.
func sameAttrs(now []byte, had string) bool {
	return string(now[:digestLen]) == had[:min(len(had), digestLen)]
}

// classGiven is the class that stands behind a digest; "" where none does.
func classGiven(attrs string) store.Class {
	_, class, _ := strings.Cut(attrs, "-")
	return store.Class(class)
}

// attrsDigest is an FNV-1a of 64 bits: nothing is gained by two sets of attributes of one
// digest. It takes no memory, for a delta computes one for each object.
type attrsDigest struct {
	sum  uint64
	text [digestLen]byte
}

func (d *attrsDigest) of(o store.Object) []byte {
	d.sum = 14695981039346656037
	d.add(o.Type)
	d.addAll(o.Header)
	d.addAll(o.Meta)
	if o.Class == "" {
		o.Class = store.Standard
	}
	d.add(string(o.Class))
	var raw [8]byte
	for i := range raw {
		raw[i] = byte(d.sum >> (56 - 8*i))
	}
	hex.Encode(d.text[:], raw[:])
	return d.text[:]
}

// add adds a text and its end.
func (d *attrsDigest) add(s string) {
	for i := range len(s) {
		d.byte(s[i])
	}
	d.byte(0xff) // in no UTF-8
}

func (d *attrsDigest) byte(b byte) { d.sum = (d.sum ^ uint64(b)) * 1099511628211 }

func (d *attrsDigest) addAll(m map[string]string) {
	if len(m) == 1 {
		for k, v := range m {
			d.add(k)
			d.add(v)
		}
	} else if len(m) > 1 {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			d.add(k)
			d.add(m[k])
		}
	}
	d.byte(0xfe)
}

// compareAttrs compares the attributes that the source lists for an unchanged row with
// had, the digest of those that the target's object was given, at which time the source
// had listed the object as was. Where they differ, and the object is the job's, the row
// is to have them set. ask is true where the listing does not tell, and its time or the
// class that the copy is to have says that they may differ: then askAttrs does.
func (r *Rules) compareAttrs(row *ledger.Row, had string, was store.Object) (ask bool) {
	row.Attrs = had
	if untold(row.Src) {
		given := classGiven(had)
		ask = ours(row.Author) && had != "" && (strings.HasPrefix(had, unknown) || !was.Modified.Equal(row.Src.Modified) || given != "" && given != r.Copies().class(row.Src))
		if ask && !setsAttrs(r.Job) {
			row.Attrs, ask = Doubted(had), false // a run that sets them asks
			leaveAttrs(r.Job, row, "may have changed")
		}
		return ask
	}
	if r.Job.Attributes == job.IgnoreAttributes {
		return false
	}
	var d attrsDigest
	now := d.of(r.Copies().AsStored(row.Src, row.Src))
	switch {
	case sameAttrs(now, had):
	case had == "":
		row.Attrs = string(now)
	case !ours(row.Author):
	case setsAttrs(r.Job):
		update(row)
	default:
		leaveAttrs(r.Job, row, "changed")
	}
	return false
}

// setsAttrs reports whether a job has attributes set in the target that changed at the
// source: to set them writes the object.
func setsAttrs(j job.Job) bool {
	return j.Attributes != job.IgnoreAttributes && j.Overwrite != job.OverwriteNever
}

// leaveAttrs warns, in a row whose attributes are not set anew, of a job that follows them
// and overwrites nothing.
func leaveAttrs(j job.Job, row *ledger.Row, how string) {
	warning := "its attributes " + how + " at the source and stay as they were in the target, whose objects overwrite=never leaves alone"
	if j.Attributes != job.IgnoreAttributes && !slices.Contains(row.Warnings, warning) {
		row.Warnings = append(slices.Clone(row.Warnings), warning)
	}
}

// AttrsChanged reports whether the source lists other attributes for src than those that
// the object of a row, which is the job's, was given, and that are to be set. Of a job
// that overwrites nothing the row has a warning instead.
func (r *Rules) AttrsChanged(row *ledger.Row, src store.Object) bool {
	if r.Job.Attributes == job.IgnoreAttributes || !row.State.Wrote() && (row.State != ledger.Unchanged || !ours(row.Author)) ||
		row.Attrs == "" || strings.HasPrefix(row.Attrs, unknown) || untold(src) {
		return false
	}
	var d attrsDigest
	if sameAttrs(d.of(r.Copies().AsStored(src, src)), row.Attrs) {
		return false
	}
	if !setsAttrs(r.Job) {
		leaveAttrs(r.Job, row, "changed")
		return false
	}
	return true
}

// update makes an unchanged row one that has its attributes set.
func update(row *ledger.Row) {
	row.State, row.Need, row.Warnings = ledger.Pending, ledger.NeedsAttributes, nil
	row.Dst.CRC64 = "" // which would say that it was rejected
}

// askAttrs asks the source for the attributes of an unchanged row, by one HEAD, and
// compares them as compareAttrs does. A source that does not tell is no trouble of the
// listing: the row has a warning.
func (r *Rules) askAttrs(ctx context.Context, row *ledger.Row) {
	if r.Describe == nil {
		row.Attrs = Doubted(row.Attrs)
		return
	}
	described, err := r.Describe(ctx, row.Key())
	switch had := strings.TrimPrefix(row.Attrs, unknown); {
	case fault.KindOf(err) == fault.NotFound, err == nil && !SameVersion(row.Src, described): // verification finds out
	case err != nil:
		row.Attrs = Doubted(row.Attrs)
		row.Warnings = append(row.Warnings, "its attributes may have changed at the source, which did not tell them; the next run asks again: "+ledger.Reason(err))
	default:
		if now := r.Copies().Attrs(row.Src, described); now == "" || sameAttrs([]byte(now), had) {
			row.Attrs = now
			return
		}
		update(row) // which asks for them once more
	}
}

// memoryOf returns what earlier runs left of a key, as decisions take it: nothing where
// a run of the job removed the target's object.
func memoryOf(last *memory.Row) *memory.Row {
	if last != nil && last.State == ledger.Deleted {
		return nil
	}
	return last
}
