package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// run does one command line and returns its exit code: 0 if all is well, 1 if not.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := &cobra.Command{
		Use:           "ferry",
		Short:         "Move whole buckets from Qiniu Kodo to Alibaba Cloud OSS, and prove it",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(demoCommand())
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	if err := root.ExecuteContext(ctx); err != nil {
		_, _ = fmt.Fprintln(errOut, "ferry:", err) // nobody is left to be told
		return 1
	}
	return 0
}
