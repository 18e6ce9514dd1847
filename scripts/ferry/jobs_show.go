package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// kept is a job of the ledger with how it goes.
type kept struct {
	Job     string     `json:"job"`
	At      time.Time  `json:"at,omitzero"` // when it was kept; zero where it is not any more
	Source  string     `json:"source,omitempty"`
	Target  string     `json:"target,omitempty"`
	Keys    int        `json:"keys,omitempty"` // that it names
	Sealed  *time.Time `json:"sealed,omitempty"`
	Newest  *ran       `json:"newest,omitempty"`
	Skipped int        `json:"skipped"`           // timers' ticks of the last 30 days that began no run
	Problem string     `json:"problem,omitempty"` // what of it cannot be read, and what to do

	// Of `ferry jobs show` alone.
	Text  json.RawMessage `json:"text,omitempty"` // the job itself
	Runs  []ran           `json:"runs,omitempty"` // the newest ten, the newest first
	Skips []ledger.Skip   `json:"skips,omitempty"`
}

// ran is a run as a list shows it.
type ran struct {
	Run    string          `json:"run"`
	State  ledger.Standing `json:"state"`
	Result report.Result   `json:"result,omitempty"` // of one that is over
}

func jobsListCommand() *cobra.Command {
	var o runFlags
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the jobs that the ledger keeps, with their newest runs",
		Example: "  ferry jobs list",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			led, _, err := openLedger(o.ledger)
			if err != nil {
				return err
			}
			return listJobs(c.Context(), led, o.json, c.OutOrStdout())
		},
	}
	o.add(c)
	return c
}

func listJobs(ctx context.Context, led *ledger.Ledger, asJSON bool, out io.Writer) error {
	names, err := led.Jobs(ctx)
	if err != nil {
		return misconfigured(err)
	}
	jobs := make([]kept, len(names))
	for i, name := range names {
		if jobs[i], err = look(ctx, led, name); err != nil {
			return misconfigured(err)
		}
	}
	for i := range jobs {
		jobs[i].Text, jobs[i].Skips = nil, nil
	}
	if asJSON {
		return json.NewEncoder(out).Encode(jobs)
	}
	var text strings.Builder
	if len(jobs) == 0 {
		text.WriteString("no jobs are kept: ferry jobs apply takes those of a file\n")
	}
	for _, k := range jobs {
		fmt.Fprintf(&text, "%s\n", words.Key(k.Job))
		if k.Source != "" {
			fmt.Fprintf(&text, "  %s -> %s\n", k.Source, k.Target)
		}
		fmt.Fprintf(&text, "  %s\n", k.state())
		if k.Problem != "" {
			fmt.Fprintf(&text, "  ! %s\n", k.Problem)
		}
	}
	_, err = io.WriteString(out, text.String())
	return err
}

func jobsShowCommand() *cobra.Command {
	var o runFlags
	c := &cobra.Command{
		Use:     "show JOB",
		Short:   "Show a job, its newest runs, and what its timers skipped",
		Example: "  ferry jobs show photos",
		Args:    exactly("JOB"),
		RunE: func(c *cobra.Command, args []string) error {
			led, at, err := openLedger(o.ledger)
			if err != nil {
				return err
			}
			if err := known(c.Context(), led, at, args[0]); err != nil {
				return err
			}
			return showJob(c.Context(), led, args[0], o.json, c.OutOrStdout())
		},
	}
	o.add(c)
	return c
}

// shownRuns is how many of a job's runs are shown: the newest.
const shownRuns = 10

func showJob(ctx context.Context, led *ledger.Ledger, name string, asJSON bool, out io.Writer) error {
	k, err := look(ctx, led, name)
	if err != nil {
		return misconfigured(err)
	}
	runs, err := led.Runs(ctx, name)
	if err != nil {
		return err
	}
	for i := len(runs) - 1; i >= max(0, len(runs)-shownRuns); i-- {
		r, err := lookAt(ctx, led.Run(runs[i]))
		if err = k.noting("run "+r.Run+": ", err); err != nil {
			return err
		}
		k.Runs = append(k.Runs, r)
	}
	if asJSON {
		return json.NewEncoder(out).Encode(k)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", k.Job, k.state())
	if k.Problem != "" {
		fmt.Fprintf(&text, "  ! %s\n", k.Problem)
	}
	if len(k.Text) > 0 {
		fmt.Fprintf(&text, "%s\n", k.Text)
	}
	for _, r := range k.Runs {
		fmt.Fprintf(&text, "  run %s  %s\n", r.Run, r.text())
	}
	for _, s := range k.Skips {
		fmt.Fprintf(&text, "  skipped %s  %s\n", s.At.UTC().Format(time.RFC3339), s.Why)
	}
	_, err = io.WriteString(out, text.String())
	return err
}

// skipsShown is how far back skipped ticks are looked for.
const skipsShown = 30 * 24 * time.Hour

// look reads what a list shows of a job. What of it cannot be read is its Problem.
func look(ctx context.Context, led *ledger.Ledger, name string) (kept, error) {
	k := kept{Job: name}
	j, record, err := app.KeptJob(ctx, led, name)
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
	since, sealed, err := led.Sealed(ctx, name)
	if err != nil {
		return k, err
	}
	if sealed {
		k.Sealed = &since
	}
	now := time.Now()
	k.Skips, err = led.Skips(ctx, name, now.Add(-skipsShown))
	if err = k.noting("skipped ticks: ", err); err != nil {
		return k, err
	}
	k.Skipped = len(k.Skips)
	newest, err := led.Newest(ctx, name, now)
	if err != nil || newest == "" {
		return k, err
	}
	r, err := lookAt(ctx, led.Run(newest))
	k.Newest = &r
	return k, k.noting("run "+newest+": ", err)
}

// noting takes an error that says that something of the job cannot be read as its
// Problem, the first one, and returns any other.
func (k *kept) noting(what string, err error) error {
	if !ledger.Unreadable(err) {
		return err
	}
	if k.Problem == "" {
		k.Problem = what + strings.ReplaceAll(fault.Sentence(err), "\n", "; ")
	}
	return nil
}

func pretty(j job.Job) (json.RawMessage, error) {
	raw, err := job.Encode(j)
	return json.RawMessage(strings.TrimSpace(string(raw))), err
}

func lookAt(ctx context.Context, run *ledger.Run) (ran, error) {
	r := ran{Run: run.Name}
	var err error
	if r.State, _, err = run.Standing(ctx); err != nil || r.State != ledger.Over {
		return r, err
	}
	rep, err := report.Read(ctx, run)
	r.Result = rep.Result
	return r, err
}

func (r ran) text() string {
	if r.Result != "" {
		return string(r.Result)
	}
	return string(r.State)
}

// state says in a line how a job goes.
func (k kept) state() string {
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
		parts = append(parts, words.Count(int64(k.Keys), "key", "keys"))
	}
	if k.Newest != nil {
		parts = append(parts, fmt.Sprintf("newest run %s %s", k.Newest.Run, k.Newest.text()))
	} else {
		parts = append(parts, "no run yet")
	}
	if k.Skipped > 0 {
		parts = append(parts, words.Count(int64(k.Skipped), "tick skipped", "ticks skipped")+" in 30 days")
	}
	return strings.Join(parts, "; ")
}
