package verdict

import (
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// Carries reports whether a target object is Ferry's copy of src as src is now: its
// origin has the hash of src, or, where src has none, its upload time.
func Carries(dst, src store.Object) bool {
	switch {
	case dst.Origin == nil, dst.Size != src.Size:
		return false
	case src.Hash == "":
		return dst.Origin.Hash == "" && dst.Origin.Modified.Equal(src.Modified)
	}
	return dst.Origin.Hash == src.Hash
}

// SameVersion reports whether two descriptions of an object of the source are of the
// same content.
func SameVersion(a, b store.Object) bool {
	if a.Size != b.Size || a.Hash != b.Hash || a.Disabled != b.Disabled {
		return false
	}
	return a.Hash != "" || a.Modified.Equal(b.Modified)
}

// Rejected reports whether the target's object is one that was found not to be the
// copy: a pending row has the CRC64 of such an object alone. Damaged bytes that could
// not be removed carry the source's hash nonetheless.
func Rejected(row ledger.Row, kept store.Object) bool {
	d := row.Dst
	return d != nil && d.CRC64 != "" && d.ETag == kept.Hash
}
