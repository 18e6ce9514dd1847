package jobform

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kodoferry/shared/job"
)

// Values are what is filled in, by the paths of the fields. A list is one item a line. What
// is not filled in is missing.
type Values map[string]string

// Read takes the values of the form's fields off a request's form.
func Read(form url.Values) Values {
	v := Values{}
	for _, g := range Groups {
		for _, f := range g.Fields {
			text := strings.ReplaceAll(form.Get(f.Path), "\r\n", "\n")
			if f.Kind != Lines && f.Kind != Hooks {
				text = strings.TrimSpace(text)
			}
			v.set(f.Path, text)
		}
	}
	return v
}

func (v Values) set(path, text string) {
	if strings.TrimSpace(text) != "" {
		v[path] = text
	}
}

// items are the lines of a list that are filled in.
func (v Values) items(path string) []string {
	var all []string
	for line := range strings.SplitSeq(v[path], "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// Keys is the text of the list that keyList stands for, one key a line.
func (v Values) Keys() string { return v["keys"] }

// Of reads the values off a job: what differs from the defaults. The keys of its list are
// not among them.
func Of(j job.Job) Values {
	d := job.Job{Name: j.Name, Source: j.Source, Target: j.Target, Thaw: j.Thaw}.WithDefaults()
	v := Values{"name": j.Name}
	v.set("source", j.Source.String())
	v.set("target", j.Target.String())
	if j.Ledger != d.Ledger {
		v.set("ledger", j.Ledger.String())
	}
	for _, w := range []struct{ path, is, byDefault string }{
		{"class", j.Class, d.Class}, {"hashMismatch", j.HashMismatch, d.HashMismatch}, {"overwrite", j.Overwrite, d.Overwrite},
		{"present", j.Present, d.Present}, {"deletedInTarget", j.DeletedInTarget, d.DeletedInTarget}, {"attributes", j.Attributes, d.Attributes},
		{"overlap", j.Overlap, d.Overlap}, {"keyList", j.KeyList, ""},
		{"thawDays", whole(j.ThawDays), whole(d.ThawDays)}, {"thawWait", span(j.ThawWait), span(d.ThawWait)},
		{"maxDeletes", strconv.FormatInt(j.Deletes(), 10), strconv.FormatInt(d.Deletes(), 10)},
		{"maxDeleteShare", share(j), share(d)}, {"events.window", span(j.Events.Window), ""},
	} {
		if w.is != w.byDefault {
			v.set(w.path, w.is)
		}
	}
	for path, on := range map[string]bool{"unguarded": j.Unguarded, "thaw": j.Thaw, "allowEmpty": j.AllowEmpty, "delete": j.Delete} {
		if on {
			v[path] = "true"
		}
	}
	v.filter(j.Filter)
	v.limits(j.Limits, d.Limits)
	var hooks []string
	for _, a := range j.Alerts {
		words := []string{a.To, a.Kind}
		if a.Sign != "" {
			words = append(words, "sign="+a.Sign)
		}
		if a.Insecure {
			words = append(words, "insecure")
		}
		hooks = append(hooks, strings.Join(words, " "))
	}
	v.set("alerts", strings.Join(hooks, "\n"))
	return v
}

func (v Values) filter(f job.Filter) {
	for path, list := range map[string][]string{
		"include": f.Include, "exclude": f.Exclude, "includeRegexp": f.IncludeRegexp, "excludeRegexp": f.ExcludeRegexp, "suffix": f.Suffix, "classes": f.Classes,
	} {
		v.set("filter."+path, strings.Join(list, "\n"))
	}
	for path, n := range map[string]int64{"minSize": f.MinSize, "maxSize": f.MaxSize} {
		if n > 0 {
			v["filter."+path] = job.FormatSize(n)
		}
	}
	for path, t := range map[string]time.Time{"after": f.After, "before": f.Before} {
		if !t.IsZero() {
			v["filter."+path] = t.Format(time.RFC3339)
		}
	}
}

func (v Values) limits(l, d job.Limits) {
	if text := l.Bandwidth.Text(); text != (job.Bandwidth{}).Text() {
		v.set("limits.bandwidth", text)
	}
	for _, w := range []struct{ path, is, byDefault string }{
		{"requests", whole(l.Requests), whole(d.Requests)}, {"instances", whole(l.Instances), whole(d.Instances)},
		{"parallel", job.FormatParallel(l.Parallel), job.FormatParallel(d.Parallel)},
		{"batchObjects", whole(l.BatchObjects), whole(d.BatchObjects)}, {"batchBytes", job.FormatSize(l.BatchBytes), job.FormatSize(d.BatchBytes)},
		{"shardKeys", strconv.FormatInt(l.ShardKeys, 10), strconv.FormatInt(d.ShardKeys, 10)}, {"shardBytes", job.FormatSize(l.ShardBytes), job.FormatSize(d.ShardBytes)},
		{"fanout", whole(l.Fanout), whole(d.Fanout)}, {"attempts", whole(l.Attempts), whole(d.Attempts)}, {"rounds", whole(l.Rounds), whole(d.Rounds)},
		{"outage", span(l.Outage), span(d.Outage)}, {"partSize", job.FormatSize(l.PartSize), job.FormatSize(d.PartSize)},
		{"partsAbove", job.FormatSize(l.PartsAbove), job.FormatSize(d.PartsAbove)},
	} {
		if w.is != w.byDefault {
			v.set("limits."+w.path, w.is)
		}
	}
	if l.LeastRate != d.LeastRate {
		v["limits.leastRate"] = job.FormatSize(l.LeastRate) + "/s"
	}
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func span(s job.Span) string {
	if s == 0 {
		return ""
	}
	text := s.String()
	for _, zero := range []string{"m0s", "h0m"} { // 48h0m0s
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func share(j job.Job) string { return strconv.FormatFloat(j.DeleteShare(), 'f', -1, 64) }

// Fields with a value of a Group that is not shown at once have it shown.
func (v Values) Fills(g Group) bool {
	return slices.ContainsFunc(g.Fields, func(f Field) bool { return v[f.Path] != "" })
}
