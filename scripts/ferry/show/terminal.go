// Package show writes for a person at a terminal what a run does and what came of it: its
// progress, the faults it caught, its result.
package show

import "os"

// IsTerminal reports whether f is a terminal that can redraw a line. /dev/null is none, though a
// device of characters, too.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && sized(f)
}
