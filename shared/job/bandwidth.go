package job

import "time"

// Bandwidth is a rate that may change with the hour.
type Bandwidth struct {
	Rate      int64    `json:"rate,omitempty"`      // bytes a second outside every window; 0 does not bound
	Zone      string   `json:"zone,omitempty"`      // of the timetable, an IANA name such as Asia/Shanghai; "" is UTC
	Timetable []Window `json:"timetable,omitempty"` // windows that do not overlap
}

// Window is a stretch of each of some days.
type Window struct {
	Days string `json:"days,omitempty"` // "mon-fri", "sat,sun"; "" is every day
	From string `json:"from"`           // "09:00", included
	To   string `json:"to"`             // "18:00", excluded; one before From ends on the next day; "24:00" is the day's end
	Rate int64  `json:"rate"`           // bytes a second; 0 does not bound
}

// At returns the rate at t in bytes a second, 0 where nothing bounds it.
func (b Bandwidth) At(t time.Time) int64 { return b.Rate }
