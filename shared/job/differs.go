package job

import (
	"bytes"
	"encoding/json"
)

// Differs names the fields in which j and k ask for different things: what is
// copied from where to where, and what happens to it. How the buckets are
// reached and how fast it goes does not count, nor what stands in a list of
// keys. Zero fields count as their defaults.
func (j Job) Differs(k Job) (fields []string) {
	j, k = j.WithDefaults(), k.WithDefaults()
	differ := func(name string, a, b any) {
		x, xerr := json.Marshal(a)
		y, yerr := json.Marshal(b)
		if xerr != nil || yerr != nil || !bytes.Equal(x, y) {
			fields = append(fields, name)
		}
	}
	place := func(l Location) [3]string { return [3]string{l.Scheme, l.Bucket, l.Prefix} }
	differ("source", place(j.Source), place(k.Source))
	differ("target", place(j.Target), place(k.Target))
	differ("class", j.Class, k.Class)
	differ("hashMismatch", j.HashMismatch, k.HashMismatch)
	differ("overwrite", j.Overwrite, k.Overwrite)
	differ("present", j.Present, k.Present)
	differ("deletedInTarget", j.DeletedInTarget, k.DeletedInTarget)
	differ("attributes", j.Attributes, k.Attributes)
	differ("unguarded", j.Unguarded, k.Unguarded)
	differ("filter", j.Filter, k.Filter)
	differ("thaw", j.Thaw, k.Thaw)
	differ("allowEmpty", j.AllowEmpty, k.AllowEmpty)
	differ("keyList", j.KeyList == "", k.KeyList == "")
	differ("delete", j.Delete, k.Delete)
	if j.Delete && k.Delete {
		differ("maxDeletes", j.MaxDeletes, k.MaxDeletes)
		differ("maxDeleteShare", j.MaxDeleteShare, k.MaxDeleteShare)
	}
	return fields
}
