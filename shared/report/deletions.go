package report

import (
	"iter"
	"strconv"

	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report/table"
)

// Batch is a batch of deletions and its rows as they stand.
type Batch struct {
	Ref  ledger.BatchRef
	Rows []ledger.Row
}

// AddDeletions adds the decision on deletions, and what became of each, whether or
// not some are still open. It returns the packed file of their rows; none was
// deleted or refused where file.Rows is 0. A batch that comes with an error of kind
// Corrupt counts as failed; any other error ends it.
func (rep *Report) AddDeletions(j job.Job, decision ledger.DeleteDecision, batches iter.Seq2[Batch, error]) (data []byte, file ledger.File, err error) {
	rep.Mirror = &Mirror{Candidates: decision.Candidates, Others: decision.Others, Refused: decision.Reason}
	if !decision.Allowed {
		rep.Result = Incomplete
		return nil, ledger.File{}, nil
	}
	rows := table.NewWriter(j, rep.Run)
	for b, err := range batches {
		switch {
		case fault.KindOf(err) == fault.Corrupt:
			rep.Result = Incomplete
			rep.Mirror.Failed.Add(int64(b.Ref.Rows), b.Ref.Bytes)
			rep.addFailures(ledger.Failure{Key: b.Ref.First, State: ledger.Failed, Reason: "what became of this and what follows up to " + strconv.Quote(b.Ref.Last) + " is not known: " + err.Error(), Cause: "what became of the deletions of a stretch is not known: " + ledger.CauseOf(err)})
		case err != nil:
			return nil, ledger.File{}, err
		}
		for _, row := range b.Rows {
			rep.addDeletion(row)
			if err := rows.Add(row); err != nil {
				return nil, ledger.File{}, err
			}
		}
	}
	return rows.Finish()
}

func (rep *Report) addDeletion(row ledger.Row) {
	size := row.Dst.Size
	switch row.State {
	case ledger.Deleted:
		rep.Mirror.Deleted.Add(1, size)
		rep.Objects.Deleted++
		rep.Bytes.Deleted += size
	case ledger.Failed:
		rep.Mirror.Failed.Add(1, size)
		rep.Result = Incomplete
		row.Because("it could not be deleted from the target: "+row.Cause, "it could not be deleted from the target: "+row.Reason)
		rep.addFailures(row.Failure())
	case ledger.Pending:
		rep.Mirror.Open.Add(1, size)
	default:
		rep.Mirror.Kept.Add(1, size)
		if row.Cause == ledger.Unlisted {
			rep.Unlisted++
		}
	}
}
