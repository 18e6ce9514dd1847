package kept

import (
	"context"
	"time"

	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Skip says that a timer began no run: `skipped/<job>/<time>`.
type Skip struct {
	V   int       `json:"v"`
	Job string    `json:"job"`
	At  time.Time `json:"at"`            // the timer's
	Run string    `json:"run,omitempty"` // the run that was not over
	Why string    `json:"why"`
}

// CreateSkip records a tick that began no run. Of two deliveries of one tick the first stands.
func CreateSkip(ctx context.Context, dir files.Folder, s Skip) error {
	s.V = files.Version
	_, err := files.CreateRecord(ctx, dir, "skipped/"+s.Job+"/"+s.At.UTC().Format(files.Time), s)
	return err
}

// ReadSkips reads what timers skipped of a job after since, oldest first.
func ReadSkips(ctx context.Context, dir files.Folder, job string, since time.Time) ([]Skip, error) {
	base := "skipped/" + job + "/"
	var names []string
	err := dir.List(ctx, store.Range{Prefix: base, After: base + since.UTC().Format(files.Time)}, func(name string, _ store.Object) { names = append(names, name) })
	if err != nil {
		return nil, err
	}
	skips := make([]Skip, len(names))
	for i, name := range names {
		if skips[i], err = files.ReadRecord[Skip](ctx, dir, name); err != nil {
			return nil, err
		}
	}
	return skips, nil
}
