package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// grouped writes n with a comma after each three digits.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// sized writes n bytes in the unit that suits it.
func sized(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n), 0
	for ; f >= 1023.5 && unit < 6; unit++ {
		f /= 1 << 10
	}
	digits := 0
	if f < 99.5 {
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + " " + []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}[unit]
}

// numbers writes a number with what it counts: "1 object", "2,000 objects".
func numbers(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
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
