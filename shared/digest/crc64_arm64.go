package digest

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// canFold is true of every arm64 of Apple's, which package cpu does not ask.
var canFold = cpu.ARM64.HasPMULL || runtime.GOOS == "darwin"
