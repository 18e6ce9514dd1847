// Package words writes sizes, counts, durations and keys for people.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Size writes n bytes in the binary unit that suits it: "8.0 KiB". A negative n is
// written as 0.
func Size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// Count writes a number with what it counts: "1 object", "2,000 objects".
func Count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(n) + " " + many
}

// Duration writes a duration in its two largest units: "2.5 s", "3 min 05 s",
// "1 h 10 min".
func Duration(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}

// Key writes a key for a terminal: as it is, or quoted where it is empty, begins or
// ends with blanks, or has a character that does not print.
func Key(key string) string {
	if q := strconv.Quote(key); key == "" || q[1:len(q)-1] != key || strings.TrimSpace(key) != key {
		return q
	}
	return key
}

// Printable returns text with "?" for each control character.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

// OrOpen is Key, or open for the open end of a stretch of keys, "".
func OrOpen(key, open string) string {
	if key == "" {
		return open
	}
	return Key(key)
}
