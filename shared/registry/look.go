package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/control"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/report"
)

// Kept is a job of a ledger and how it goes.
type Kept struct {
	Job     string     `json:"job"`
	At      time.Time  `json:"at,omitzero"` // when it was kept; zero where it is not any more
	Source  string     `json:"source,omitempty"`
	Target  string     `json:"target,omitempty"`
	Keys    int        `json:"keys,omitempty"` // of its list of keys
	Sealed  *time.Time `json:"sealed,omitempty"`
	Newest  *Run       `json:"newest,omitempty"`
	Skipped int        `json:"skipped"`           // ticks of timers in the last 30 days that began no run
	Problem string     `json:"problem,omitempty"` // what of the job cannot be read, and what to do

	// For `ferry jobs show` alone.
	Text  json.RawMessage `json:"text,omitempty"` // the job itself
	Runs  []Run           `json:"runs,omitempty"` // the newest ten, the newest first
	Skips []kept.Skip     `json:"skips,omitempty"`
}

// Run is a run in a list.
type Run struct {
	Run    string          `json:"run"`
	State  ledger.Standing `json:"state"`
	Result report.Result   `json:"result,omitempty"` // of one that is over
}

// skipsShown is how far back skipped ticks are read.
const skipsShown = 30 * 24 * time.Hour

// Look reads a job of led and its newest run. Records that cannot be read are Kept's
// Problem and no error.
func Look(ctx context.Context, led *ledger.Ledger, name string) (Kept, error) {
	k := Kept{Job: name}
	j, record, err := control.KeptJob(ctx, led, name)
	switch {
	case ledger.Missing(err): // only its runs are left
	case err != nil:
		if err := k.noting("", err); err != nil {
			return k, err
		}
	default:
		k.At, k.Source, k.Target = record.At, j.Source.Place(), j.Target.Place()
		for _, s := range record.Keys {
			k.Keys += s.Count
		}
		if k.Text, err = pretty(j); err != nil {
			return k, err
		}
	}
	since, sealed, err := led.ReadSeal(ctx, name)
	if err != nil {
		return k, err
	}
	if sealed {
		k.Sealed = &since
	}
	now := time.Now()
	k.Skips, err = kept.ReadSkips(ctx, led.Folder(), name, now.Add(-skipsShown))
	if err = k.noting("skipped ticks: ", err); err != nil {
		return k, err
	}
	k.Skipped = len(k.Skips)
	newest, err := index.Newest(ctx, led, name, now)
	if err != nil || newest == "" {
		return k, err
	}
	r, err := lookAt(ctx, led.Run(newest))
	k.Newest = &r
	return k, k.noting("run "+newest+": ", err)
}

// ReadRuns reads the newest n runs of the job by now, the newest first.
func (k *Kept) ReadRuns(ctx context.Context, led *ledger.Ledger, now time.Time, n int) error {
	runs, err := index.LatestOrdinary(ctx, led, k.Job, now, n)
	if err != nil {
		return err
	}
	for i := len(runs) - 1; i >= max(0, len(runs)-n); i-- {
		r, err := lookAt(ctx, led.Run(runs[i]))
		if err = k.noting("run "+r.Run+": ", err); err != nil {
			return err
		}
		k.Runs = append(k.Runs, r)
	}
	return nil
}

// noting returns err, but for one of a record that cannot be read: the first of
// these becomes the Problem.
func (k *Kept) noting(what string, err error) error {
	if !ledger.Unreadable(err) {
		return err
	}
	if k.Problem == "" {
		k.Problem = what + strings.ReplaceAll(fault.Sentence(err), "\n", "; ")
	}
	return nil
}

// pretty returns j as it is kept.
func pretty(j job.Job) (json.RawMessage, error) {
	raw, err := job.Encode(j)
	return json.RawMessage(strings.TrimSpace(string(raw))), err
}

// lookAt reads how a run goes, and the result of one that is over.
func lookAt(ctx context.Context, run *ledger.Run) (Run, error) {
	r := Run{Run: run.Name}
	var err error
	if r.State, _, err = run.Steering().ReadStanding(ctx); err != nil || r.State != ledger.Over {
		return r, err
	}
	rep, err := report.Read(ctx, run)
	r.Result = rep.Result
	return r, err
}

// Text is the result of a run that is over, else its state.
func (r Run) Text() string {
	if r.Result != "" {
		return string(r.Result)
	}
	return string(r.State)
}

// State returns in a line how the job goes.
func (k Kept) State() string {
	var parts []string
	switch {
	case k.Sealed != nil:
		parts = append(parts, "ended for good on "+k.Sealed.Local().Format(time.DateTime))
	case k.At.IsZero() && k.Problem != "":
		parts = append(parts, "cannot be read")
	case k.At.IsZero():
		parts = append(parts, "not kept: only its runs are left")
	default:
		parts = append(parts, "kept since "+k.At.Local().Format(time.DateTime))
	}
	if k.Keys > 0 {
		parts = append(parts, countKeys(k.Keys))
	}
	if k.Newest != nil {
		parts = append(parts, fmt.Sprintf("newest run %s %s", k.Newest.Run, k.Newest.Text()))
	} else {
		parts = append(parts, "no run yet")
	}
	if k.Skipped > 0 {
		parts = append(parts, count(k.Skipped, "tick", "ticks")+" skipped in 30 days")
	}
	return strings.Join(parts, "; ")
}

// count writes a number with what it counts.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

func countKeys(n int) string { return count(n, "key", "keys") }
