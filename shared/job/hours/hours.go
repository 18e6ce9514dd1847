// Package hours is stretches of the days of a week, by the clock, as a timetable has them:
// mon-fri 09:00-18:00. It knows no zone: whoever asks says the day and the minute.
package hours

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Day is how many minutes a day has.
const Day = 24 * 60

// Span is a stretch of each of some days. One that ends before it begins ends on the next day.
type Span struct {
	days     [7]bool // on which it begins, Sunday first
	from, to int     // minutes from that day's beginning; to may lie in the next
}

// Between is the stretch of those days from one minute to another, which is excluded.
func Between(days [7]bool, from, to int) Span {
	if to < from {
		to += Day
	}
	return Span{days, from, to}
}

// Holds reports whether a minute of a day lies in s.
func (s Span) Holds(d time.Weekday, minute int) bool {
	return s.days[d] && s.from <= minute && minute < s.to ||
		s.days[(d+6)%7] && s.from <= minute+Day && minute+Day < s.to
}

// Week is which stretch has each minute of a week, by a number from 1; 0 is none.
type Week [7 * Day]int

// Take gives the minutes of s to the stretch of that number. One that another has it keeps,
// and overlap is called with the number of that: once for each other stretch, with the first
// minute that both have, as "mon at 09:00".
func (w *Week) Take(s Span, number int, overlap func(other int, at string)) {
	told := map[int]bool{}
	for minute := range w {
		switch other := w[minute]; {
		case !s.Holds(time.Weekday(minute/Day), minute%Day):
		case other == 0:
			w[minute] = number
		case !told[other]:
			told[other] = true
			overlap(other, fmt.Sprintf("%s at %02d:%02d", dayNames[minute/Day], minute%Day/60, minute%60))
		}
	}
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Weekdays reads days and stretches of days with commas between; "" is every day.
func Weekdays(text string) (days [7]bool, ok bool) {
	if text == "" {
		text = "sun-sat"
	}
	for part := range strings.SplitSeq(strings.ToLower(text), ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(dayNames, first), slices.Index(dayNames, last)
		if from < 0 || to < 0 {
			return days, false
		}
		days[from] = true
		for from != to {
			from = (from + 1) % 7
			days[from] = true
		}
	}
	return days, true
}

// Clock reads 09:00 as minutes of a day; 24:00 is its end.
func Clock(text string) (minutes int, ok bool) {
	h, m, ok := strings.Cut(text, ":")
	digits := func(s string, least int) bool {
		return len(s) >= least && len(s) <= 2 && strings.Trim(s, "0123456789") == ""
	}
	if !ok || !digits(h, 1) || !digits(m, 2) {
		return 0, false
	}
	hours, _ := strconv.Atoi(h) // digits alone
	minutes, _ = strconv.Atoi(m)
	return 60*hours + minutes, minutes < 60 && 60*hours+minutes <= Day
}
