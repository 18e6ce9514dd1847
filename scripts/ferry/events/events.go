// Package events is ferry events: the rule by which a bucket at Kodo notifies a deployment.
package events

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/app"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/index"
)

// Command is ferry events.
func Command() *cobra.Command {
	c := &cobra.Command{
		Use:   "events",
		Short: "Have a bucket notify a deployment of what changes in it",
		Long: `Between runs a job may follow the events of its source: what is written there, and
with delete: true what is deleted, moves seconds later. It takes three things:
events: in the job (ferry jobs apply), the function notify with an HTTP trigger,
and a rule on the bucket that has Kodo post to it, which these commands manage.

A notification may be lost, late, or come twice. Each is only a reason to look at
its key, and the next run finds what an event missed: keep a schedule beside them.
What events come to is kept as a run for each UTC day, <job>/<day>-events, for
ferry status, report and why.`,
		Example: `  ferry jobs apply photos
  ferry events install photos --url https://notify-abc.cn-hangzhou.fcapp.run/
  ferry events show photos`,
		Args: cli.Below,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(installCommand(), showCommand(), removeCommand())
	return c
}

// Rule is what the commands say with --json.
type Rule struct {
	Job       string   `json:"job"`
	Bucket    string   `json:"bucket"`
	Rule      string   `json:"rule"`
	Installed bool     `json:"installed"`
	Changed   bool     `json:"changed,omitempty"`
	Prefix    string   `json:"prefix,omitempty"`
	Suffix    string   `json:"suffix,omitempty"`
	Events    []string `json:"events,omitempty"`
	URLs      []string `json:"urls,omitempty"`
	Host      string   `json:"host,omitempty"`
	Problems  []string `json:"problems,omitempty"`
	Runs      []string `json:"runs,omitempty"` // the newest runs of its events
}

func ruleOf(j job.Job, r *control.EventRule) Rule {
	out := Rule{Job: j.Name, Bucket: j.Source.Bucket, Rule: control.RuleName(j.Name)}
	if r != nil {
		out.Installed, out.Prefix, out.Suffix, out.Events, out.URLs, out.Host = true, r.Prefix, r.Suffix, r.Events, r.URLs, r.Host
	}
	return out
}

// kept is the job of that name that the ledger keeps, with the ledger.
func kept(ctx context.Context, o cli.RunFlags, name string) (job.Job, *ledger.Ledger, app.Config, error) {
	cfg := app.Load(os.Getenv)
	led, _, err := cli.OpenLedger(o.Ledger)
	if err != nil {
		return job.Job{}, nil, cfg, err
	}
	j, _, err := control.KeptJob(ctx, led, name)
	if err == nil && j.Source.Scheme == job.Kodo {
		if err := cfg.Missing(j.Source); err != nil {
			return j, nil, cfg, cli.Usage(err)
		}
	}
	return j, led, cfg, cli.Misconfigured(err)
}

// onKept makes c a command that does something with a kept job, which it names.
func onKept(o *cli.RunFlags, c *cobra.Command, do func(c *cobra.Command, j job.Job, led *ledger.Ledger, cfg app.Config) error) *cobra.Command {
	c.Args = cli.Exactly("JOB")
	c.RunE = func(c *cobra.Command, args []string) error {
		j, led, cfg, err := kept(c.Context(), *o, args[0])
		if err != nil {
			return err
		}
		return do(c, j, led, cfg)
	}
	o.Add(c)
	return c
}

func installCommand() *cobra.Command {
	var o cli.RunFlags
	var address, host string
	c := &cobra.Command{
		Use:   "install JOB",
		Short: "Put the rule on the bucket by which Kodo notifies a deployment, or bring it up to date",
		Long: `Install puts the rule of a job on its source's bucket, or brings it up to date; done
twice it changes nothing. Notifications are signed with QINIU_ACCESS_KEY, which
must be the key that the function notify has. The keys need the right to manage
the bucket's event rules.`,
		Example: "  ferry events install photos --url https://notify-abc.cn-hangzhou.fcapp.run/",
		Args:    cli.Exactly("JOB"),
		RunE: func(c *cobra.Command, args []string) error {
			if address == "" {
				return cli.Usage(errors.New("--url is missing: write the address of the function notify, as --url https://….fcapp.run/"))
			}
			j, _, cfg, err := kept(c.Context(), o, args[0])
			if err != nil {
				return err
			}
			rule, err := control.WantedRule(j, address, host, cfg.KodoAccessKey)
			if err != nil {
				return cli.Usage(err)
			}
			changed, err := cfg.SetEvents(c.Context(), j, rule)
			if err != nil {
				return cli.Misconfigured(err)
			}
			out := ruleOf(j, &rule)
			out.Changed = changed
			does := show.Sentence("rule.notifies", j.Source.Bucket, strings.Join(rule.URLs, ", "), strings.Join(rule.Events, ", "), rule.Name)
			if !changed {
				does = show.Sentence("rule.as_before", j.Source.Bucket, strings.Join(rule.URLs, ", "), strings.Join(rule.Events, ", "), rule.Name)
			}
			return o.Say(c.OutOrStdout(), out, does+"\n"+show.Next("ferry events show "+j.Name))
		},
	}
	o.Add(c)
	c.Flags().StringVar(&address, "url", "", "where the function notify is reached: an https `ADDRESS` without parameters")
	c.Flags().StringVar(&host, "host", "", "the `HOST` that notifications are sent with, where it is not that of the address")
	return c
}

func showCommand() *cobra.Command {
	var o cli.RunFlags
	return onKept(&o, &cobra.Command{
		Use:   "show JOB",
		Short: "Show a job's rule, what is wrong with it, and the runs of its events",
		Long: `Show prints the rule that the bucket has for a job, says what is wrong with it, and
names the newest runs of the job's events. It ends with 3 where there is no rule,
or where it does not fit the job.`,
		Example: "  ferry events show photos",
	}, func(c *cobra.Command, j job.Job, led *ledger.Ledger, cfg app.Config) error {
		rule, err := cfg.Events(c.Context(), j)
		if err != nil {
			return cli.Misconfigured(err)
		}
		out := ruleOf(j, rule)
		if rule != nil {
			out.Problems = control.Unfit(j, *rule, cfg.KodoAccessKey)
		}
		if out.Runs, err = index.EventRuns(c.Context(), led, j.Name); err != nil {
			return cli.Misconfigured(err)
		}
		out.Runs = out.Runs[max(0, len(out.Runs)-cli.MostNamed):]
		slices.Reverse(out.Runs)
		if err := o.Say(c.OutOrStdout(), out, out.text()); err != nil {
			return err
		}
		if !out.Installed || len(out.Problems) > 0 {
			return cli.ErrIncomplete
		}
		return nil
	})
}

func (r Rule) text() string {
	var text strings.Builder
	if !r.Installed {
		text.WriteString(show.Sentence("rule.none", r.Bucket, r.Job))
	} else {
		text.WriteString(show.Sentence("rule.is", r.Bucket, strings.Join(r.URLs, ", "), r.Rule, strings.Join(r.Events, ", ")))
		if r.Prefix != "" || r.Suffix != "" {
			text.WriteString("\n  " + show.Sentence("rule.keys", words.Key(r.Prefix), words.Key(r.Suffix)))
		}
	}
	for _, p := range r.Problems {
		text.WriteString("\n  ! " + show.Translated(p))
	}
	if len(r.Problems) > 0 {
		text.WriteString("\n" + show.Next("ferry events install "+r.Job+" --url "+strings.Join(r.URLs, "")))
	}
	for _, run := range r.Runs {
		text.WriteString("\n  " + show.Sentence("rule.run", run))
	}
	return text.String()
}

func removeCommand() *cobra.Command {
	var o cli.RunFlags
	return onKept(&o, &cobra.Command{
		Use:     "remove JOB",
		Short:   "Take a job's rule off the bucket",
		Long:    "Remove takes the rule of a job off its source's bucket. A rule that is not there is no error.",
		Example: "  ferry events remove photos",
	}, func(c *cobra.Command, j job.Job, _ *ledger.Ledger, cfg app.Config) error {
		dropped, err := cfg.DropEvents(c.Context(), j)
		if err != nil {
			return cli.Misconfigured(err)
		}
		out := ruleOf(j, nil)
		out.Changed = dropped
		text := show.Sentence("rule.was_none", j.Source.Bucket, j.Name)
		if dropped {
			text = show.Sentence("rule.dropped", j.Source.Bucket, j.Name)
		}
		return o.Say(c.OutOrStdout(), out, text)
	})
}
