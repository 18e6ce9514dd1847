package job_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/job"
)

func TestTheRateFollowsTheTimetable(t *testing.T) {
	office := job.Bandwidth{Rate: 200, Zone: "Asia/Shanghai", Timetable: []job.Window{{Days: "mon-fri", From: "09:00", To: "18:00", Rate: 20}}}
	night := job.Bandwidth{Rate: 5, Timetable: []job.Window{{Days: "fri-mon", From: "22:00", To: "06:00"}, {Days: "wed", From: "0:00", To: "24:00", Rate: 7}}}
	berlin := job.Bandwidth{Rate: 1, Zone: "Europe/Berlin", Timetable: []job.Window{{From: "02:00", To: "03:00", Rate: 2}}}
	for name, tc := range map[string]struct {
		b    job.Bandwidth
		at   string // RFC 3339
		want int64
	}{
		"no timetable":                       {job.Bandwidth{Rate: 3}, "2024-01-01T00:00:00Z", 3},
		"nothing at all":                     {job.Bandwidth{}, "2024-01-01T00:00:00Z", 0},
		"the first minute":                   {office, "2024-01-01T09:00:00+08:00", 20},
		"the last second":                    {office, "2024-01-01T17:59:59+08:00", 20},
		"the end is outside":                 {office, "2024-01-01T18:00:00+08:00", 200},
		"another zone's morning":             {office, "2024-01-01T09:00:00Z", 20},
		"another zone's noon":                {office, "2024-01-01T12:00:00Z", 200},
		"another day":                        {office, "2024-01-06T12:00:00+08:00", 200},
		"past midnight, by the day it began": {night, "2024-01-02T05:59:00Z", 0}, // a Tuesday
		"the next night":                     {night, "2024-01-02T23:00:00Z", 5},
		"days past the week's end":           {night, "2024-01-07T23:00:00Z", 0},
		"a whole day":                        {night, "2024-01-03T23:59:59Z", 7},
		"an hour that comes twice, first":    {berlin, "2024-10-27T02:30:00+02:00", 2},
		"an hour that comes twice, again":    {berlin, "2024-10-27T02:30:00+01:00", 2},
		"an hour that never comes":           {berlin, "2024-03-31T01:00:00Z", 1}, // 03:00 there, a second after 01:59:59
		"a zone that is none":                {job.Bandwidth{Rate: 4, Zone: "Mars/Olympus", Timetable: []job.Window{{From: "00:00", To: "24:00", Rate: 9}}}, "2024-01-01T00:00:00Z", 4},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, tc.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.b.At(at); got != tc.want {
				t.Errorf("At(%s) = %d, want %d", tc.at, got, tc.want)
			}
		})
	}
}

// TestTheRateIsThatOfTheClocks holds At against a table of every minute of a
// week, asked by what the clocks of the zone show, in weeks around their changes.
func TestTheRateIsThatOfTheClocks(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewPCG(seed, seed))
	names := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	for _, zone := range []string{"", "Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"} {
		at, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		b := job.Bandwidth{Rate: 1000, Zone: zone}
		model := map[string]int64{} // "mon 09:00"
		for len(b.Timetable) < 5 {
			first, days, from, length := r.IntN(7), 1+r.IntN(7), r.IntN(1440), 1+r.IntN(1439)
			w := job.Window{From: fmt.Sprintf("%02d:%02d", from/60, from%60), To: fmt.Sprintf("%02d:%02d", (from+length)%1440/60, (from+length)%60), Rate: int64(len(b.Timetable))}
			var spelt, minutes []string
			for d := first; d < first+days; d++ {
				spelt = append(spelt, names[d%7])
				for m := from; m < from+length; m++ {
					minutes = append(minutes, fmt.Sprintf("%s %02d:%02d", names[(d+m/1440)%7], m%1440/60, m%60))
				}
			}
			if w.Days = strings.Join(spelt, ","); r.IntN(2) == 0 {
				w.Days = spelt[0] + "-" + spelt[len(spelt)-1]
			}
			free := !slices.ContainsFunc(minutes, func(m string) bool { _, taken := model[m]; return taken })
			tried := b
			tried.Timetable = append(tried.Timetable, w)
			_, err := job.New(src, dst, "", func(j *job.Job) { j.Limits.Bandwidth = tried })
			if (err == nil) != free {
				t.Fatalf("seed %d: %s beside %v: %v, want refused: %v", seed, w, b.Timetable, err, !free)
			}
			if !free {
				continue
			}
			b = tried
			for _, m := range minutes {
				model[m] = w.Rate
			}
		}
		for _, now := range tellingMinutes(at) {
			want, ok := model[strings.ToLower(now.In(at).Format("Mon 15:04"))]
			if !ok {
				want = b.Rate
			}
			if got := b.At(now); got != want {
				t.Fatalf("seed %d: at %s in %q with %v = %d, want %d", seed, now.In(at), zone, b.Timetable, got, want)
			}
		}
	}
}

// tellingMinutes are some of a week's, and all around each change of a zone's clocks in 2024.
func tellingMinutes(zone *time.Location) (all []time.Time) {
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for m := 0; m < 7*1440; m += 7 {
		all = append(all, begin.Add(time.Duration(m)*time.Minute))
	}
	_, before := begin.In(zone).Zone()
	for t := begin; t.Year() == 2024; t = t.Add(30 * time.Minute) {
		if _, offset := t.In(zone).Zone(); offset != before {
			before = offset
			for m := -180; m < 180; m++ {
				all = append(all, t.Add(time.Duration(m)*time.Minute))
			}
		}
	}
	return all
}

func TestTimetablesThatCannotBeAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"windows that overlap":       {"1MiB/s; mon-fri 09:00-18:00 2MiB/s; fri,sat 17:00-19:00 3MiB/s", "the windows mon-fri 09:00-18:00 and fri,sat 17:00-19:00 overlap on fri at 17:00"},
		"an overlap past midnight":   {"sun 22:00-02:00 2MiB/s; mon 01:00-03:00 3MiB/s", "the windows sun 22:00-02:00 and mon 01:00-03:00 overlap on mon at 01:00"},
		"a window that meets itself": {"00:00-24:00 2MiB/s; 12:00-13:00 3MiB/s", "the windows 00:00-24:00 and 12:00-13:00 overlap"},
		"a day of no week":           {"mon-fry 09:00-18:00 2MiB/s", `the window mon-fry 09:00-18:00 is none: the days "mon-fry"`},
		"an hour of no day":          {"mon 09:00-25:00 2MiB/s", `the window mon 09:00-25:00 is none: it ends at "25:00"`},
		"minutes of no hour":         {"mon 09:60-10:00 2MiB/s", `it begins at "09:60"`},
		"a beginning at the end":     {"mon 24:00-10:00 2MiB/s", `it begins at "24:00"`},
		"no end":                     {"mon 09:00 2MiB/s", `it ends at ""`},
		"no length":                  {"mon 09:00-09:00 2MiB/s", "it ends when it begins"},
		"a zone of no map":           {"mon 09:00-10:00 2MiB/s; zone Asia/Beijing", `there is no zone "Asia/Beijing" for the hours of mon 09:00-10:00`},
		"the zone of this machine":   {"1MiB/s; zone Local", `there is no zone "Local"`},
		"bits":                       {"20Mb/s", `"20Mb/s" is no rate`},
		"a size":                     {"20MiB", `"20MiB" is no rate: write bytes a second`},
		"a standstill":               {"0B/s", "would never end: write unlimited"},
		"two rates":                  {"1MiB/s; 2MiB/s", "it has 2 rates without hours"},
		"too many words":             {"1MiB/s; on mon 09:00-10:00 2MiB/s", `"on mon 09:00-10:00 2MiB/s" is no part of it`},
		"nothing":                    {"", `"" is no part of it`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := job.ParseBandwidth(tc.text)
			wrong(t, err, tc.want)
		})
	}
}

func TestABandwidthIsReadFromOneText(t *testing.T) {
	got, err := job.ParseBandwidth("200MiB/s; mon-fri 09:00-18:00 20MiB/s;00:00-01:00 unlimited ; zone Asia/Shanghai")
	want := job.Bandwidth{Rate: 200 << 20, Zone: "Asia/Shanghai", Timetable: []job.Window{
		{Days: "mon-fri", From: "09:00", To: "18:00", Rate: 20 << 20}, {From: "00:00", To: "01:00"},
	}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("ParseBandwidth = %+v, %v, want %+v", got, err, want)
	}
}

func TestMeasuresAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "4096": 4096, "16MiB": 16 << 20, "1GB": 1e9, "1.5 KiB": 1536, "100kB": 1e5, "7B": 7} {
		if got, err := job.ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1,5GiB", "16 miles", "MiB", "1e3", "99EiB", "16MiB/s"} {
		if got, err := job.ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
	for text, want := range map[string]int64{"20MiB/s": 20 << 20, "1.5MB/s": 1.5e6, "9 B/s": 9, "unlimited": 0} {
		if got, err := job.ParseRate(text); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{"2024-02-29": "2024-02-29T00:00:00Z", "2024-01-01T09:00:00+08:00": "2024-01-01T01:00:00Z"} {
		if got, err := job.ParseTime(text); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("ParseTime(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"2023-02-29", "2024-01-01T09:00:00", "yesterday", ""} {
		_, err := job.ParseTime(text)
		wrong(t, err, "is no time: write a day such as")
	}
}
