package pipeline

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/job"
)

const (
	// absentReason is of a key that the job's list names and the source does not have.
	absentReason = "the list of keys names it, and the source does not have it"
	// namedAbsent is how many such keys a shard names, and so does a report.
	namedAbsent = 5
)

// notThere says that the source does not have all keys that the job's list names,
// which of them, and what is likely wrong with the list.
func (r *run) notThere(rep *Report) string {
	var all int64
	for _, s := range r.start.Keys {
		all += int64(s.Count)
	}
	var names []string
	for _, key := range rep.absent[:min(len(rep.absent), namedAbsent)] {
		names = append(names, legible(shortened(key)))
	}
	if int64(len(names)) < rep.Absent {
		names = append(names, "…")
	}
	s := fmt.Sprintf("the source does not have %s of the %s named keys: %s", humanize.Comma(rep.Absent), humanize.Comma(all), strings.Join(names, ", "))
	if hint := job.KeysHint(rep.absent, r.job.Source); hint != "" {
		return s + "; " + hint
	}
	return s + "; they were deleted since the list was made, or its lines are not keys: compare one with what the source's console shows"
}
