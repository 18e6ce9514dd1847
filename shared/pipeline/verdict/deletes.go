package verdict

import (
	"fmt"
	"strconv"

	"kodoferry/shared/job"
)

// Extent is what RefuseDeletes compares deletions with, in objects.
type Extent struct {
	Seen       int64 // at the source
	Held       int64 // by the target, of what the job chooses
	Candidates int64 // of these, to be deleted
	Others     int64 // of these, copied, but not known to be by the job: they stay
}

// shareFrom is how many candidates there must be for their share of the target to
// count.
const shareFrom = 10

// RefuseDeletes says why the candidates of a run of j may not be deleted; "" if they
// may. Of an empty source it says so also where the target has nothing there but
// copies by other jobs.
func RefuseDeletes(j job.Job, e Extent) string {
	n, held, share := e.Candidates, e.Held, j.DeleteShare()
	switch {
	case n == 0 && e.Others > 0 && e.Seen == 0:
		return fmt.Sprintf("the source is empty under %q, and the target has %d copies there, of other jobs or of an earlier version of Ferry; check the bucket and the prefix", j.Source.Prefix, e.Others)
	case n == 0:
	case e.Seen == 0:
		return fmt.Sprintf("the source is empty under %q, and %d objects would be deleted; check the bucket and the prefix, and delete by hand if that is meant", j.Source.Prefix, n)
	case n > j.Deletes():
		return fmt.Sprintf("%d objects would be deleted, and maxDeletes allows %d; look at them with ferry plan, then raise it", n, j.Deletes())
	case (n >= shareFrom || share == 0) && float64(n) > share*float64(held):
		return fmt.Sprintf("%d objects would be deleted of the %d that the target has under %q, which is over %s %%; look at them with ferry plan, then allow more (--max-delete-share, maxDeleteShare)",
			n, held, j.Target.Prefix, strconv.FormatFloat(100*share, 'g', 4, 64))
	}
	return ""
}
