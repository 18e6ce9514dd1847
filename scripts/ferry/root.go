package main

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/checks"
	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/complete"
	"kodoferry/scripts/ferry/consoles"
	"kodoferry/scripts/ferry/events"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/scripts/ferry/manual"
	"kodoferry/scripts/ferry/reports"
	"kodoferry/scripts/ferry/setup"
	"kodoferry/scripts/ferry/status"
	"kodoferry/scripts/ferry/steering"
	"kodoferry/scripts/ferry/verify"
	"kodoferry/shared/console/language"
)

const rootHelp = `Ferry moves whole buckets from Qiniu Kodo to Alibaba Cloud OSS and proves that
every object arrived: the source's hash is checked while the bytes stream, OSS
checks what it receives, and both sides are listed again at the end. Every
listed object ends in a row that says what became of it, and the books balance.

Try it without any account:            ferry demo
Write a ferry.yaml with a first job:   ferry init
Move a bucket from this machine:       ferry copy SRC DST
Ask whether a run would work:          ferry check SRC DST
Say what it would do, cost and take:   ferry plan SRC DST
Compare both sides, without a run:     ferry diff SRC DST
Have a deployment's functions move it: ferry start SRC DST
Look at it and manage it on pages:     ferry console
Work for a deployment on this machine: ferry agent
See what it did:                       ferry report RUN, ferry why RUN KEY
Verify it once more, at any time:      ferry verify RUN
Print what may go at the source:       ferry export RUN --releasable
Slow a run down, or let it go:         ferry limits RUN --bandwidth 20MiB/s
Pause it, or end it:                   ferry pause RUN, ferry resume RUN, ferry cancel RUN
Keep jobs for timers to begin:         ferry jobs apply
Follow what changes between runs:      ferry events install JOB
Print the least rights that it needs:  ferry policy SRC DST

Environment:
  QINIU_ACCESS_KEY, QINIU_SECRET_KEY                    of the source, kodo:// or s3:// at Kodo
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY              of a source s3:// anywhere else
  AWS_SESSION_TOKEN                                     with temporary credentials
  ALIBABA_CLOUD_ACCESS_KEY_ID, …_ACCESS_KEY_SECRET      of the target and the ledger
  ALIBABA_CLOUD_SECURITY_TOKEN                          with temporary credentials
  FERRY_LEDGER                                          where runs are kept
  FERRY_QUEUES                                          the queues of a deployment, for start and agent

Exit codes:
  0    everything is verified
  2    wrong usage or configuration; every mistake is named at once
  3    finished, but something failed, conflicts or differs, or there was nothing to copy
  130  interrupted; the same command goes on where it was
  1    anything else, such as a host that cannot be reached`

// newRoot is ferry with all its commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "ferry",
		Short:         "Move whole buckets from Qiniu Kodo to Alibaba Cloud OSS, and prove it",
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return cli.Unknown(c, args[0])
		},
		Args: cobra.ArbitraryArgs,
	}
	root.AddCommand(
		demoCommand(), checks.Command(), copyCommand(), startCommand(), agentCommand(), planCommand(), diffCommand(),
		setup.Command(), jobs.Command(), consoles.Command(), steering.Pause(), steering.Resume(), steering.Cancel(), retryCommand(), steering.Seal(), steering.Clean(), events.Command(),
		status.Command(), status.Runs(), status.Watch(), reports.Command(), reports.WhyCommand(), reports.ExportCommand(), verify.Command(), steering.Limits(), policyCommand(), benchCommand(), benchRunCommand(), emulateCommand(), cli.VersionCommand(),
	)
	root.SetHelpCommand(cli.HelpCommand())
	root.Version = cli.Build()
	root.SetVersionTemplate("{{.Version}}\n")
	cli.ColourFlag(root)
	cli.LanguageFlag(root)
	complete.Add(root)
	manual.Add(root)
	root.SetFlagErrorFunc(cli.Flag)
	return root
}

// run does one command line and returns its exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	cli.Speak(args)
	root := newRoot()
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		manual.Translate(root, language.Spoken(os.Getenv)) // a shell shows what the short texts say
	}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	code := cli.ExitCode(ctx, err)
	if code != cli.ExitOK && code != cli.ExitIncomplete {
		cli.Complain(errOut, err)
	}
	return code
}
