package job

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/fault"
)

var (
	// A decimal comma would be read as one between thousands, so there is none.
	sizeShape = regexp.MustCompile(`^[0-9]+(\.[0-9]+)? ?([kKMGTPE]i?)?B?$`)
	// A lower-case b would be bits.
	rateShape = regexp.MustCompile(`^[0-9]+(\.[0-9]+)? ?([kKMGT]i?)?B$`)
)

// Unlimited is the word for a rate that does not bound.
const Unlimited = "unlimited"

// ParseSize reads a number of bytes as people write it: 4096, 16MiB, 1.5 GB.
// Its error is Invalid.
func ParseSize(s string) (int64, error) {
	if sizeShape.MatchString(s) {
		if n, err := humanize.ParseBytes(s); err == nil && n <= math.MaxInt64 {
			return int64(n), nil
		}
	}
	return 0, invalid("job.ParseSize", "%.40q is no size: write one such as 16MiB, 1.5GB or a number of bytes", s)
}

// ParseRate reads bytes a second as people write them: 20MiB/s, or the word
// unlimited, which is 0. Its error is Invalid.
func ParseRate(s string) (int64, error) {
	if s == Unlimited {
		return 0, nil
	}
	size, ok := strings.CutSuffix(s, "/s")
	if ok && rateShape.MatchString(size) {
		switch n, err := humanize.ParseBytes(size); {
		case err != nil || n > math.MaxInt64:
		case n == 0:
			return 0, invalid("job.ParseRate", "the rate %q would never end: write unlimited for one that does not bound, or a small one such as 100KiB/s", s)
		default:
			return int64(n), nil
		}
	}
	return 0, invalid("job.ParseRate", "%.40q is no rate: write bytes a second such as 20MiB/s or 1.5MB/s, or unlimited", s)
}

// ParseTime reads a moment: RFC 3339, or a day, which is its beginning in UTC.
// Its error is Invalid.
func ParseTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Time{}, invalid("job.ParseTime", "%.40q is no time: write a day such as 2024-01-31 (its beginning, UTC), or 2024-01-31T09:00:00+08:00", s)
}

// ParseBandwidth reads a rate that may change with the hour, in parts with
// semicolons between them:
//
//	200MiB/s; mon-fri 09:00-18:00 20MiB/s; zone Asia/Shanghai
//
// A rate alone counts outside the windows. Its error is Invalid, names every
// mistake, and windows that overlap.
func ParseBandwidth(s string) (Bandwidth, error) {
	b, bad := parseBandwidth(s)
	return b, bad.err("job.ParseBandwidth", "")
}

func parseBandwidth(s string) (Bandwidth, problems) {
	var b Bandwidth
	var bad problems
	rates := 0
	for part := range strings.SplitSeq(s, ";") {
		words := strings.Fields(part)
		switch {
		case len(words) == 2 && words[0] == "zone":
			b.Zone = words[1]
		case len(words) == 1:
			b.Rate = rateIn(&bad, words[0])
			rates++
		case len(words) == 2 || len(words) == 3:
			w := Window{Rate: rateIn(&bad, words[len(words)-1])}
			w.From, w.To, _ = strings.Cut(words[len(words)-2], "-")
			if len(words) == 3 {
				w.Days = words[0]
			}
			b.Timetable = append(b.Timetable, w)
		default:
			bad.add("%.60q is no part of it: write a rate, windows and a zone, as in 200MiB/s; mon-fri 09:00-18:00 20MiB/s; zone Asia/Shanghai", strings.TrimSpace(part))
		}
	}
	if rates > 1 {
		bad.add("it has %d rates without hours: keep one, for the hours outside the windows", rates)
	}
	return b, append(bad, b.check()...)
}

// Text is b as ParseBandwidth reads it; "none" where b bounds nothing.
func (b Bandwidth) Text() string { return b.written(rateText) }

// Legible is b for people: a rate that Text writes by many digits, 3264KiB/s, is rounded.
func (b Bandwidth) Legible() string { return b.written(legibleRate) }

func (b Bandwidth) written(rate func(int64) string) string {
	if b.Rate == 0 && len(b.Timetable) == 0 {
		return "none"
	}
	parts := []string{rate(b.Rate)}
	for _, w := range b.Timetable {
		parts = append(parts, w.String()+" "+rate(w.Rate))
	}
	if b.Zone != "" {
		parts = append(parts, "zone "+b.Zone)
	}
	return strings.Join(parts, "; ")
}

// rateText is a rate in the largest unit that writes it without a rest.
func rateText(n int64) string {
	if n == 0 {
		return Unlimited
	}
	if text := FormatSize(n); strings.HasSuffix(text, "B") {
		return text + "/s"
	}
	return strconv.FormatInt(n, 10) + "B/s"
}

// legibleRate is a rate of three digits at most: 3264KiB/s is 3.2MiB/s.
func legibleRate(n int64) string {
	text := rateText(n)
	if len(strings.TrimRight(text, "kKMGiB/s")) <= 3 || n == 0 {
		return text
	}
	return strings.ReplaceAll(humanize.IBytes(uint64(n)), " ", "") + "/s"
}

func rateIn(bad *problems, s string) int64 {
	n, err := ParseRate(s)
	for _, why := range apart(err) {
		bad.add("%s", why)
	}
	return n
}

// FormatSize writes a number of bytes so that ParseSize reads the same: in the largest
// unit of which it is a whole number.
func FormatSize(n int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}} {
		if n != 0 && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// invalid is a mistake of the user in one sentence.
func invalid(op, format string, args ...any) error {
	return fault.New(fault.Invalid, op, "", fmt.Errorf(format, args...))
}

// apart returns the sentences of an error of this package.
func apart(err error) []string {
	switch e := err.(type) {
	case nil:
		return nil
	case *fault.Error:
		return apart(e.Err)
	case interface{ Unwrap() []error }:
		var all []string
		for _, one := range e.Unwrap() {
			all = append(all, apart(one)...)
		}
		return all
	}
	return []string{err.Error()}
}
