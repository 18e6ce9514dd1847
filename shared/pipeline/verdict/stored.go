package verdict

import (
	"kodoferry/shared/job"
	"kodoferry/shared/store"
)

// Keeper is a target that tells what of an object's metadata it cannot hold.
type Keeper interface {
	// Losses says in words what would not be kept of o. It makes no request.
	Losses(o store.Object) []string
}

// AsStored is src as it is to be in the target. Where its listing does not tell its
// attributes, they are those of found.
func (r *Rules) AsStored(src, found store.Object) store.Object {
	o := src
	if untold(o) {
		o.Type, o.Meta, o.Header = found.Type, found.Meta, found.Header
	}
	o.Hash, o.MD5, o.CRC64, o.Parts = "", "", "", nil
	o.Origin = r.Origin(src)
	if r.Job.Class != job.KeepClass {
		o.Class = store.Class(r.Job.Class)
	}
	return o
}

// untold reports whether the listing that o is of does not tell type, headers and
// metadata.
func untold(o store.Object) bool { return o.Type == "" && o.Meta == nil && o.Header == nil }

// Losses is what the target cannot hold of src, in words. It makes no request; where
// the listing does not tell the object's attributes, there are none.
func (r *Rules) Losses(src store.Object) []string {
	if r.Keeper == nil || untold(src) {
		return nil
	}
	return r.Keeper.Losses(r.AsStored(src, src))
}

// Untold reports whether Losses cannot tell because the listing of src does not tell
// its attributes. LossesOf does, with found, what a HEAD told.
func (r *Rules) Untold(src store.Object) bool { return r.Keeper != nil && untold(src) }

// LossesOf is what the target cannot hold of src, whose attributes are those of
// found. Where Untold is false, it is Losses.
func (r *Rules) LossesOf(src, found store.Object) []string {
	return r.Keeper.Losses(r.AsStored(src, found))
}
