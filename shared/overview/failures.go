package overview

import (
	"cmp"
	"slices"

	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// ledgerFailure is failures by cause, as a process tells them.
type ledgerFailure struct {
	State   string
	Cause   string
	Reason  string
	Objects int64
	Keys    []string
}

// failures fills in the failures by cause: those that were verified, and those that
// processes tell of. Of both the larger number counts, for they overlap.
func (v *Overview) failures(verified []ledger.Failure, told []ledgerFailure, more bool) {
	type id struct{ state, cause string }
	at := map[id]int{}
	for _, g := range report.Causes(verified) {
		f := Failure{State: g.State, Cause: g.Cause, Cure: g.Cure, Objects: g.Count(), AtLeast: more, Keys: []string{}}
		for _, k := range g.First() {
			f.Keys = append(f.Keys, k.Key)
		}
		at[id{f.State, f.Cause}] = len(v.Failures)
		v.Failures = append(v.Failures, f)
	}
	sums := map[id]*Failure{}
	for _, t := range told {
		one := report.Causes([]ledger.Failure{{Key: first(t.Keys), State: ledger.State(t.State), Reason: t.Reason, Cause: ledger.Cause(t.Cause)}})[0]
		k := id{one.State, one.Cause}
		if sums[k] == nil {
			sums[k] = &Failure{State: one.State, Cause: one.Cause, Cure: one.Cure, AtLeast: true, Keys: []string{}}
		}
		sums[k].Objects += t.Objects
		sums[k].Keys = append(sums[k].Keys, t.Keys...)
	}
	for k, f := range sums {
		i, ok := at[k]
		switch {
		case !ok:
			slices.Sort(f.Keys)
			f.Keys = f.Keys[:min(len(f.Keys), MaxKeys)]
			v.Failures = append(v.Failures, *f)
		case f.Objects > v.Failures[i].Objects:
			v.Failures[i].Objects, v.Failures[i].AtLeast = f.Objects, true
		}
	}
	slices.SortFunc(v.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.State, b.State), cmp.Compare(a.Cause, b.Cause))
	})
}

func first(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

func sumOf(all []Failure) (n int64) {
	for _, f := range all {
		n += f.Objects
	}
	return n
}
