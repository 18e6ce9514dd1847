package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// FlagGroup is a paragraph of flags in a command's help.
type FlagGroup struct {
	Title string
	Flags *pflag.FlagSet
}

// groupKey is the annotation that holds the title of a flag's group.
const groupKey = "ferry_group"

// Group gives c the flags of all groups. Its help shows them so, each Group in the order its
// flags were made.
func Group(c *cobra.Command, groups ...FlagGroup) {
	c.Flags().SortFlags = false
	for _, g := range groups {
		g.Flags.SortFlags = false
		g.Flags.VisitAll(func(f *pflag.Flag) {
			f.Annotations = map[string][]string{groupKey: {g.Title}}
			c.Flags().AddFlag(f)
		})
	}
}

// GroupOf is the title of a flag's group, "" where it has none.
func GroupOf(f *pflag.Flag) string {
	if title := f.Annotations[groupKey]; len(title) > 0 {
		return title[0]
	}
	return ""
}
