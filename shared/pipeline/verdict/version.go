package verdict

import (
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
)

// Carries reports whether a target object is the job's copy of src as src is now, by
// the metadata that bind it: its origin names the job and the key and has the hash of
// src, or, where src has none, its upload time. Where both have an MD5 and these
// differ, it is not.
func (c Copies) Carries(kept, src store.Object) bool {
	return c.Wrote(kept) && kept.Size == src.Size && !md5sDiffer(kept, src) && copyOf(kept, src)
}

// copyOf reports whether the origin of a target object, which it has, names that version
// of the source's: its hash, or, where it has none, its upload time.
func copyOf(kept, src store.Object) bool {
	return kept.Origin.Hash == src.Hash && (src.Hash != "" || kept.Origin.Modified.Equal(src.Modified))
}

// md5sDiffer reports whether a and b both have an MD5, and not the same: then nothing
// makes them equal.
func md5sDiffer(a, b store.Object) bool { return a.MD5 != "" && b.MD5 != "" && a.MD5 != b.MD5 }

// sameMD5 reports whether a and b are of one size and one MD5.
func sameMD5(a, b store.Object) bool { return a.Size == b.Size && a.MD5 != "" && a.MD5 == b.MD5 }

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
