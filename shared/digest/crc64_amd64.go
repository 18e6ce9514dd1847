package digest

import "golang.org/x/sys/cpu"

var canFold = cpu.X86.HasPCLMULQDQ
