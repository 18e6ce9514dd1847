package job

import (
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // functions run where no zones are installed
)

// Bandwidth is a rate that may change with the hour.
type Bandwidth struct {
	Rate      int64    `json:"rate,omitempty"`      // bytes a second outside every window; 0 does not bound
	Zone      string   `json:"zone,omitempty"`      // of the timetable, an IANA name such as Asia/Shanghai; "" is UTC
	Timetable []Window `json:"timetable,omitempty"` // windows that do not overlap
}

// Window is a stretch of each of some days, by the clocks of the zone: an hour
// that a change of clocks leaves out is left out, one that it repeats counts twice.
type Window struct {
	Days string `json:"days,omitempty"` // "mon-fri", "sat,sun", "fri-mon"; "" is every day
	From string `json:"from"`           // "09:00", included
	To   string `json:"to"`             // "18:00", excluded; one before From ends on the next day; "24:00" is the day's end
	Rate int64  `json:"rate"`           // bytes a second; 0 does not bound
}

// String is w as people write it, without its rate: "mon-fri 09:00-18:00".
func (w Window) String() string { return strings.TrimSpace(w.Days + " " + w.From + "-" + w.To) }

// At returns the rate at t in bytes a second, 0 where nothing bounds it. It
// looks the zone up anew: ask once a second, not for each read. A timetable
// that Validate refuses does not count.
func (b Bandwidth) At(t time.Time) int64 {
	if len(b.Timetable) == 0 {
		return b.Rate
	}
	zone, err := time.LoadLocation(b.Zone)
	if err != nil {
		return b.Rate
	}
	t = t.In(zone)
	for _, w := range b.Timetable {
		if s, bad := w.span(); len(bad) == 0 && s.holds(t.Weekday(), 60*t.Hour()+t.Minute()) {
			return w.Rate
		}
	}
	return b.Rate
}

const day = 24 * 60 // minutes

// span is a window made ready.
type span struct {
	days     [7]bool // on which it begins, Sunday first
	from, to int     // minutes from that day's beginning; to may lie in the next
}

// holds reports whether a minute of a day lies in s.
func (s span) holds(d time.Weekday, minute int) bool {
	return s.days[d] && s.from <= minute && minute < s.to ||
		s.days[(d+6)%7] && s.from <= minute+day && minute+day < s.to
}

func (w Window) span() (span, problems) {
	var s span
	var bad problems
	var ok bool
	if s.days, ok = weekdays(w.Days); !ok {
		bad.at("days", "the days %q are none: write mon-fri, or sat,sun, or leave them out for every day", w.Days)
	}
	var from, to bool
	if s.from, from = clock(w.From); !from || s.from == day {
		bad.at("from", "it begins at %q, which is no time of a day: write one from 00:00 to 23:59, as 09:00", w.From)
	}
	if s.to, to = clock(w.To); !to {
		bad.at("to", "it ends at %q, which is no time of a day: write one from 00:00 to 24:00, as 18:00", w.To)
	}
	switch {
	case from && to && s.from == s.to:
		bad.at("to", "it ends when it begins: write 00:00-24:00 for the whole day")
	case s.to < s.from:
		s.to += day
	}
	return s, bad
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// weekdays reads days and stretches of days with commas between.
func weekdays(text string) (days [7]bool, ok bool) {
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

// clock reads 09:00 as minutes of a day; 24:00 is its end.
func clock(text string) (minutes int, ok bool) {
	h, m, ok := strings.Cut(text, ":")
	digits := func(s string, least int) bool {
		return len(s) >= least && len(s) <= 2 && strings.Trim(s, "0123456789") == ""
	}
	if !ok || !digits(h, 1) || !digits(m, 2) {
		return 0, false
	}
	hours, _ := strconv.Atoi(h) // digits alone
	minutes, _ = strconv.Atoi(m)
	return 60*hours + minutes, minutes < 60 && 60*hours+minutes <= day
}

// check returns what is wrong with b. Fields are named as below limits.bandwidth.
func (b Bandwidth) check() problems {
	var bad problems
	if b.Rate < 0 {
		bad.at("rate", "the rate is %d: write one such as 200MiB/s, or leave it out", b.Rate)
	}
	if _, err := time.LoadLocation(b.Zone); err != nil || b.Zone == "Local" {
		windows := make([]string, len(b.Timetable))
		for i, w := range b.Timetable {
			windows[i] = w.String()
		}
		of := ""
		if len(windows) > 0 {
			of = " of " + strings.Join(windows, ", ")
		}
		bad.at("zone", "there is no zone %q for the hours%s: write a name such as Asia/Shanghai or Europe/Berlin, or leave it out for UTC", b.Zone, of)
	}
	var taken [7 * day]int // by which window, from 1
	told := map[[2]int]bool{}
	for i, w := range b.Timetable {
		field := at("timetable", i)
		if w.Rate < 0 {
			bad.at(field+".rate", "the rate of %s is %d: write one such as 20MiB/s", w, w.Rate)
		}
		s, wrong := w.span()
		for _, p := range wrong {
			bad.at(field+"."+p.field, "the window %s is none: %s", w, p.says)
		}
		if len(wrong) > 0 {
			continue
		}
		for minute := range taken {
			switch other := taken[minute]; {
			case !s.holds(time.Weekday(minute/day), minute%day):
			case other == 0:
				taken[minute] = i + 1
			case !told[[2]int{other, i}]:
				told[[2]int{other, i}] = true
				bad.at(field, "the windows %s and %s overlap on %s at %02d:%02d: give each hour to one of them",
					b.Timetable[other-1], w, dayNames[minute/day], minute%day/60, minute%60)
			}
		}
	}
	return bad
}
