package job

import (
	"strings"
	"time"
	_ "time/tzdata" // functions run where no zones are installed

	"kodoferry/shared/job/hours"
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
		if s, bad := w.span(); len(bad) == 0 && s.Holds(t.Weekday(), 60*t.Hour()+t.Minute()) {
			return w.Rate
		}
	}
	return b.Rate
}

// span is w made ready, with what is wrong with it.
func (w Window) span() (hours.Span, problems) {
	var bad problems
	days, ok := hours.Weekdays(w.Days)
	if !ok {
		bad.at("days", "the days %q are none: write mon-fri, or sat,sun, or leave them out for every day", w.Days)
	}
	from, begins := hours.Clock(w.From)
	if begins = begins && from != hours.Day; !begins {
		bad.at("from", "it begins at %q, which is no time of a day: write one from 00:00 to 23:59, as 09:00", w.From)
	}
	to, ends := hours.Clock(w.To)
	if !ends {
		bad.at("to", "it ends at %q, which is no time of a day: write one from 00:00 to 24:00, as 18:00", w.To)
	}
	if begins && ends && from == to {
		bad.at("to", "it ends when it begins: write 00:00-24:00 for the whole day")
	}
	return hours.Between(days, from, to), bad
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
	var week hours.Week
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
		week.Take(s, i+1, func(other int, at string) {
			bad.at(field, "the windows %s and %s overlap on %s: give each hour to one of them", b.Timetable[other-1], w, at)
		})
	}
	return bad
}
