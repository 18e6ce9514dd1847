package forecast

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/job"
)

// Bottleneck is one thing that a run cannot go faster than.
type Bottleneck struct {
	Name  string  `json:"name"`
	Rate  string  `json:"rate"`            // in words; NotKnown where the price file has none
	Hours float64 `json:"hours"`           // 0 where the rate is not known
	Note  string  `json:"note,omitempty"`  // why it does not count
	Aside bool    `json:"aside,omitempty"` // it does not count
	quota quota
}

// NotKnown is the Rate of a limit that the price file does not know.
const NotKnown = "not known"

// quota is what a limit is a limit of, and so how to have it raised.
type quota int

const (
	fixed quota = iota
	ossBandwidth
	ossRequests
	instances
	kodoBandwidth
	kodoRequests
	network
	own // the job's
)

// Timing is how long a run takes, about, and what bounds that.
type Timing struct {
	Estimated bool         `json:"estimated"` // always
	Limits    []Bottleneck `json:"limits"`
	Hours     float64      `json:"hours"` // those of the limit that binds
	Binds     string       `json:"binds"`
	Ask       []string     `json:"ask"` // in sentences, what to have raised and what that brings
}

// timingOf compares a load with every quota.
func timingOf(l Load, j job.Job, pr Prices) Timing {
	t := Timing{Estimated: true, Ask: []string{}}
	t.Limits = limits(l, j, pr)
	if b := binding(t.Limits); b != nil {
		t.Hours, t.Binds = b.Hours, b.Name
	}
	t.ask(l, j, pr)
	return t
}

func limits(l Load, j job.Job, pr Prices) []Bottleneck {
	var list []Bottleneck
	add := func(q quota, name, rate string, work, perSecond float64) *Bottleneck {
		x := Bottleneck{Name: name, Rate: rate, quota: q}
		if perSecond > 0 {
			x.Hours = work / perSecond / 3600
		} else {
			x.Rate, x.Aside = NotKnown, true
		}
		list = append(list, x)
		return &list[len(list)-1]
	}
	bits, n := float64(l.Bytes)*8, min(pr.functions.instances, pr.functions.consumers)
	gbit := func(x float64) string { return plainNumber(x) + " Gbit/s" }
	each := func(x float64) string { return humanize.Comma(int64(x)) + "/s" }

	add(ossBandwidth, "OSS bandwidth", gbit(pr.oss.gbit), bits, pr.oss.gbit*1e9)
	add(ossRequests, "OSS requests", each(pr.oss.requests), l.perSecond.oss, pr.oss.requests)
	if s := add(fixed, "OSS names in sequence", each(pr.oss.sequential), l.OSSPuts, pr.oss.sequential); j.Limits.Fanout != 1 {
		s.Aside, s.Note = true, "only where all that is written at a time lies in one stretch of names; Ferry writes several"
	}
	if l.deployed {
		slots := atOnce(j, pr)
		add(instances, "function instances", fmt.Sprintf("%s of %s objects, %s s each", plainNumber(n), plainNumber(slots), plainNumber(pr.functions.seconds)), l.KodoGets, n*slots/pr.functions.seconds)
		add(instances, "function network", fmt.Sprintf("%s of %s MB/s", plainNumber(n), plainNumber(pr.functions.mbyte)), float64(l.Bytes), n*pr.functions.mbyte*1e6)
		add(network, "function network, shared", gbit(pr.functions.gbit), bits, pr.functions.gbit*1e9)
	} else {
		add(fixed, "this machine", NotKnown, 0, 0).Note = "how fast it is shows in a run alone; with FERRY_QUEUES set, the plan is of that deployment"
	}
	if j.Source.AtKodo() {
		add(kodoBandwidth, "Kodo bandwidth", gbit(pr.kodo.gbit), bits, pr.kodo.gbit*1e9)
		add(kodoRequests, "Kodo requests", each(pr.kodo.requests), l.perSecond.kodo, pr.kodo.requests)
	}

	if rate := weekly(j.Limits.Bandwidth, pr.oss.gbit*1e9/8); rate > 0 {
		add(own, "limits.bandwidth", sized(int64(rate))+"/s", float64(l.Bytes), rate)
	}
	if r := float64(j.Limits.Requests); r > 0 {
		add(own, "limits.requests", each(r), l.perSecond.kodo+l.perSecond.oss, r)
	}
	if r := float64(j.Limits.Instances); r > 0 && l.deployed {
		add(own, "limits.instances", plainNumber(r), l.Seconds, r)
	}
	return list
}

// weekly is what a timetable lets through on average, in bytes a second; where
// it bounds nothing, full counts. 0: it never bounds.
func weekly(b job.Bandwidth, full float64) float64 {
	if b.Rate == 0 && len(b.Timetable) == 0 {
		return 0
	}
	const step = 15 * time.Minute
	monday := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	sum, n := 0.0, 0
	for at := monday; at.Before(monday.AddDate(0, 0, 7)); at = at.Add(step) {
		rate := float64(b.At(at))
		if rate == 0 {
			rate = full
		}
		sum, n = sum+rate, n+1
	}
	return sum / float64(n)
}

// binding is the limit under which the run takes longest; nil where there is nothing to
// do.
func binding(list []Bottleneck) *Bottleneck {
	var most *Bottleneck
	for i := range list {
		if x := &list[i]; !x.Aside && x.Hours > 0 && (most == nil || x.Hours > most.Hours) {
			most = x
		}
	}
	return most
}

// ShortRun is how many hours of a run need not be less.
const ShortRun = 1.0

const (
	steps    = 2    // how many steps are worked out, one upon the other
	maxRaise = 10.0 // times a quota that are asked for at most
	improved = 0.9  // of the hours before, at most: a raise that is worth asking for
)

// ask adds which quotas to have raised, step by step, each upon those before: to the
// time of the limit that binds next, or to half the time where that is not much less.
func (t *Timing) ask(l Load, j job.Job, pr Prices) {
	list := t.Limits
	for range steps {
		b := binding(list)
		if b == nil || b.Hours <= ShortRun || b.quota == fixed {
			break
		}
		target := nextTarget(list, b)
		if b.quota == own {
			t.Ask = append(t.Ask, fmt.Sprintf("%s is your own: without it the run ends in about %s instead of %s", b.Name, hours(target), hours(b.Hours)))
			break
		}
		var what []string
		for _, q := range quotasAbove(list, target) {
			what = append(what, pr.raise(q.quota, q.Hours/target))
		}
		list = limits(l, j, pr)
		now := binding(list).Hours
		if now > b.Hours*improved {
			break
		}
		t.Ask = append(t.Ask, fmt.Sprintf("ask for %s, to end in about %s instead of %s", strings.Join(what, ", "), hours(now), hours(b.Hours)))
	}
	switch {
	case j.Source.S3Endpoint() == "" && !j.Source.AtKodo(): // nobody runs it but whoever reads this
	case !j.Source.AtKodo():
		t.Ask = append(t.Ask, fmt.Sprintf("ask whoever runs %s which bandwidth and how many requests a second it bears: nothing above counts them", j.Source.S3Endpoint()))
	case pr.kodo.gbit == 0 || pr.kodo.requests == 0:
		t.Ask = append(t.Ask, "ask Qiniu which bandwidth and how many requests a second the account has, and write them into the price file: Kodo publishes none, and nothing above counts them")
	}
}

// nextTarget is how many hours to aim at where b binds: those of the limit that binds
// next, but half where that is nearly as many, and no less than maxRaise allows.
func nextTarget(list []Bottleneck, b *Bottleneck) float64 {
	target := max(b.Hours/maxRaise, ShortRun)
	for _, x := range list {
		if !x.Aside && x.quota != b.quota {
			target = max(target, x.Hours)
		}
	}
	if target > b.Hours*improved {
		return b.Hours / 2
	}
	return target
}

// quotasAbove are the limits under which the run takes longer than target, of each
// quota the worst.
func quotasAbove(list []Bottleneck, target float64) []Bottleneck {
	var above []Bottleneck
	for _, x := range list {
		if x.Aside || x.Hours <= target || x.quota == own || x.quota == fixed {
			continue
		}
		if i := slices.IndexFunc(above, func(a Bottleneck) bool { return a.quota == x.quota }); i < 0 {
			above = append(above, x)
		} else if x.Hours > above[i].Hours {
			above[i] = x
		}
	}
	slices.SortStableFunc(above, func(a, b Bottleneck) int { return cmp.Compare(b.Hours, a.Hours) })
	return above
}

// raise multiplies a quota and returns in words what to ask for.
func (p *Prices) raise(q quota, factor float64) string {
	up := func(x *float64, step float64, format string) string {
		was := *x
		*x = math.Ceil(was*factor/step) * step
		return fmt.Sprintf(format, plainNumber(*x), plainNumber(was))
	}
	switch q {
	case ossBandwidth:
		return up(&p.oss.gbit, 1, "%s Gbit/s of OSS bandwidth instead of %s")
	case ossRequests:
		return up(&p.oss.requests, 1000, "%s requests/s at OSS instead of %s")
	case kodoBandwidth:
		return up(&p.kodo.gbit, 1, "%s Gbit/s of Kodo's bandwidth instead of %s")
	case kodoRequests:
		return up(&p.kodo.requests, 100, "%s requests/s at Kodo instead of %s")
	case network:
		return up(&p.functions.gbit, 1, "%s Gbit/s of network for functions instead of %s")
	}
	had, consumers := p.functions.instances, p.functions.consumers
	n := math.Ceil(min(had, consumers)*factor/10) * 10
	p.functions.instances, p.functions.consumers = max(had, n), max(consumers, n)
	tasks := fmt.Sprintf("maximumTasks %s instead of %s for ferry-copy in s.yaml", plainNumber(n), plainNumber(consumers))
	switch {
	case n <= had:
		return tasks
	case n <= consumers:
		return fmt.Sprintf("%s Function Compute instances instead of %s", plainNumber(n), plainNumber(had))
	}
	return fmt.Sprintf("%s Function Compute instances instead of %s (and %s)", plainNumber(n), plainNumber(had), tasks)
}
