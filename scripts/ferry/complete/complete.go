// Package complete tells a shell what may come next on a command line: names of jobs and of
// runs, and the values of flags. `ferry completion bash` prints what makes a shell ask.
package complete

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/shared/control"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger/index"
)

// values are what flags take, by their names, which mean the same for every command.
var values = map[string][]string{
	"class": job.Classes(), "only-class": job.Classes()[1:],
	"overwrite":         {job.OverwriteChanged, job.OverwriteNewer, job.OverwriteNever, job.OverwriteAlways},
	"present":           {job.ProvePresent, job.AcceptPresent, job.CopyPresent},
	"deleted-in-target": {job.CopyDeleted, job.LeaveDeleted},
	"attributes":        {job.FollowAttributes, job.IgnoreAttributes},
	"hash-mismatch":     {job.FailMismatch, job.CopyMismatch},
	"mode":              {"rows", "head", "read"},
	"color":             {"auto", "always", "never"},
	"lang":              {"en", "zh"},
	"csv":               {"safe"},
}

// files are the flags that take the name of a file.
var files = []string{"file", "keys", "prices", "log", "env", "out"}

// Add has root and all commands below it complete their arguments and the values of their flags.
// The command that prints what makes a shell ask is cobra's, and refuses words as all others do.
func Add(root *cobra.Command) {
	if !root.HasParent() {
		root.InitDefaultCompletionCmd()
		own, _, _ := root.Find([]string{"completion"}) // it is there now
		own.Args, own.RunE = cli.Below, func(c *cobra.Command, _ []string) error { return c.Help() }
		for _, shell := range own.Commands() {
			shell.Args = cli.Exactly()
		}
	}
	for _, c := range root.Commands() {
		Add(c)
	}
	switch use := root.Use; {
	case strings.Contains(use, "NAME"):
		root.ValidArgsFunction = of(filed)
	case strings.Contains(use, "RUN"):
		root.ValidArgsFunction = of(runs)
	case strings.Contains(use, "JOB"):
		root.ValidArgsFunction = of(kepts)
	case !root.HasSubCommands():
		root.ValidArgsFunction = cobra.NoFileCompletions
	}
	for name, words := range values {
		if root.LocalFlags().Lookup(name) != nil {
			_ = root.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // it is there, and not twice
		}
	}
	for _, name := range files {
		if root.Flags().Lookup(name) != nil {
			_ = root.MarkFlagFilename(name) // it is there
		}
	}
}

// patience is how long a shell waits for names of a ledger.
const patience = 3 * time.Second

// of completes the first argument by the names that ask returns; an error is no names.
func of(ask func(context.Context, *cobra.Command) []string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := c.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return ask(ctx, c), cobra.ShellCompDirectiveNoFileComp
	}
}

// filed are the jobs of the file that --file names.
func filed(_ context.Context, c *cobra.Command) []string {
	path := jobs.DefaultFile
	if f := c.Flags().Lookup("file"); f != nil {
		path = f.Value.String()
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var names []string
	all, _ := job.Examine(data) // a mistake of one job hides no other
	for _, j := range all {
		names = append(names, j.Name)
	}
	return names
}

// most is how many runs of each job a shell is told of: the newest.
const most = 10

// runs are the jobs that the ledger has runs of, and the newest runs of each.
func runs(ctx context.Context, c *cobra.Command) []string {
	led, _, err := cli.OpenLedger(at(c))
	if err != nil {
		return nil
	}
	names, _ := index.Ran(ctx, led) // an error leaves no names
	for _, name := range slices.Clone(names) {
		newest, _ := index.Latest(ctx, led, name, time.Now(), most)
		names = append(names, newest...)
	}
	return names
}

// kepts are the jobs that the ledger knows.
func kepts(ctx context.Context, c *cobra.Command) []string {
	led, _, err := cli.OpenLedger(at(c))
	if err != nil {
		return nil
	}
	names, _ := control.JobNames(ctx, led) // an error leaves no names
	return names
}

// at is the ledger of a command line.
func at(c *cobra.Command) string {
	if f := c.Flags().Lookup("ledger"); f != nil {
		return f.Value.String()
	}
	return os.Getenv("FERRY_LEDGER")
}
