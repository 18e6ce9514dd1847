package ledger

import "context"

// A deployment's run that is not over has an empty file `open/<run>`, written
// before the run's first record; so has any run that was cancelled. A sweep
// that finds the run over puts something into that file, for a function may remove
// nothing from a ledger. So one listing, a request for a thousand runs, finds
// those that are not over, however old they are, among all that there ever were.

// OpenMark is where the mark of a run is that is not over.
func OpenMark(run string) string { return "open/" + run }

// MarkOpen writes the run's mark, unless there is one.
func (s Steering) MarkOpen(ctx context.Context) error {
	return s.run.ledger.files.Touch(ctx, OpenMark(s.run.Name))
}

// MarkOver takes the run out of what index.Open and OpenEvents list.
func (s Steering) MarkOver(ctx context.Context) error {
	return s.run.ledger.files.WriteBrief(ctx, OpenMark(s.run.Name), []byte("over"))
}
