package job

import (
	"fmt"
	"strconv"
)

const (
	// AutoParallel is the Parallel of a job whose processes find by themselves how many
	// objects at a time are best. A kept job does not say it, so that a version of Ferry
	// that knows numbers alone reads its own default.
	AutoParallel = 0
	// MaxParallel is the largest Parallel: so many take the 256 MiB that a process is to
	// stay within.
	MaxParallel = 1024
)

// auto is AutoParallel as a user writes it.
const auto = "auto"

// ParseParallel reads a Parallel as a user writes it. It may be out of its bounds.
func ParseParallel(s string) (int, error) {
	if s == auto {
		return AutoParallel, nil
	}
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%.40q is neither auto nor a whole number: write auto, or a number from 1 to %d", s, MaxParallel)
	case n == AutoParallel:
		return 0, fmt.Errorf("%s objects at a time are none: write auto, or a number from 1 to %d", s, MaxParallel)
	}
	return n, nil
}

// FormatParallel returns a Parallel as a user writes it.
func FormatParallel(n int) string {
	if n == AutoParallel {
		return auto
	}
	return strconv.Itoa(n)
}

// AtOnce is how many requests are made at a time where that is not to be found: Parallel,
// and n at most.
func (l Limits) AtOnce(n int) int {
	if l.Parallel == AutoParallel {
		return n
	}
	return min(n, l.Parallel)
}
