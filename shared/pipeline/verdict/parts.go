package verdict

import "kodoferry/shared/digest"

// An object above these bytes goes in parts, where the job does not say. In
// functions, which may end and have many instances, that pays early; in one process
// it costs more than it brings.
const (
	PartsAbove            = 256 << 20
	PartsAboveInFunctions = 32 << 20
)

const (
	// MaxParts and MaxPart are what OSS takes of one upload (OSS, "UploadPart").
	MaxParts = 10_000
	MaxPart  = 5 << 30
)

// PartSize is the size of the parts of an object of size bytes: first, or more where
// 10,000 parts of that would not suffice. Steps of 4 MiB keep the blocks of its hash
// whole.
func PartSize(size, first int64) int64 {
	const step = digest.BlockSize
	least := (size + MaxParts - 1) / MaxParts
	return max(first, (least+step-1)/step*step)
}
