package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version returns the version of this build, or its revision; "devel" where it has neither.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if revision := stamped(info, "vcs.revision"); revision != "" {
		return revision
	}
	return "devel"
}

// stamped is a setting of the build, "" where it was not noted.
func stamped(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// Build tells in one line which build this is: its version, the commit that it was made of,
// and what it runs on.
func Build() string {
	text := "ferry " + Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		if revision := stamped(info, "vcs.revision"); revision != "" {
			text += fmt.Sprintf(", commit %.12s of %s", revision, stamped(info, "vcs.time"))
			if stamped(info, "vcs.modified") == "true" {
				text += " and changes on top"
			}
		} else {
			text += ", built without the stamp of a commit"
		}
	}
	return fmt.Sprintf("%s, %s, %s/%s", text, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// VersionCommand is ferry version.
func VersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print which build this is",
		Long:    "Version prints the version, the commit that it was built of, and what it runs on,\nin one line, as does ferry --version.",
		Example: "  ferry version",
		Args:    Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), Build())
			return err
		},
	}
}

// HelpCommand is ferry help, which refuses what there is no help of.
func HelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return Unknown(found, rest[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// Below are the arguments of a command that has nothing to do itself: none, or a word that is
// the name of no command below it.
func Below(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Unknown(c, args[0])
	}
	return nil
}
