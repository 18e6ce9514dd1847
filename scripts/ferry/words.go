package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// sized writes n bytes in the unit that suits it.
func sized(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// numbers writes a number with what it counts: "1 object", "2,000 objects".
func numbers(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(n) + " " + many
}

// lasted writes a duration as people say it.
func lasted(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}

// shown is a key as a terminal may show it: quoted where it holds what could
// fool the terminal or the eye.
func shown(key string) string {
	if q := strconv.Quote(key); key == "" || q[1:len(q)-1] != key || strings.TrimSpace(key) != key {
		return q
	}
	return key
}

// isTerminal reports whether f is a terminal that can redraw a line.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
