//go:build !unix

package bench

import (
	"errors"
	"time"
)

var errUnmeasured = errors.New("processor time and memory of a process cannot be asked here: run ferry bench on Linux or macOS")

func processorTime() (time.Duration, error) { return 0, errUnmeasured }

func peakMemory() (float64, error) { return 0, errUnmeasured }
