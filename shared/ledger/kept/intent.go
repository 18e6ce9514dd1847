package kept

import (
	"context"
	"strings"
	"time"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/files"
	"kodoferry/shared/store"
)

// Intent says what a process is about to do that no other may do at the same
// time: to keep jobs, or to begin runs of them. It is `intents/<UTC time>-<nonce>`
// until the process has done it, or let it be; then it is emptied, not deleted, so
// that its role needs no permission to delete.
type Intent struct {
	Jobs  []Place   // each with where it writes
	Name  string    // of the record, below intents/
	Since time.Time // when it was written, by the store's clock
}

// Place is where a job writes.
type Place struct {
	Job    string `json:"job"`
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix,omitempty"`
}

// intent is the record of one.
type intent struct {
	V    int     `json:"v"`
	Jobs []Place `json:"jobs"`
}

const (
	// IntentFor is how long an intent stands whose process died. Who has one must
	// have done what it says, or let it be, well before.
	IntentFor = 2 * time.Minute
	// intentsSince is how far back the names of intents are looked through: they are
	// by the clocks of those who wrote them, and OSS takes no request of a clock that
	// is off by more than 15 minutes.
	intentsSince = time.Hour
)

const intents = "intents/"

// WriteIntent writes an intent for jobs and returns its name. now is the time by the
// process's own clock.
func WriteIntent(ctx context.Context, dir files.Folder, jobs []Place, now time.Time) (name string, err error) {
	name = now.UTC().Format(files.Time) + "-" + ledger.Nonce()
	data, err := files.Encode(intents+name, intent{files.Version, jobs})
	if err != nil {
		return "", err
	}
	return name, dir.WriteBrief(ctx, intents+name, data)
}

// EmptyIntent takes an intent back, or says that what it says is done.
func EmptyIntent(ctx context.Context, dir files.Folder, name string) error {
	return dir.WriteBrief(ctx, intents+name, nil)
}

// ReadIntents lists the intents that were not taken back, those of processes that
// died included, and returns when one was taken back last, by the store's clock: the zero time
// where none was. It costs a listing, and a read for each but mine. One that cannot
// be read, as that of a newer version, names no jobs.
func ReadIntents(ctx context.Context, dir files.Folder, mine string, now time.Time) (stand []Intent, emptied time.Time, err error) {
	var all []Intent
	var own time.Time // when mine was written
	last := func(at time.Time) {
		if at.After(emptied) {
			emptied = at
		}
	}
	within := store.Range{Prefix: intents, After: intents + now.Add(-intentsSince).UTC().Format(files.Time)}
	err = dir.List(ctx, within, func(name string, o store.Object) {
		i := Intent{Name: strings.TrimPrefix(name, intents), Since: o.Modified}
		if o.Size == 0 {
			last(o.Modified)
			return
		}
		if all = append(all, i); i.Name == mine {
			own = o.Modified
		}
	})
	if err != nil {
		return nil, emptied, err
	}
	for _, i := range all {
		if i.Name != mine {
			data, err := dir.Read(ctx, intents+i.Name)
			switch {
			case files.Missing(err) || err == nil && len(data) == 0:
				last(own) // taken back meanwhile
				continue
			case err != nil:
				return nil, emptied, err
			}
			if r, err := files.DecodeRecord[intent](data, i.Name); err == nil {
				i.Jobs = r.Jobs
			}
		}
		stand = append(stand, i)
	}
	return stand, emptied, nil
}
