package ledger

import (
	"slices"
	"time"
	"unicode/utf8"

	"kodoferry/shared/store"
)

// AsRead makes a row that was written the one that ReadRows returns in its place: what is
// empty is nil, and what no file has is not there. It reports false, and the row is of no use,
// where it is read as another: it has a text that is not UTF-8, a time of another zone than
// UTC, or what a listing of a source never has.
func (r *Row) AsRead() bool {
	r.Src.Ambiguous, r.Then = "", ""
	return objectAsRead(&r.Src) && timeAsRead(&r.At) && warningsAsRead(&r.Warnings) &&
		areTexts(string(r.State), string(r.Verdict), string(r.Proof), r.Reason, string(r.Cause), r.Read, r.Author, r.Prover, r.Attrs, string(r.Need), r.Hashed) &&
		(r.Dst == nil || dstAsRead(r.Dst)) && (r.Was == nil || knownAsRead(r.Was)) && (r.Thaw == nil || timeAsRead(&r.Thaw.Since))
}

func objectAsRead(o *store.Object) bool {
	if len(o.Parts) == 0 {
		o.Parts = nil
	}
	return o.Origin == nil && timeAsRead(&o.Modified) && pairsAsRead(&o.Header) && pairsAsRead(&o.Meta) && warningsAsRead(&o.Warnings) &&
		areTexts(o.Key, o.Hash, o.MD5, o.CRC64, o.Type, string(o.Class))
}

func knownAsRead(k *Known) bool {
	return timeAsRead(&k.Modified) && dstAsRead(&k.Dst) && areTexts(k.Hash, k.MD5, string(k.State), string(k.Proof), k.Author, k.Prover, k.Attrs)
}

func dstAsRead(d *Dst) bool { return timeAsRead(&d.Modified) && areTexts(d.ETag, d.CRC64, d.Mark) }

func timeAsRead(t *time.Time) bool {
	if read := t.Round(0); read != *t { // it has no reading of the monotonic clock; others may look at it meanwhile
		*t = read
	}
	return t.Location() == time.UTC
}

// warningsAsRead has nothing of all be changed by what is appended to it.
func warningsAsRead(all *[]string) bool {
	if *all = slices.Clip(*all); len(*all) == 0 {
		*all = nil
	}
	return areTexts(*all...)
}

func pairsAsRead(all *map[string]string) bool {
	if len(*all) == 0 {
		*all = nil
	}
	for name, value := range *all {
		if !areTexts(name, value) {
			return false
		}
	}
	return true
}

func areTexts(all ...string) bool {
	for _, s := range all {
		if !utf8.ValidString(s) {
			return false
		}
	}
	return true
}
