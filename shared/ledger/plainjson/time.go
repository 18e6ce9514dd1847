package plainjson

import "time"

// firstSecond and lastSecond are those of the years 0 to 9999, since 1970, which RFC 3339
// and so encoding/json can write.
const firstSecond, lastSecond = -62_167_219_200, 253_402_300_799

// appendTime appends a time of UTC of these years as time.RFC3339Nano: a row has two, which
// AppendFormat takes longer for than everything else of the row takes. The date is counted in
// years that begin in March, so that the day of leap years is the last (Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
func appendTime(b []byte, t time.Time) []byte {
	const perDay, perEra = 86_400, 146_097 // seconds; days of 400 years
	sec := t.Unix() - firstSecond          // since the beginning of the year 0
	days := sec/perDay + perEra - 60       // since March of the year -400
	sec %= perDay
	era, ofEra := days/perEra, days%perEra
	year := (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*year + year/4 - year/100)
	shifted := (5*ofYear + 2) / 153 // months since March
	day := ofYear - (153*shifted+2)/5 + 1
	month := shifted + 3
	year += 400 * (era - 1)
	if month > 12 {
		month, year = month-12, year+1
	}
	b = append(twoDigits(twoDigits(b, year/100), year%100), '-')
	b = append(twoDigits(b, month), '-')
	b = append(twoDigits(b, day), 'T')
	b = append(twoDigits(b, sec/3600), ':')
	b = append(twoDigits(b, sec/60%60), ':')
	b = twoDigits(b, sec%60)
	if nano := t.Nanosecond(); nano > 0 {
		b = append(b, '.')
		for unit := 100_000_000; nano > 0; unit /= 10 {
			b = append(b, byte('0'+nano/unit))
			nano %= unit
		}
	}
	return append(b, 'Z')
}

func twoDigits(b []byte, n int64) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
