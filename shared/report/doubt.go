package report

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/job/keylist"
)

// Doubt makes the result Incomplete, and gives the Reason, where something speaks
// against a run whose books balance: nothing was listed and the job does not allow
// that, a listing left objects out, or the source lacks keys of the job's list,
// which has named keys. beside is as in NothingListed.
func (rep *Report) Doubt(j job.Job, named int64, beside func() []string) {
	var why []string
	if rep.Objects.Listed == 0 && rep.Stretches() == 0 && !j.AllowEmpty {
		why = append(why, NothingListed(j, rep.Objects.Excluded, beside))
	}
	if rep.Unlisted > 0 {
		why = append(why, things(rep.Unlisted, "one object was at the source all the time, and one of its listings did not show it", "%s objects were at the source all the time, and one of its listings did not show them")+
			": what else it left out is not known; run again, and if it stays so ask the source's support")
	}
	if rep.Absent > 0 {
		why = append(why, rep.absentKeys(j, named))
	}
	if len(why) > 0 {
		rep.Result, rep.Reason = Incomplete, strings.Join(why, ". ")
	}
}

// Beside is how many names NothingListed needs of what lies beside an empty
// prefix: those that it tells, and one more, which shows that there are more.
const Beside = 6

// NothingListed is the sentence for a run, or a plan, that has nothing to copy.
// excluded objects were listed and not chosen. Where there are none, beside is
// called once for the first Beside names that the source has near the job's prefix.
func NothingListed(j job.Job, excluded int64, beside func() []string) string {
	return nothingListed(j, excluded, beside) + "; if that is meant, --allow-empty says so (in a job, allowEmpty: true)"
}

func nothingListed(j job.Job, excluded int64, beside func() []string) string {
	below := ""
	if j.Source.Prefix != "" {
		below = " below " + legible(j.Source.Prefix)
	}
	if excluded > 0 {
		return fmt.Sprintf("the job's filter chose none of the %s that were listed%s; see what it lets in (ferry plan)", things(excluded, "one object", "%s objects"), below)
	}
	var names []string
	for i, name := range beside() {
		if i == Beside-1 {
			names = append(names, "…")
			break
		}
		names = append(names, legible(name))
	}
	switch {
	case len(names) > 0:
		return fmt.Sprintf("nothing was listed%s; there are %s", below, strings.Join(names, ", "))
	case below != "":
		return fmt.Sprintf("nothing was listed%s", below)
	}
	return fmt.Sprintf("nothing was listed: the bucket %s is empty", j.Source.Bucket)
}

const (
	// absentNamed is how many keys that the source does not have are named, of at
	// most absentBytes bytes each.
	absentNamed = 5
	absentBytes = 256
)

// absentKeys says which of the keys that the job's list names the source does not
// have, and what is likely wrong with the list.
func (rep *Report) absentKeys(j job.Job, named int64) string {
	var names []string
	for _, key := range rep.absent[:min(len(rep.absent), absentNamed)] {
		names = append(names, legible(fault.Brief(key, absentBytes)))
	}
	if int64(len(names)) < rep.Absent {
		names = append(names, "…")
	}
	s := fmt.Sprintf("the source does not have %s of the %s named keys: %s", humanize.Comma(rep.Absent), humanize.Comma(named), strings.Join(names, ", "))
	if hint := keylist.Hint(rep.absent, j.Source); hint != "" {
		return s + "; " + hint
	}
	return s + "; they were deleted since the list was made, or its lines are not keys: compare one with what the source's console shows"
}

// EndedEarly says how often the source ended its listing early; "" if it never did.
func (rep Report) EndedEarly() string {
	n := rep.Behind
	if n == 0 {
		return ""
	}
	return things(n, "the source ended its listing early once", "the source ended its listing early %s times") + "; what was behind was listed"
}
