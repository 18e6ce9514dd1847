package ledger

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"kodoferry/shared/fault"
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

// Intend writes an intent for jobs and returns its name. now is the time by the
// process's own clock.
func (l *Ledger) Intend(ctx context.Context, jobs []Place, now time.Time) (name string, err error) {
	data, err := json.Marshal(intent{Version, jobs})
	if err != nil {
		return "", fault.New(fault.Invalid, "ledger.Intend", "", err)
	}
	name = now.UTC().Format(RunTime) + "-" + Nonce()
	return name, l.putIntent(ctx, name, data)
}

// Withdraw takes an intent back, or says that what it says is done.
func (l *Ledger) Withdraw(ctx context.Context, name string) error {
	return l.putIntent(ctx, name, nil)
}

func (l *Ledger) putIntent(ctx context.Context, name string, data []byte) error {
	_, err := try(ctx, func() (struct{}, error) {
		return struct{}{}, l.put(ctx, l.prefix+intents+name, data, store.Put{Brief: true})
	})
	return err
}

// Intents lists the intents that were not taken back, those of processes that
// died included. It costs a listing, and a read for each but mine. One that cannot
// be read, as that of a newer version, names no jobs.
func (l *Ledger) Intents(ctx context.Context, mine string, now time.Time) ([]Intent, error) {
	var all []Intent
	within := store.Range{Prefix: intents, After: intents + now.Add(-intentsSince).UTC().Format(RunTime)}
	err := l.top().objects(ctx, within, func(name string, o store.Object) {
		if o.Size > 0 {
			all = append(all, Intent{Name: strings.TrimPrefix(name, intents), Since: o.Modified})
		}
	})
	if err != nil {
		return nil, err
	}
	var stand []Intent
	for _, i := range all {
		if i.Name != mine {
			data, err := l.top().read(ctx, intents+i.Name)
			switch {
			case Missing(err) || err == nil && len(data) == 0:
				continue // taken back meanwhile
			case err != nil:
				return nil, err
			}
			if r, err := decodeRecord[intent](data, i.Name); err == nil {
				i.Jobs = r.Jobs
			}
		}
		stand = append(stand, i)
	}
	return stand, nil
}
