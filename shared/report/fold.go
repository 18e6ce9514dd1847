package report

import (
	"time"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/progress"
)

// Fold adds up the shards of a run of j that ends now. What was listed comes from
// where the listings were read, the states from where the rows ended, so that the
// books can fail to balance. A shard that is not closed is an unknown stretch. The
// result is Verified, Unproved or Incomplete by the books alone.
func Fold(run string, j job.Job, p progress.Run, now time.Time) (Report, Manifest) {
	rep := Report{
		V:       ledger.Version,
		Summary: Summary{Run: run, Seconds: now.Sub(p.Started.At).Round(time.Millisecond).Seconds()},
		Source:  j.Source.String(), Target: j.Target.String(),
		Started: p.Started.At, Finished: now, Accepted: j.Present == job.AcceptPresent,
	}
	m := Manifest{V: ledger.Version, Run: run, Events: p.Started.Events, Files: []ledger.File{}}
	rep.Profile.Add(&p.Profile)
	rep.addFailures(p.Failures...)
	var ended ledger.Counts
	for _, s := range p.Shards {
		rep.addShard(s, &ended, &m)
	}
	rep.addCounts(len(p.Shards), ended)
	m.countLists(ended)
	rep.Result = Incomplete
	if o := rep.Objects; rep.Balanced && o.Failed+o.Conflict+o.Mismatch+o.Open == 0 && o.Verified == o.Held() {
		rep.Result = Verified
		if o.Present > 0 && !rep.Accepted {
			rep.Result = Unproved
		}
	}
	if p.Started.Events && j.Delete {
		deleted := ledger.Tally{Objects: rep.Objects.Deleted, Bytes: rep.Bytes.Deleted}
		rep.Mirror = &Mirror{Candidates: deleted, Deleted: deleted}
	}
	return rep, m
}

// addShard adds a shard, closed and verified or given up at either, without its
// failures: Progress has the first of all shards.
func (rep *Report) addShard(s progress.Shard, ended *ledger.Counts, m *Manifest) {
	switch {
	case s.Closed == nil:
		rep.addUnknown(s, "not listed: the run was cancelled before")
	case s.Closed.Failed != "":
		rep.addUnknown(s, s.Closed.Failed)
	case s.Proved.Failed != "":
		rep.addUnknown(s, "not verified: "+s.Proved.Failed)
	default:
		ended.Add(s.Proved.Counts)
		f := s.Proved.Objects
		f.After, f.UpTo = stretchOf(s)
		m.Files = append(m.Files, f)
		for list, part := range s.Proved.Apart {
			m.addApart(list, part)
		}
	}
}

// stretchOf is what a shard covers: less than it was to, once it is closed, where others
// took the rest.
func stretchOf(s progress.Shard) (after, upTo string) {
	in := s.Ref.Range
	if c := s.Closed; c != nil && (c.Range.After != "" || c.Range.UpTo != "") { // else it was damaged, or covered all
		in = c.Range
	}
	return in.After, in.UpTo
}

// addFailures names the first ledger.MaxFailures failures. Keys that the source does
// not have are no failures of the run: Doubt names them in its Reason.
func (rep *Report) addFailures(all ...ledger.Failure) {
	for _, f := range all {
		switch {
		case f.State == ledger.Gone:
			rep.absent = append(rep.absent, f.Key)
		case len(rep.Failures) < ledger.MaxFailures:
			rep.Failures = append(rep.Failures, f)
		}
	}
}

// addCounts adds how everything that was listed ended.
func (rep *Report) addCounts(shards int, ended ledger.Counts) {
	rep.Shards, rep.Warned, rep.Proofs = shards, ended.Warned, ended.Proofs
	rep.Behind, rep.Unlisted, rep.Absent = ended.Behind, ended.Unlisted, ended.Absent
	rep.Causes, rep.Provers = ended.Causes, ended.Provers
	rep.Objects = totals(ended, func(t ledger.Tally) int64 { return t.Objects })
	rep.Bytes = totals(ended, func(t ledger.Tally) int64 { return t.Bytes })
	rep.NotMoved = rep.Objects.Skipped + rep.Objects.Gone
	rep.Balanced = ended.Balanced() && len(rep.Unknown) == 0
}

// maxUnknown is how many stretches a report names; the records below closed/
// and verified/ have all.
const maxUnknown = 1000

func (rep *Report) addUnknown(s progress.Shard, why string) {
	if len(rep.Unknown) == maxUnknown {
		rep.Unknowns = max(rep.Unknowns, maxUnknown) + 1
		return
	}
	after, upTo := stretchOf(s)
	rep.Unknown = append(rep.Unknown, Unknown{Shard: s.Ref.Shard, After: after, UpTo: upTo, Reason: why})
}

func totals(c ledger.Counts, of func(ledger.Tally) int64) Totals {
	return Totals{
		Listed: of(c.Listed), Copied: of(c.States[ledger.Copied]), Updated: of(c.States[ledger.Updated]), Unchanged: of(c.States[ledger.Unchanged]),
		Present: of(c.States[ledger.Present]), Restored: of(c.Restored),
		Skipped: of(c.States[ledger.Skipped]), Conflict: of(c.States[ledger.Conflict]), Gone: of(c.States[ledger.Gone]),
		Deleted: of(c.States[ledger.Deleted]), Failed: of(c.States[ledger.Failed]),
		Verified: of(c.Verdicts[ledger.Verified]), Mismatch: of(c.Verdicts[ledger.Mismatch]),
		Open: of(c.States[ledger.Pending]), Excluded: of(c.Excluded),
	}
}
