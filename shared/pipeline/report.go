package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/ledger"
	"kodoferry/shared/task"
)

// Result says how a run ended.
type Result string

const (
	// ResultVerified: something was listed, or the job allows that nothing is; every
	// listed object ended, none failed, conflicts or differs, every copied or
	// unchanged one was proved, and nothing speaks against the source's listing.
	ResultVerified Result = "verified"
	// ResultIncomplete: the run ended, and something needs a human.
	ResultIncomplete Result = "incomplete"
	// ResultCancelled: the run was ended before its end, by a person.
	ResultCancelled Result = "cancelled"
)

// Summary is what a run comes to: the last thing on standard output with --json.
type Summary struct {
	Run      string  `json:"run"`
	Result   Result  `json:"result"`
	Reason   string  `json:"reason,omitempty"` // why it is not verified, where no object tells
	Seconds  float64 `json:"seconds"`
	NotMoved int64   `json:"not_moved,omitempty"` // objects that were skipped or are gone: the report names why
	Objects  Totals  `json:"objects"`
	Bytes    Totals  `json:"bytes"`
}

// Totals are the numbers of a run, of objects or of bytes. Listed is the sum
// of copied, unchanged, skipped, conflict, gone, failed and open; verified and
// mismatch are among the copied and the unchanged.
type Totals struct {
	Listed    int64 `json:"listed"`
	Copied    int64 `json:"copied"`
	Unchanged int64 `json:"unchanged"`
	Skipped   int64 `json:"skipped"`
	Conflict  int64 `json:"conflict"`
	Gone      int64 `json:"gone"`
	Deleted   int64 `json:"deleted"`
	Failed    int64 `json:"failed"`
	Verified  int64 `json:"verified"`
	Mismatch  int64 `json:"mismatch"`
	Open      int64 `json:"open,omitempty"`     // of a cancelled run: not written off as anything when it ended
	Excluded  int64 `json:"excluded,omitempty"` // seen at the source and not chosen by the job's filter: not among listed
}

// Report is `report.json`.
type Report struct {
	V int `json:"v"`
	Summary
	Source   string                        `json:"source"`
	Target   string                        `json:"target"`
	Started  time.Time                     `json:"started"`
	Finished time.Time                     `json:"finished"`
	Balanced bool                          `json:"balanced"` // listed = copied + unchanged + skipped + conflict + gone + failed + open
	Proofs   map[ledger.Proof]ledger.Tally `json:"proofs,omitempty"`
	Causes   map[ledger.Cause]ledger.Tally `json:"causes,omitempty"`   // of what was skipped or is gone
	Warned   int64                         `json:"warned"`             // objects with a warning, as of metadata that could not be kept
	Behind   int64                         `json:"behind,omitempty"`   // how often the source ended its listing early: what was behind was listed
	Unlisted int64                         `json:"unlisted,omitempty"` // objects that the source had all the time, and that one of its listings did not show
	Absent   int64                         `json:"absent,omitempty"`   // keys that the job's list names and the source did not have
	Shards   int                           `json:"shards"`
	Failures []ledger.Failure              `json:"failures,omitempty"` // the first 1,000; the CSV files have all
	Unknown  []Unknown                     `json:"unknown,omitempty"`  // the first 1,000 of the stretches given up, whose count is not known
	Unknowns int                           `json:"unknowns,omitempty"` // how many of these there are, where not all are named
	Mirror   *Mirror                       `json:"mirror,omitempty"`   // what became of deletions, where they are mirrored

	absent []string // some of the keys that Absent counts
}

// Mirror says what became of the target's copies of what the source no longer has.
type Mirror struct {
	Candidates ledger.Tally `json:"candidates"`
	Refused    string       `json:"refused,omitempty"` // why nothing was deleted
	Deleted    ledger.Tally `json:"deleted"`
	Kept       ledger.Tally `json:"kept"`            // at the source again, written by someone else meanwhile, or not to be deleted any more
	Others     ledger.Tally `json:"others,omitzero"` // copies that the source does not have and that stay: another job made them, or an earlier version of Ferry, which did not say which
	Failed     ledger.Tally `json:"failed"`          // could not be deleted
	Open       ledger.Tally `json:"open,omitzero"`   // of a cancelled run: their turn had not come
}

// Unknown is a stretch of the key space of which nothing is proved.
type Unknown struct {
	Shard  string `json:"shard"`
	After  string `json:"after,omitempty"`
	UpTo   string `json:"up_to,omitempty"`
	Reason string `json:"reason"`
}

// Manifest is `manifest.json`: every file with rows, so that the proof can be kept.
type Manifest struct {
	V     int           `json:"v"`
	Run   string        `json:"run"`
	Files []ledger.File `json:"files"`
}

// report waits until every shard is closed and verified, then writes the
// report. Its record ends the run.
func (r *run) report(ctx context.Context, t task.Task) ([]task.Task, error) {
	if r.start.Events {
		return r.reportDay(ctx, t)
	}
	if next, err := r.waiting(ctx, t); err != nil || len(next) > 0 {
		return next, err
	}
	var g ledger.Gate
	if r.job.Delete {
		var err error
		if g, err = r.decided(ctx); ledger.Missing(err) {
			return r.lookAgain(t, awaitFew), nil
		} else if err != nil {
			return nil, err
		}
	}
	p, err := r.Glance(ctx)
	switch {
	case err != nil:
		return nil, err
	case p.Reported:
		return nil, nil
	case !p.Done():
		return r.lookAgain(t, awaitListing), nil
	case r.job.Delete && len(r.deletes(p, g)) > 0: // each look costs a read a shard
		return r.lookAgain(t, max(awaitFew, r.Now().Sub(g.At)/2)), nil
	}
	rep, manifest := r.fold(p)
	if r.job.Delete {
		if err := r.foldDeletes(ctx, p, g, &rep, &manifest); err != nil {
			return nil, err
		}
	}
	r.doubt(ctx, &rep)
	return nil, r.publish(ctx, rep, manifest)
}

func (r *run) blank() Report {
	now := r.Now().UTC()
	return Report{
		V:       ledger.Version,
		Summary: Summary{Run: r.Name, Seconds: now.Sub(r.start.At).Round(time.Millisecond).Seconds()},
		Source:  r.job.Source.String(), Target: r.job.Target.String(),
		Started: r.start.At, Finished: now,
	}
}

// fold adds up the shards. What was listed comes from where the listings were
// read, the states from where the rows ended, so that the books can fail to balance.
func (r *run) fold(p ledger.Progress) (Report, Manifest) {
	rep, manifest := r.blank(), Manifest{V: ledger.Version, Run: r.Name}
	rep.fail(p.Failures...)
	var ended ledger.Counts
	for _, s := range p.Shards {
		rep.take(s, &ended, &manifest)
	}
	rep.sum(len(p.Shards), ended)
	rep.judge()
	return rep, manifest
}

// judge says how the run ended, by the books.
func (rep *Report) judge() {
	rep.Result = ResultIncomplete
	o := rep.Objects
	if rep.Balanced && o.Failed+o.Conflict+o.Mismatch+o.Open == 0 && o.Verified == o.Copied+o.Unchanged {
		rep.Result = ResultVerified
	}
}

// take adds a shard that is closed and verified, or given up at either, but
// for its failures, of which the walk has the first.
func (rep *Report) take(s ledger.Shard, ended *ledger.Counts, m *Manifest) {
	switch {
	case s.Closed.Failed != "":
		rep.unknown(s, s.Closed.Failed)
		return
	case s.Proved.Failed != "":
		rep.unknown(s, "not verified: "+s.Proved.Failed)
		return
	}
	ended.Add(s.Proved.Counts)
	m.Files = append(m.Files, s.Proved.Objects)
}

// fail names failures, as many as there is room for. Keys that are not at the
// source are no failures of the run: its Reason tells of them.
func (rep *Report) fail(all ...ledger.Failure) {
	for _, f := range all {
		switch {
		case f.State == ledger.Gone:
			rep.absent = append(rep.absent, f.Key)
		case len(rep.Failures) < ledger.MaxFailures:
			rep.Failures = append(rep.Failures, f)
		}
	}
}

// sum takes in how everything that was listed ended.
func (rep *Report) sum(shards int, ended ledger.Counts) {
	rep.Shards, rep.Warned, rep.Proofs = shards, ended.Warned, ended.Proofs
	rep.Behind, rep.Unlisted, rep.Absent = ended.Behind, ended.Unlisted, ended.Absent
	rep.Causes = ended.Causes
	rep.Objects = totals(ended, func(t ledger.Tally) int64 { return t.Objects })
	rep.Bytes = totals(ended, func(t ledger.Tally) int64 { return t.Bytes })
	rep.NotMoved = rep.Objects.Skipped + rep.Objects.Gone
	rep.Balanced = ended.Balanced() && len(rep.Unknown) == 0
}

// Stretches counts the stretches that were given up, named or not.
func (rep Report) Stretches() int64 { return int64(max(len(rep.Unknown), rep.Unknowns)) }

// maxUnknown is how many stretches a report names; the records below closed/
// and verified/ have all.
const maxUnknown = 1000

func (rep *Report) unknown(s ledger.Shard, why string) {
	if len(rep.Unknown) == maxUnknown {
		rep.Unknowns = max(rep.Unknowns, maxUnknown) + 1
		return
	}
	rep.Unknown = append(rep.Unknown, Unknown{Shard: s.Ref.Shard, After: s.Ref.Range.After, UpTo: s.Ref.Range.UpTo, Reason: why})
}

func totals(c ledger.Counts, of func(ledger.Tally) int64) Totals {
	return Totals{
		Listed: of(c.Listed), Copied: of(c.States[ledger.Copied]), Unchanged: of(c.States[ledger.Unchanged]),
		Skipped: of(c.States[ledger.Skipped]), Conflict: of(c.States[ledger.Conflict]), Gone: of(c.States[ledger.Gone]),
		Deleted: of(c.States[ledger.Deleted]), Failed: of(c.States[ledger.Failed]),
		Verified: of(c.Verdicts[ledger.Verified]), Mismatch: of(c.Verdicts[ledger.Mismatch]),
		Open: of(c.States[ledger.Pending]), Excluded: of(c.Excluded),
	}
}

// publish writes the files beside the report, then the report.
func (r *run) publish(ctx context.Context, rep Report, m Manifest) error {
	manifest, merr := json.MarshalIndent(m, "", "  ")
	report, rerr := json.MarshalIndent(rep, "", "  ")
	page, perr := Page(rep, m)
	if err := errors.Join(merr, rerr, perr); err != nil {
		return fault.New(fault.Invalid, "pipeline.publish", r.Name, err)
	}
	if err := r.WriteFile(ctx, "manifest.json", append(manifest, '\n')); err != nil {
		return err
	}
	if err := r.WriteFile(ctx, "report.html", page); err != nil {
		return err
	}
	_, err := r.Finish(ctx, append(report, '\n'))
	return err
}

// ReadReport reads the report of a run. NotFound while the run goes on.
func ReadReport(ctx context.Context, run *ledger.Run) (Report, error) {
	var rep Report
	data, err := run.Report(ctx)
	if err != nil {
		return rep, err
	}
	if err := json.Unmarshal(data, &rep); err != nil {
		return rep, fault.New(fault.Corrupt, "pipeline.ReadReport", run.Name, fmt.Errorf("report.json: %w", err))
	}
	return rep, nil
}
