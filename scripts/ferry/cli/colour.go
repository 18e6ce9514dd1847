package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// ColourFlag adds --color to c and all commands below it.
func ColourFlag(c *cobra.Command) {
	c.PersistentFlags().Var(new(colour), "color", "colour the output: auto (on a terminal, unless NO_COLOR is set), always or never")
}

// colour is the value of --color. It takes the way of the variables by which any program is
// told: whatever writes looks at these alone.
type colour string

// String implements pflag.Value.
func (c *colour) String() string {
	if *c == "" {
		return "auto"
	}
	return string(*c)
}

// Type implements pflag.Value.
func (c *colour) Type() string { return "when" }

// Set implements pflag.Value.
func (c *colour) Set(text string) error {
	var err error
	switch text {
	case "auto":
	case "always":
		err = os.Setenv("FORCE_COLOR", "1")
	case "never":
		_ = os.Unsetenv("FORCE_COLOR") // an error would be of the name alone
		err = os.Setenv("NO_COLOR", "1")
	default:
		return fmt.Errorf("want auto, always or never")
	}
	*c = colour(text)
	return err
}
