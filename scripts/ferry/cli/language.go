package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kodoferry/shared/console/language"
)

// LanguageFlag adds --lang to c and all commands below it.
func LanguageFlag(c *cobra.Command) {
	c.PersistentFlags().Var(new(tongue), "lang", "language of what is shown to people: en or zh (default: that of LC_ALL, LC_MESSAGES or LANG); logs, JSON and files stay English")
}

// Speak takes the language of a command line before it is read: a mistake in it is told in that
// language wherever --lang stands. What --lang cannot be is told when the line is read.
func Speak(args []string) {
	for i, arg := range args {
		switch value, inOne := strings.CutPrefix(arg, "--lang="); {
		case arg == "--":
			return
		case inOne:
			_ = new(tongue).Set(value)
		case arg == "--lang" && i+1 < len(args):
			_ = new(tongue).Set(args[i+1])
		}
	}
}

// tongue is the value of --lang. It takes the way of the variables by which any program is
// told: whatever writes looks at these alone.
type tongue string

// String implements pflag.Value.
func (t *tongue) String() string { return string(*t) }

// Type implements pflag.Value.
func (t *tongue) Type() string { return "language" }

// Set implements pflag.Value.
func (t *tongue) Set(text string) error {
	if language.By(text) == nil {
		return fmt.Errorf("want en or zh")
	}
	*t = tongue(text)
	return os.Setenv("LC_ALL", map[string]string{"zh": "zh_CN.UTF-8", "en": "en_US.UTF-8"}[text])
}
