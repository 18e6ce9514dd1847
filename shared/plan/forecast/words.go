package forecast

import (
	"fmt"

	"github.com/dustin/go-humanize"
)

// sized is n bytes in the unit that suits it.
func sized(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// Rounded is n to four significant digits: an estimate has no more.
func Rounded(n int64) int64 {
	unit := int64(1)
	for n/unit >= 10_000 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit
}

// plainNumber is a number with as few digits as are significant.
func plainNumber(x float64) string {
	if x >= 100 {
		return humanize.Comma(int64(x + 0.5))
	}
	return humanize.FtoaWithDigits(x, significant(x))
}

// significant is how many digits behind the point are significant.
func significant(x float64) int {
	n := 2
	for ; x > 0 && x < 0.1 && n < 8; x *= 10 {
		n++
	}
	return n
}

// hours is a number of hours in minutes, hours or days.
func hours(h float64) string {
	switch {
	case h < 1.0/60:
		return "< 1 min"
	case h < 1:
		return fmt.Sprintf("%.0f min", h*60)
	case h < 10:
		return fmt.Sprintf("%.1f h", h)
	case h < 72:
		return fmt.Sprintf("%.0f h", h)
	}
	return fmt.Sprintf("%.1f days", h/24)
}
