package storm

import (
	"fmt"
	"slices"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/store"
	"kodoferry/shared/task"
)

// choose draws what of the source a job chooses.
func (w *world) choose(j *job.Job, draw func(n int, name string) int) (list []string) {
	if w.weather[Filters] {
		j.AllowEmpty = true
		switch draw(4, "filter") {
		case 0:
			j.Filter.Exclude = []string{"k/?[2-4]?"}
		case 1:
			j.Filter.Include = []string{"k/0??"}
		case 2:
			j.Filter.MaxSize = 50
		case 3:
			j.Filter.MinSize = 1
		}
	}
	if w.weather[Lists] {
		j.KeyList, j.Delete, j.AllowEmpty = "keys.txt", false, true
		list = []string{"k/000"}
		for i := 1; i < mostObjects; i++ {
			if draw(100, fmt.Sprint("listed ", i)) < 60 {
				list = append(list, fmt.Sprintf("k/%03d", 10*i))
			}
		}
	}
	return list
}

// named reports whether a run is for a key, as far as lists of keys go.
func (t *tenant) named(run, key string) bool {
	keys, known := t.lists[run]
	if !known {
		keys = t.asked
	}
	return len(keys) == 0 || ledger.OfEvents(run) || slices.Contains(keys, key)
}

// chosen holds against what may be that a run changed a key of the target, to
// hold a version of the source or, if that is nil, nothing.
func (w *world) chosen(t *tenant, p *process, key string, to *store.Object) {
	from := t.sourceKey(key)
	if !t.match.MatchKey(from) || to != nil && !t.match.Match(*to) {
		w.fail("%s: %q is changed in the target, and the filter of its job does not choose it", p.name, key)
	}
	if run := p.run(); !t.named(run, from) {
		w.fail("%s: %q is changed in the target, and the list of %s does not name it", p.name, key, run)
	}
}

// run is the run of the task that p does; "" if it does none.
func (p *process) run() string {
	if p.work == nil || p.work.m == nil {
		return ""
	}
	t, err := task.Decode(p.work.m.Body)
	if err != nil {
		return ""
	}
	return t.Run
}

// choice holds the rows of a run against what its job chooses, and notes what failed.
func (w *world) choice(t *tenant, run string, rows []row) {
	var failed []string
	for _, r := range rows {
		absent := r.state == string(ledger.Gone) && len(t.lists[run]) > 0 // the list names it, and nobody has it
		if !t.match.MatchKey(r.key) && !absent || !t.named(run, r.key) {
			w.fail("%s has a row of %q, which it does not choose", run, r.key)
		}
		if !r.deletion && (r.state == string(ledger.Failed) || r.state == string(ledger.Pending) || r.verdict == string(ledger.Mismatch)) {
			failed = append(failed, r.key)
		}
	}
	slices.Sort(failed)
	w.failures[run] = slices.Compact(failed)
}
