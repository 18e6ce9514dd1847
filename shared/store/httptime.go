package store

import (
	"net/http"
	"strings"
	"time"
)

const (
	weekdays = "SunMonTueWedThuFriSat"
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// ParseTime is http.ParseTime, which takes four times as long: each answer has one time or
// two, of this form, "Mon, 02 Jan 2006 15:04:05 GMT" (RFC 9110, section 5.6.7).
func ParseTime(s string) (time.Time, error) {
	if len(s) == len(http.TimeFormat) && s[3:5] == ", " && s[7] == ' ' && s[11] == ' ' && s[16] == ' ' && s[19] == ':' && s[22] == ':' && s[25:] == " GMT" {
		day, ok1 := digits(s[5:7])
		year, ok2 := digits(s[12:16])
		hour, ok3 := digits(s[17:19])
		minute, ok4 := digits(s[20:22])
		second, ok5 := digits(s[23:25])
		weekday, month := strings.Index(weekdays, s[:3]), strings.Index(months, s[8:11])
		if ok1 && ok2 && ok3 && ok4 && ok5 && weekday >= 0 && weekday%3 == 0 && month >= 0 && month%3 == 0 && hour < 24 && minute < 60 && second < 60 {
			t := time.Date(year, time.Month(month/3+1), day, hour, minute, second, 0, time.UTC)
			if t.Day() == day { // else the month has no such day
				return t, nil
			}
		}
	}
	return http.ParseTime(s)
}

// digits reads a number that has digits alone.
func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, true
}
