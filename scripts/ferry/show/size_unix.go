//go:build unix

package show

import (
	"os"

	"golang.org/x/sys/unix"
)

// sized reports whether f has columns and rows, be it none, as terminals alone do.
func sized(f *os.File) bool {
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

// size is how many columns and rows a terminal has; 0 where it does not tell.
func size(f *os.File) (width, height int) {
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(ws.Col), int(ws.Row)
}
