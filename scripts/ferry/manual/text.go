package manual

import (
	"embed"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/shared/console/language"
)

//go:embed zh/*.yaml
var files embed.FS

// text is the help of a command in a language that is not the command's own.
type text struct {
	Short   string            `yaml:"short"`
	Long    string            `yaml:"long"`
	Example string            `yaml:"example"` // "": as it is in English
	Flags   map[string]string `yaml:"flags"`   // those that mean something else elsewhere
}

// catalogue is the help of all commands in one language.
type catalogue struct {
	Commands map[string]text   `yaml:"commands"` // by path
	Flags    map[string]string `yaml:"flags"`    // by name, where a command has none of its own
	Groups   map[string]string `yaml:"groups"`   // by title
}

// read reads the files of a language once. They are part of the program, and a test reads them:
// what cannot be read is empty, and its commands have their English.
var read = sync.OnceValue(func() catalogue {
	all := catalogue{Commands: map[string]text{}, Flags: map[string]string{}, Groups: map[string]string{}}
	names, _ := fs.Glob(files, "zh/*.yaml") // the pattern is right
	for _, name := range names {
		data, _ := files.ReadFile(name) // it is there
		var one catalogue
		if yaml.Unmarshal(data, &one) != nil {
			continue
		}
		for path, t := range one.Commands {
			all.Commands[path] = t
		}
		for flag, usage := range one.Flags {
			all.Flags[flag] = usage
		}
		for title, words := range one.Groups {
			all.Groups[title] = words
		}
	}
	return all
})

// speaks finds texts in a language.
type speaks struct{ lang *language.Language }

// own reports whether the language is that of the commands themselves.
func (s speaks) own() bool { return s.lang.Tag == language.All[0].Tag }

// say is a sentence that the command prints.
func (s speaks) say(name string, args ...any) string { return s.lang.Say("cli."+name, args...) }

func (s speaks) short(c *cobra.Command) string {
	if t := read().Commands[c.CommandPath()].Short; t != "" && !s.own() {
		return t
	}
	return c.Short
}

func (s speaks) long(c *cobra.Command) string {
	if s.own() {
		return c.Long
	}
	return joined(read().Commands[c.CommandPath()].Long)
}

func (s speaks) example(c *cobra.Command) string {
	if t := read().Commands[c.CommandPath()].Example; t != "" && !s.own() {
		return strings.TrimRight(t, "\n")
	}
	return c.Example
}

// group is a title of flags; those without one are all of a command, or the rest.
func (s speaks) group(title string) string {
	switch {
	case title == "":
		return s.say("help.flags")
	case s.own() || read().Groups[title] == "":
		return title + ":"
	}
	return read().Groups[title] + "："
}

// flag is what a flag of c is for.
func (s speaks) flag(c *cobra.Command, f *pflag.Flag) string {
	_, english := pflag.UnquoteUsage(f)
	if s.own() {
		return english
	}
	if usage := read().Commands[c.CommandPath()].Flags[f.Name]; usage != "" {
		return usage
	}
	if usage := read().Flags[f.Name]; usage != "" {
		return usage
	}
	return english
}

// soft is the end of a line within a paragraph of a script that writes no blanks.
var soft = regexp.MustCompile(`([，。；：、）])\n(\S)|(\p{Han})\n([\p{Han}（])`)

// joined takes out what ends lines within such a paragraph.
func joined(text string) string { return soft.ReplaceAllString(text, "$1$2$3$4") }

// Chinese finds what help says in Chinese: of "ferry copy short", long, example, of a flag
// "ferry copy --keys", or of "group TITLE". at is where it stands in the catalogue, "" where it
// does not; a flag that means the same everywhere stands there as "--keys".
func Chinese(of string) (at, text string) {
	all := read()
	if title, ok := strings.CutPrefix(of, "group "); ok && all.Groups[title] != "" {
		return of, all.Groups[title]
	}
	path, what := of[:max(0, strings.LastIndex(of, " "))], of[strings.LastIndex(of, " ")+1:]
	t := all.Commands[path]
	if flag, ok := strings.CutPrefix(what, "--"); ok {
		if t.Flags[flag] != "" {
			return of, t.Flags[flag]
		}
		if all.Flags[flag] != "" {
			return what, all.Flags[flag]
		}
		return "", ""
	}
	if text := map[string]string{"short": t.Short, "long": t.Long, "example": t.Example}[what]; text != "" {
		return of, text
	}
	return "", ""
}

// All is where anything stands in the catalogue, as Chinese names it.
func All() []string {
	var names []string
	all := read()
	for title := range all.Groups {
		names = append(names, "group "+title)
	}
	for flag := range all.Flags {
		names = append(names, "--"+flag)
	}
	for path, t := range all.Commands {
		for what, text := range map[string]string{" short": t.Short, " long": t.Long, " example": t.Example} {
			if text != "" {
				names = append(names, path+what)
			}
		}
		for flag := range t.Flags {
			names = append(names, path+" --"+flag)
		}
	}
	return names
}

// Translate gives c and the commands below it the short texts of a language, for a shell that
// completes them.
func Translate(c *cobra.Command, l *language.Language) {
	s := speaks{l}
	c.Short = s.short(c)
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = s.flag(c, f) })
	for _, below := range c.Commands() {
		Translate(below, l)
	}
}
