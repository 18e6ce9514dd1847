//go:build unix

package capacity

import "syscall"

// files is how many descriptors this process may open. The Go runtime has raised the soft
// limit to the hard one at the start (since Go 1.19), so the soft one is all there is.
func files() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return uint64(l.Cur)
}
