//go:build amd64 || arm64

package digest

// fold folds p, a whole number of strides, into sixteen bytes of the same remainder by
// ECMA. before is added to the first eight bytes of p.
//
//go:noescape
func fold(by *[4]uint64, before uint64, p []byte) (first, last uint64)
