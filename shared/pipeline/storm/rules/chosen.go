package rules

import (
	"slices"

	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/storm/world"
	"kodoferry/shared/store"
)

// chosen holds against what may be that a run changed a key of the target, to
// hold a version of the source or, if that is nil, nothing.
func (rules *ChangeRules) chosen(t *world.Tenant, p *world.Process, key string, to *store.Object) {
	from := t.SourceKey(key)
	if !t.Match.MatchKey(from) || to != nil && !t.Match.Match(to) {
		rules.w.Log.Fail("%s: %q is changed in the target, and the filter of its job does not choose it", p.Name, key)
	}
	if run := p.Run(); !t.Named(run, from) {
		rules.w.Log.Fail("%s: %q is changed in the target, and the list of %s does not name it", p.Name, key, run)
	}
}

// choice holds the rows of a run against what its job chooses, and notes what failed.
func (audit *Audit) choice(t *world.Tenant, run string, rows []row) {
	var failed []string
	for _, r := range rows {
		absent := r.state == string(ledger.Gone) && len(t.Lists[run]) > 0 // the list names it, and nobody has it
		if !t.Match.MatchKey(r.key) && !absent || !t.Named(run, r.key) {
			audit.w.Log.Fail("%s has a row of %q, which it does not choose", run, r.key)
		}
		if !r.deletion && (r.state == string(ledger.Failed) || r.state == string(ledger.Pending) || r.verdict == string(ledger.Mismatch)) {
			failed = append(failed, r.key)
		}
	}
	slices.Sort(failed)
	audit.Failures[run] = slices.Compact(failed)
}
