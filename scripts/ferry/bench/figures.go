package bench

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Figures are the medians of the turns of one program.
type Figures struct {
	Objects float64 `json:"objects_per_s"`
	MiB     float64 `json:"mib_per_s"`         // of content
	CPU     float64 `json:"cpu_us_per_object"` // user and system time of its process alone
	RSS     float64 `json:"rss_mib"`           // resident memory of its process at the peak
}

// Spread is the median of a figure over several turns, with the least and the most.
type Spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// Ratios are Ferry's figures by those of another program. Each is taken of two turns
// next to each other, so that what else the machine does meanwhile is in both.
type Ratios struct {
	Objects Spread `json:"objects_per_s"`
	CPU     Spread `json:"cpu_us_per_object"`
	RSS     Spread `json:"rss_mib"`
}

// Width is how many objects, or ranges, were under way at a time in a trial, and what
// came of it.
type Width struct {
	Parallel int     `json:"parallel"`
	Objects  float64 `json:"objects_per_s"`
}

// Delays are how long each service waits before an answer, in milliseconds.
type Delays struct {
	Kodo float64 `json:"kodo_ms"`
	OSS  float64 `json:"oss_ms"`
}

// Result has the figures of one scenario. What a scenario does not measure is zero.
type Result struct {
	Scenario string  `json:"scenario"`
	Delays   *Delays `json:"delays,omitzero"` // nil where the services are next to this machine
	Ferry    Figures `json:"ferry,omitzero"`
	Bare     Figures `json:"bare,omitzero"`
	Hashed   Figures `json:"hashed,omitzero"`
	OfBare   Ratios  `json:"of_bare,omitzero"`
	OfHashed Ratios  `json:"of_hashed,omitzero"`
	BareAt   int     `json:"bare_at,omitzero"`    // so many at a time were best for bare
	Trials   []Width `json:"bare_tried,omitzero"` // which is what these say
	First    Firsts  `json:"first,omitzero"`

	of       scenario
	copying  Figures // of Ferry from its first Copy task on, without the listing; zero where nothing is copied
	complete Figures // of Ferry until its report, verification included
}

// span is a stretch of time of a measured program.
type span struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // user and system
}

// Measurement is one turn of a measured program.
type Measurement struct {
	Objects  int64   `json:"objects"`
	Bytes    int64   `json:"bytes"`
	Measured span    `json:"measured"`
	Copying  span    `json:"copying,omitzero"`
	Complete span    `json:"complete,omitzero"`
	RSS      float64 `json:"rss_mib"`
	Began    Began   `json:"began,omitzero"`
}

func (r Measurement) objects(s span) float64 { return float64(r.Objects) / s.Seconds }
func (r Measurement) cpu(s span) float64     { return s.CPU * 1e6 / float64(r.Objects) }

// medians returns the figures of one stretch of several turns.
func medians(turns []Measurement, which func(Measurement) span) Figures {
	middle := func(f func(Measurement, span) float64) float64 {
		var all []float64
		for _, r := range turns {
			all = append(all, f(r, which(r)))
		}
		return spread(all).Median
	}
	return Figures{
		Objects: middle(Measurement.objects),
		MiB:     middle(func(r Measurement, s span) float64 { return float64(r.Bytes) / (1 << 20) / s.Seconds }),
		CPU:     middle(Measurement.cpu),
		RSS:     middle(func(r Measurement, _ span) float64 { return r.RSS }),
	}
}

// ratios returns the figures of each turn of one program by those of the turn of the
// other that has the same number.
func ratios(of, by []Measurement) Ratios {
	var objects, cpu, rss []float64
	for n, a := range of {
		b := by[n]
		objects = append(objects, a.objects(a.Measured)/b.objects(b.Measured))
		cpu = append(cpu, a.cpu(a.Measured)/b.cpu(b.Measured))
		rss = append(rss, a.RSS/b.RSS)
	}
	return Ratios{Objects: spread(objects), CPU: spread(cpu), RSS: spread(rss)}
}

// spread returns median, least and most of all, to three digits behind the point.
func spread(all []float64) Spread {
	slices.Sort(all)
	n := len(all)
	short := func(v float64) float64 { return math.Round(v*1000) / 1000 }
	return Spread{Median: short((all[(n-1)/2] + all[n/2]) / 2), Least: short(all[0]), Most: short(all[n-1])}
}

// exactly is the spread of one figure.
func exactly(v float64) Spread { return Spread{v, v, v} }

// text writes s, as 0.85 (0.81 to 0.90), each by format.
func (s Spread) text(format string) string {
	median, least, most := fmt.Sprintf(format, s.Median), fmt.Sprintf(format, s.Least), fmt.Sprintf(format, s.Most)
	switch {
	case s.Median == 0:
		return "never"
	case least == most:
		return median
	}
	return median + " (" + least + " to " + most + ")"
}

// ms writes a delay for JSON.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
