package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagGroup is a paragraph of flags in a command's help.
type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// helpWidth is how wide the help of flags is, in characters.
const helpWidth = 100

// group gives c the flags of all groups, and a help that shows them so, each
// group in the order its flags were made.
func group(c *cobra.Command, groups ...flagGroup) {
	for _, g := range groups {
		g.flags.SortFlags = false
		c.Flags().AddFlagSet(g.flags)
	}
	c.SetUsageFunc(func(c *cobra.Command) error {
		text := "Usage:\n  " + c.UseLine() + "\n"
		if c.HasExample() {
			text += "\nExamples:\n" + c.Example + "\n"
		}
		for _, g := range groups {
			text += "\n" + g.title + ":\n" + g.flags.FlagUsagesWrapped(helpWidth)
		}
		_, err := fmt.Fprint(c.OutOrStderr(), text)
		return err
	})
}
