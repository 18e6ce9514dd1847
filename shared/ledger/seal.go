package ledger

import (
	"context"
	"time"

	"kodoferry/shared/ledger/files"
)

// seal is `jobs/<name>.sealed`.
type seal struct {
	V  int       `json:"v"`
	At time.Time `json:"at"`
}

// CreateSeal ends a job for good: no run of it is begun any more, and what a run does
// not have written by then it does not write. It returns since when that is so.
func (l *Ledger) CreateSeal(ctx context.Context, job string, at time.Time) (time.Time, error) {
	s, err := files.CreateRecord(ctx, l.files, sealFile(job), seal{Version, at.UTC()})
	if Unreadable(err) {
		return l.sealedAbout(ctx, job)
	}
	return s.At, err
}

// ReadSeal tells whether a job was ended for good, and since when. All that
// writes for a job asks: a start, a timer, an event, a task at work. A seal
// counts because it is there: one that cannot be read, or is of a newer version,
// ends its job as any other does.
func (l *Ledger) ReadSeal(ctx context.Context, job string) (since time.Time, sealed bool, err error) {
	s, err := files.ReadRecord[seal](ctx, l.files, sealFile(job))
	switch {
	case Missing(err):
		return time.Time{}, false, nil
	case Unreadable(err):
		since, err = l.sealedAbout(ctx, job)
		return since, true, err
	}
	return s.At, err == nil, err
}

// sealedAbout tells when a seal was written that cannot be read, by the store's clock.
func (l *Ledger) sealedAbout(ctx context.Context, job string) (time.Time, error) {
	o, err := l.files.Stat(ctx, sealFile(job))
	return o.Modified, err
}

func sealFile(job string) string { return "jobs/" + job + ".sealed" }
