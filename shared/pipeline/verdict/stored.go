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

// AsStored is src as it is to be in the target, without its origin. Where its listing
// does not tell its attributes, they are those of described.
func (c Copies) AsStored(src, described store.Object) store.Object {
	o := src
	if untold(o) {
		o.Type, o.Meta, o.Header = described.Type, described.Meta, described.Header
	}
	o.Hash, o.MD5, o.CRC64, o.Parts, o.Origin, o.Frozen = "", "", "", nil, nil, false
	if c.rules.Job.Class != job.KeepClass {
		o.Class = store.Class(c.rules.Job.Class)
	}
	return o
}

// WithOrigin is AsStored with its origin.
func (c Copies) WithOrigin(src, described store.Object) store.Object {
	o := c.AsStored(src, described)
	o.Origin = c.Origin(src, described)
	return o
}

// untold reports whether the listing that o is of does not tell type, headers and
// metadata.
func untold(o store.Object) bool { return o.Type == "" && o.Meta == nil && o.Header == nil }

// Losses is what the target cannot hold of src, in words. It makes no request; where
// the listing does not tell the object's attributes, there are none.
func (c Copies) Losses(src store.Object) []string {
	if c.rules.Keeper == nil || untold(src) {
		return nil
	}
	o := c.AsStored(src, src)
	if len(o.Meta)+len(o.Header) > 0 { // the origin takes room beside these; alone it has enough
		o.Origin = c.Origin(src, src)
	}
	return c.rules.Keeper.Losses(o)
}

// Untold reports whether Losses cannot tell because the listing of src does not tell
// its attributes. LossesOf does, with described, what a HEAD told.
func (c Copies) Untold(src store.Object) bool { return c.rules.Keeper != nil && untold(src) }

// LossesOf is what the target cannot hold of src, whose attributes are those of
// described. Where Untold is false, it is Losses.
func (c Copies) LossesOf(src, described store.Object) []string {
	if c.rules.Keeper == nil {
		return nil
	}
	return c.rules.Keeper.Losses(c.WithOrigin(src, described))
}
