// Package manual writes the help of every command: in English as the commands have it, in
// other languages from a catalogue by the path of a command and the name of a flag.
package manual

import (
	"cmp"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/console/language"
)

// Add has root and all commands below it write their help so.
func Add(root *cobra.Command) {
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { _ = page(c, true) }) // there is no other place to report it
	root.SetUsageFunc(func(c *cobra.Command) error { return page(c, false) })
}

// How many columns the flags and the long texts of a page take at most, and where they are on no
// terminal.
const wide, proseWide = 100, 80

// sheet is a page of help under way.
type sheet struct {
	strings.Builder
	width int // columns
	speaks
}

// page prints the help of c, with or without what comes before its usage.
func page(c *cobra.Command, whole bool) error {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	out := c.OutOrStdout()
	s := &sheet{width: wide, speaks: speaks{language.Spoken(os.Getenv)}}
	if w := show.WidthOf(out); w > 0 {
		s.width = min(wide, w)
	}
	if whole {
		if text := cmp.Or(s.long(c), s.short(c)); text != "" {
			s.WriteString(broken(strings.TrimSpace(text), min(s.width, proseWide)) + "\n\n")
		}
	}
	s.usage(c)
	_, err := out.Write([]byte(s.String()))
	return err
}

// usage writes how c is called, examples, the commands below it, and its flags.
func (s *sheet) usage(c *cobra.Command) {
	s.WriteString(s.say("help.usage") + "\n")
	if c.Runnable() {
		s.WriteString("  " + c.UseLine() + "\n")
	}
	if c.HasAvailableSubCommands() {
		s.WriteString("  " + c.CommandPath() + " [command]\n")
	}
	if c.HasExample() {
		s.WriteString("\n" + s.say("help.examples") + "\n")
		s.WriteString(s.example(c) + "\n")
	}
	if c.HasAvailableSubCommands() {
		s.WriteString("\n" + s.say("help.commands") + "\n")
		for _, below := range c.Commands() {
			if below.IsAvailableCommand() || below.Name() == "help" {
				s.item("  "+below.Name(), c.Commands()[0].NamePadding()+4, s.short(below))
			}
		}
	}
	for _, g := range groups(c.LocalFlags()) {
		s.WriteString("\n" + s.group(g.title) + "\n")
		s.flags(c, g.flags)
	}
	if all := visible(c.InheritedFlags()); len(all) > 0 {
		s.WriteString("\n" + s.say("help.everywhere") + "\n")
		s.flags(c.Root(), all)
	}
	if c.HasAvailableSubCommands() {
		s.WriteString("\n" + s.say("help.more", c.CommandPath()) + "\n")
	}
}

// grouped is flags below a title.
type grouped struct {
	title string
	flags []*pflag.Flag
}

// groups are flags by the group that cli.Group gave them, those without one last.
func groups(f *pflag.FlagSet) []grouped {
	var all []grouped
	var rest []*pflag.Flag
	at := map[string]int{}
	for _, one := range visible(f) {
		title := cli.GroupOf(one)
		i, known := at[title]
		switch {
		case title == "":
			rest = append(rest, one)
		case known:
			all[i].flags = append(all[i].flags, one)
		default:
			at[title] = len(all)
			all = append(all, grouped{title, []*pflag.Flag{one}})
		}
	}
	if len(rest) > 0 {
		all = append(all, grouped{"", rest})
	}
	return all
}

// visible are the flags that help shows.
func visible(f *pflag.FlagSet) []*pflag.Flag {
	var all []*pflag.Flag
	f.VisitAll(func(one *pflag.Flag) {
		if !one.Hidden && one.Deprecated == "" {
			all = append(all, one)
		}
	})
	return all
}
