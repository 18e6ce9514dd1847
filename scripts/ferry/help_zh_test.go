package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/manual"
	"kodoferry/shared/columns"
)

var translated = flag.Bool("translated", false, "note the English of which the help in other languages was made")

const translatedFile = "testdata/translated.golden"

// eachHelp calls look for every text of every command's help: what it is of, and its English.
func eachHelp(look func(of, english string)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden {
			return
		}
		c.InitDefaultHelpFlag()
		c.InitDefaultVersionFlag()
		path := c.CommandPath()
		for what, english := range map[string]string{" short": c.Short, " long": c.Long, " example": c.Example} {
			if english != "" {
				look(path+what, english)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !f.Hidden {
				look(path+" --"+f.Name, f.Usage)
			}
			if title := cli.GroupOf(f); title != "" {
				look("group "+title, title)
			}
		})
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	walk(root)
}

// TestEveryHelpIsInChinese walks the tree of commands: whatever help has a text of, the
// catalogue has in Chinese, once where it is the same everywhere, and nothing besides. Of each
// it is noted which English it was made of, so that a changed one is looked at anew.
func TestEveryHelpIsInChinese(t *testing.T) {
	noted := map[string]string{}
	data, err := os.ReadFile(translatedFile)
	if err != nil && !*translated {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if i := strings.LastIndex(strings.TrimSpace(line), " "); i > 0 {
			noted[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	var lines []string
	shared := map[string]string{} // the English of flags that have one Chinese for all commands
	used := map[string]bool{}
	eachHelp(func(of, english string) {
		at, whole := manual.Chinese(of)
		used[at] = true
		digest := fmt.Sprintf("%x", sha256.Sum256([]byte(english)))[:10]
		line := of + " " + digest
		if slices.Contains(lines, line) { // a group of several commands
			return
		}
		lines = append(lines, line)
		switch {
		case at == "" && !strings.HasSuffix(of, " example"):
			t.Errorf("%s is not in the catalogue of help in Chinese: %s", of, english)
		case whole == "" && at != "":
			t.Errorf("%s is empty in Chinese", of)
		case noted[of] != digest && !*translated:
			t.Errorf("the English of %s has changed: see whether its Chinese says the same, and note that with -translated:\n%s", of, english)
		}
		if strings.HasPrefix(at, "--") {
			if other, known := shared[at]; known && other != english {
				t.Errorf("%s means something else than %s does in other commands, %q and %q: give it a text of its own", of, at, english, other)
			}
			shared[at] = english
		}
	})
	for _, at := range manual.All() {
		if !used[at] && at != "--help" {
			t.Errorf("the catalogue has %s, and no help has", at)
		}
	}
	if *translated {
		slices.Sort(lines)
		if err := os.WriteFile(translatedFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHelpSpeaksChinese reads the help of every command in Chinese: nothing of what English has
// around it, and no line that is wider than it may be.
func TestHelpSpeaksChinese(t *testing.T) {
	t.Setenv("LC_ALL", "zh_CN.UTF-8")
	english := regexp.MustCompile(`\b(Usage|Flags|Commands|Examples|default|the|of|and|which|more information)\b`)
	pages := map[string]bool{}
	eachHelp(func(of, _ string) { pages[strings.TrimSuffix(of, " short")] = strings.HasSuffix(of, " short") })
	for path, is := range pages {
		if !is {
			continue
		}
		var out bytes.Buffer
		if code := run(t.Context(), append(strings.Fields(path)[1:], "--help"), &out, &out); code != 0 {
			t.Errorf("%s --help ends with %d", path, code)
		}
		_, examples, _ := strings.Cut(out.String(), "示例：\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		for line := range strings.Lines(strings.Replace(out.String(), examples, "", 1)) {
			line = strings.TrimRight(line, "\n")
			if word := english.FindString(line); word != "" {
				t.Errorf("%s --help has %q in %q", path, word, line)
			}
			if n := columns.Width(line); n > 100 && strings.Count(strings.TrimSpace(line), " ") > 0 && !strings.Contains(line, "ferry ") {
				t.Errorf("%s --help has a line of %d columns: %q", path, n, line)
			}
		}
	}
}

// TestAShellIsToldInChinese asks as the script of a shell does.
func TestAShellIsToldInChinese(t *testing.T) {
	t.Setenv("LC_ALL", "zh_CN.UTF-8")
	for args, want := range map[string]string{"pa": "pause\t暂停一次运行，直到恢复", "copy --qui": "--quiet\t不显示进度"} {
		var out bytes.Buffer
		run(t.Context(), append([]string{cobra.ShellCompRequestCmd}, strings.Fields(args)...), &out, &out)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is completed by %q, want %q", args, out.String(), want)
		}
	}
}

// TestAMistakeIsToldInTheLanguageOfItsLine, wherever that stands in it.
func TestAMistakeIsToldInTheLanguageOfItsLine(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"copy", "--transfers", "3", "--lang", "zh"}, {"--lang=zh", "copy", "--transfers", "3"}, {"frobnicate", "--lang", "zh"}} {
		if _, said, code := execute(t, nil, args...); code != cli.ExitUsage || !strings.Contains(said, "没有") {
			t.Errorf("%s: exit code %d, %q, want a mistake in Chinese", strings.Join(args, " "), code, said)
		}
	}
	if _, said, code := execute(t, nil, "version", "--lang", "xx"); code != cli.ExitUsage || !strings.Contains(said, "en or zh") {
		t.Errorf("exit code %d, %q, want what --lang may be", code, said)
	}
}
