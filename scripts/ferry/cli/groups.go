package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// FlagGroup is a paragraph of flags in a command's help.
type FlagGroup struct {
	Title string
	Flags *pflag.FlagSet
}

// helpWidth is how wide the help of flags is, in characters.
const helpWidth = 100

// Group gives c the flags of all groups, and a help that shows them so, each
// Group in the order its flags were made.
func Group(c *cobra.Command, groups ...FlagGroup) {
	for _, g := range groups {
		g.Flags.SortFlags = false
		c.Flags().AddFlagSet(g.Flags)
	}
	c.SetUsageFunc(func(c *cobra.Command) error {
		text := "Usage:\n  " + c.UseLine() + "\n"
		if c.HasExample() {
			text += "\nExamples:\n" + c.Example + "\n"
		}
		for _, g := range groups {
			text += "\n" + g.Title + ":\n" + g.Flags.FlagUsagesWrapped(helpWidth)
		}
		_, err := fmt.Fprint(c.OutOrStderr(), text)
		return err
	})
}
