//go:build !amd64 && !arm64

package digest

const canFold = false

// fold is not called.
func fold(*[4]uint64, uint64, []byte) (first, last uint64) { return 0, 0 }
