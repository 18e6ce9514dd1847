package main

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

// bottleneck is one thing that a run cannot go faster than.
type bottleneck struct {
	Name  string  `json:"name"`
	Rate  string  `json:"rate"`            // in words; "not known" where nobody says
	Hours float64 `json:"hours"`           // 0 where the rate is not known
	Note  string  `json:"note,omitempty"`  // why it does not count
	Aside bool    `json:"aside,omitempty"` // it does not count
	quota quota
}

// quota says whose number a limit is, and how to change it.
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

// timing is how long a run takes, about, and what holds it up.
type timing struct {
	Estimated bool         `json:"estimated"` // always
	Limits    []bottleneck `json:"limits"`
	Hours     float64      `json:"hours"` // those of the limit that binds
	Binds     string       `json:"binds"`
	Ask       []string     `json:"ask"` // in sentences, what to have raised and what that brings
}

// timingOf holds a load against every quota.
func timingOf(l load, j job.Job, pr prices) timing {
	t := timing{Estimated: true, Ask: []string{}}
	t.Limits = limits(l, j, pr)
	if b := binding(t.Limits); b != nil {
		t.Hours, t.Binds = b.Hours, b.Name
	}
	t.ask(l, j, pr)
	return t
}

func limits(l load, j job.Job, pr prices) []bottleneck {
	var list []bottleneck
	add := func(q quota, name, rate string, work, perSecond float64) *bottleneck {
		x := bottleneck{Name: name, Rate: rate, quota: q}
		if perSecond > 0 {
			x.Hours = work / perSecond / 3600
		} else {
			x.Rate, x.Aside = "not known", true
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
	slots := atOnce(j, pr)
	add(instances, "function instances", fmt.Sprintf("%s of %s objects, %s s each", plainNumber(n), plainNumber(slots), plainNumber(pr.functions.seconds)), l.KodoGets, n*slots/pr.functions.seconds)
	add(instances, "function network", fmt.Sprintf("%s of %s MB/s", plainNumber(n), plainNumber(pr.functions.mbyte)), float64(l.Bytes), n*pr.functions.mbyte*1e6)
	add(network, "function network, shared", gbit(pr.functions.gbit), bits, pr.functions.gbit*1e9)
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
	if r := float64(j.Limits.Instances); r > 0 {
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

// binding is the limit that holds a run up longest; nil where there is nothing to do.
func binding(list []bottleneck) *bottleneck {
	var most *bottleneck
	for i := range list {
		if x := &list[i]; !x.Aside && x.Hours > 0 && (most == nil || x.Hours > most.Hours) {
			most = x
		}
	}
	return most
}

const (
	steps    = 2    // how many steps are worked out, one upon the other
	mostMore = 10.0 // nobody asks for more than so many times a quota
	enough   = 1.0  // hours that nobody needs to shorten
	worth    = 0.9  // an improvement to ask for
)

// ask says which quotas to have raised, step by step, each upon those before:
// down to the limit that binds next, or to half the time where that is as near.
func (t *timing) ask(l load, j job.Job, pr prices) {
	list := t.Limits
	for range steps {
		b := binding(list)
		if b == nil || b.Hours <= enough || b.quota == fixed {
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
		if now > b.Hours*worth {
			break
		}
		t.Ask = append(t.Ask, fmt.Sprintf("ask for %s, to end in about %s instead of %s", strings.Join(what, ", "), hours(now), hours(b.Hours)))
	}
	switch {
	case !j.Source.AtKodo():
		t.Ask = append(t.Ask, fmt.Sprintf("ask whoever runs %s which bandwidth and how many requests a second it bears: nothing above counts them", j.Source.S3Endpoint()))
	case pr.kodo.gbit == 0 || pr.kodo.requests == 0:
		t.Ask = append(t.Ask, "ask Qiniu which bandwidth and how many requests a second the account has, and write them into the price file: Kodo publishes none, and nothing above counts them")
	}
}

// nextTarget is how many hours to aim at where b binds: those of what binds
// next, but half where that is nearly as many, and no quota grows out of reason.
func nextTarget(list []bottleneck, b *bottleneck) float64 {
	target := max(b.Hours/mostMore, enough)
	for _, x := range list {
		if !x.Aside && x.quota != b.quota {
			target = max(target, x.Hours)
		}
	}
	if target > b.Hours*worth {
		return b.Hours / 2
	}
	return target
}

// quotasAbove are the limits that hold a run up longer than target, of each quota the worst.
func quotasAbove(list []bottleneck, target float64) []bottleneck {
	var above []bottleneck
	for _, x := range list {
		if x.Aside || x.Hours <= target || x.quota == own || x.quota == fixed {
			continue
		}
		if i := slices.IndexFunc(above, func(a bottleneck) bool { return a.quota == x.quota }); i < 0 {
			above = append(above, x)
		} else if x.Hours > above[i].Hours {
			above[i] = x
		}
	}
	slices.SortStableFunc(above, func(a, b bottleneck) int { return cmp.Compare(b.Hours, a.Hours) })
	return above
}

// raise multiplies a quota and says in words what to ask for.
func (p *prices) raise(q quota, factor float64) string {
	up := func(x *float64, step float64, what string) string {
		was := *x
		*x = math.Ceil(was*factor/step) * step
		return fmt.Sprintf("%s%s instead of %s", plainNumber(*x), what, plainNumber(was))
	}
	switch q {
	case ossBandwidth:
		return up(&p.oss.gbit, 1, " Gbit/s of OSS bandwidth")
	case ossRequests:
		return up(&p.oss.requests, 1000, " requests/s at OSS")
	case kodoBandwidth:
		return up(&p.kodo.gbit, 1, " Gbit/s of Kodo's bandwidth")
	case kodoRequests:
		return up(&p.kodo.requests, 100, " requests/s at Kodo")
	case network:
		return up(&p.functions.gbit, 1, " Gbit/s of network for functions")
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

// text is the timing for a person.
func (t timing) text(w *strings.Builder) {
	w.WriteString("\nTime, about, under each limit\n")
	var rows [][]string
	for _, x := range t.Limits {
		row := []string{x.Name, x.Rate, hours(x.Hours), ""}
		switch {
		case x.Rate == "not known":
			row[2] = "-"
		case x.Aside:
			row[2] = "(" + row[2] + ")"
		case x.Name == t.Binds:
			row[3] = "<- binds"
		}
		rows = append(rows, row)
	}
	w.WriteString(grid(rows, "  "))
	for _, x := range t.Limits {
		if x.Note != "" {
			fmt.Fprintf(w, "  (%s: %s)\n", x.Name, x.Note)
		}
	}
	switch {
	case t.Hours*60 >= 1:
		fmt.Fprintf(w, "  in all about %s: %s binds\n", hours(t.Hours), t.Binds)
	case t.Binds != "":
		fmt.Fprintf(w, "  in all less than a minute of work: %s binds\n", t.Binds)
	}
	w.WriteString("\nQuotas to ask for\n")
	if t.Hours <= enough {
		w.WriteString("  none: it ends within the hour as things are\n")
	}
	for _, a := range t.Ask {
		fmt.Fprintf(w, "  %s\n", a)
	}
}

// hours writes hours as people say them.
func hours(h float64) string {
	switch {
	case h < 1.0/60:
		return "< 1 min"
	case h < 1:
		return fmt.Sprintf("%.0f min", h*60)
	case h < 10:
		return fmt.Sprintf("%.1f h", h)
	case h < 72:
		return fmt.Sprintf("%.0f h", h)
	}
	return fmt.Sprintf("%.1f days", h/24)
}
