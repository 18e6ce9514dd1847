package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
)

// pages are the pages for people that are there in two languages, English first.
var pages = []string{"README.md", "infra/README.md", "shared/README.md", "scripts/ferry/README.md", "scripts/ferry/bench/README.md"}

const root = "../.."

func page(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func inChinese(name string) string { return strings.TrimSuffix(name, ".md") + ".zh-CN.md" }

var fenced = regexp.MustCompile("(?ms)^ *```(\\w*)\n(.*?)^ *```$")

// toRun are the blocks of a page that a shell runs.
func toRun(text string) (blocks []string) {
	for _, m := range fenced.FindAllStringSubmatch(text, -1) {
		if m[1] == "sh" {
			blocks = append(blocks, m[2])
		}
	}
	return blocks
}

// goOf stands for the go command: ferry is built already, and these are the tests.
const goOf = `#!/bin/sh
case "$*" in
"run ./scripts/ferry demo") exec "$FERRY_BINARY" demo --objects 60 ;;
"build -o ferry ./scripts/ferry") ln -f "$FERRY_BINARY" ferry 2>/dev/null || cp "$FERRY_BINARY" ferry ;;
"test ./...") ;;
*) echo "the test of the READMEs knows no: go $*" >&2; exit 1 ;;
esac
`

// TestEveryCommandOfTheREADMEsRuns in the order of each page, against the stand-ins: the
// places are theirs, keys are in the environment, and RUN is the run that was made.
func TestEveryCommandOfTheREADMEsRuns(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash here")
	}
	for _, name := range []string{"README.md", "scripts/ferry/README.md"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			for _, key := range []string{"2019/01/a.jpg", "2019/01/b.jpg", "2019/02/c.jpg"} {
				if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: key, Body: []byte(key), PutTime: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
			dir := t.TempDir()
			at := func(path ...string) string { return filepath.Join(append([]string{dir}, path...)...) }
			repository, err := filepath.Abs(root)
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{
				os.Mkdir(at("bin"), 0o755), os.WriteFile(at("bin", "go"), []byte(goOf), 0o755), os.Symlink(binary, at("bin", "ferry")), os.WriteFile(at("state"), nil, 0o600),
				os.Symlink(filepath.Join(repository, "scripts"), at("scripts")), os.Symlink(filepath.Join(repository, "infra"), at("infra")),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			places := strings.NewReplacer(
				"SRC DST", "'kodo://photos/2019/?region=z0"+fmt.Sprintf("&insecure=true&endpoint=%s", c.kodo.Endpoint())+"' 'oss://photos-new/2019/?region=cn-hangzhou"+fmt.Sprintf("&insecure=true&endpoint=%s", c.oss.Endpoint())+"'",
				"?region=z0'", "?region=z0&insecure=true&endpoint="+c.kodo.Endpoint()+"'",
				"?region=cn-hangzhou'", "?region=cn-hangzhou&insecure=true&endpoint="+c.oss.Endpoint()+"'",
				"console --demo --open", "console --help", // it serves until Ctrl-C; its own tests have it
			)
			run := ""
			for _, block := range toRun(page(t, name)) {
				if strings.Contains(block, "RUN") && run == "" {
					out, said, code := execute(t, append(c.env, "FERRY_LEDGER="+c.ledger), "runs")
					if run = regexp.MustCompile(`\S+/\d{8}T\d{6}Z`).FindString(out); code != 0 || run == "" {
						t.Fatalf("ferry runs ends with %d and names none: %s%s", code, out, said)
					}
				}
				script := regexp.MustCompile(`\bRUN\b`).ReplaceAllString(places.Replace(block), run)
				script = regexp.MustCompile(`(?m)^export .*….*$`).ReplaceAllString(script, ":") // keys are there
				sh := exec.CommandContext(t.Context(), bash, "-c", "set -aeuo pipefail; . ./state\n"+script+"\nexport -p >state")
				sh.Dir = dir
				sh.Env = append(os.Environ(), append(c.env, "FERRY_BINARY="+binary, "PATH="+at("bin")+":"+os.Getenv("PATH"))...)
				if out, err := sh.CombinedOutput(); err != nil {
					t.Errorf("this ends with %v:\n%s\n%s", err, block, out)
				}
			}
			if _, there := c.oss.Get(standins.Target, "2019/01/a.jpg"); !there {
				t.Error("nothing was copied: the test runs nothing")
			}
		})
	}
}

// TestEveryFerryCommandThatAPageNamesIsOne: with --help its flags are read, and nothing is done.
func TestEveryFerryCommandThatAPageNamesIsOne(t *testing.T) {
	line := regexp.MustCompile(`(?m)^ *(?:\./)?ferry (.*)$`)
	tried := map[string]bool{}
	for _, name := range append([]string{".github/CONTRIBUTING.md"}, pages...) {
		for _, block := range fenced.FindAllStringSubmatch(page(t, name), -1) {
			for _, m := range line.FindAllStringSubmatch(block[2], -1) {
				command, _, _ := strings.Cut(m[1], " #")
				command, _, _ = strings.Cut(command, " >")
				args := strings.Fields(strings.ReplaceAll(command, "'", ""))
				if tried[command] || len(args) == 0 {
					continue
				}
				tried[command] = true
				var said bytes.Buffer
				if code := run(t.Context(), append(args, "--help"), io.Discard, &said); code != 0 {
					t.Errorf("%s: ferry %s: %d, %s", name, command, code, &said)
				}
			}
		}
	}
	if len(tried) < 12 {
		t.Errorf("%d commands were found in the pages, want a dozen at least", len(tried))
	}
}

// TestBothLanguagesSayTheSame as far as that shows: headings, blocks, pictures, and what is
// in code stand in both pages.
func TestBothLanguagesSayTheSame(t *testing.T) {
	comment := regexp.MustCompile(`(?m)\s*#.*$`)
	shape := func(text string) (lines []string) {
		for _, m := range fenced.FindAllStringSubmatch(text, -1) {
			lines = append(lines, m[1]+": "+comment.ReplaceAllString(m[2], ""))
		}
		text = fenced.ReplaceAllString(text, "")
		for _, m := range regexp.MustCompile(`(?m)^(#+) |!\[[^\]]*\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			lines = append(lines, strings.ReplaceAll(m[1]+m[2], ".zh-CN", ""))
		}
		return lines
	}
	code := regexp.MustCompile("`([^`\n]+)`")
	spans := func(text string) map[string]bool {
		found := map[string]bool{}
		for _, m := range code.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			found[m[1]] = true
		}
		return found
	}
	for _, name := range pages {
		english, chinese := page(t, name), page(t, inChinese(name))
		if e, c := shape(english), shape(chinese); !slices.Equal(e, c) {
			for i := range max(len(e), len(c)) {
				if i >= len(e) || i >= len(c) || e[i] != c[i] {
					t.Errorf("%s: the two differ from the %d. heading, block or picture on: %q, %q", name, i+1, e[min(i, len(e)-1)], c[min(i, len(c)-1)])
					break
				}
			}
		}
		e, c := spans(english), spans(chinese)
		for s := range e {
			if !c[s] {
				t.Errorf("%s: the Chinese page lacks `%s`", name, s)
			}
		}
		for s := range c {
			if !e[s] && !strings.ContainsFunc(s, wide) { // a message in Chinese has its English beside it
				t.Errorf("%s: the English page lacks `%s`", name, s)
			}
		}
	}
}

// wide is whether r is a Chinese character, or a mark that is as wide as one.
func wide(r rune) bool {
	return unicode.Is(unicode.Han, r) || r >= 0x3000 && r < 0x3040 || r >= 0xff00 && r < 0xfff0
}

// TestPagesAreEasyToRead: lines of fewer than 120 characters, and in Chinese no space, nor an
// end of a line, where a reader would see one that does not belong there.
func TestPagesAreEasyToRead(t *testing.T) {
	starts := regexp.MustCompile(`^\s*([-*#|!<]|\d+\.|$)`)
	for _, english := range pages {
		for _, name := range []string{english, inChinese(english)} {
			text := page(t, name)
			for i, line := range strings.Split(text, "\n") {
				if n := utf8.RuneCountInString(line); n >= 120 {
					t.Errorf("%s:%d has %d characters", name, i+1, n)
				}
				if strings.TrimRight(line, " \t") != line {
					t.Errorf("%s:%d ends in a space", name, i+1)
				}
			}
			lines := strings.Split(fenced.ReplaceAllString(text, ""), "\n")
			for i, line := range lines {
				if i+1 < len(lines) && !starts.MatchString(lines[i+1]) && !starts.MatchString(strings.TrimLeft(line, "-* ")) {
					line += " " + strings.TrimLeft(lines[i+1], " ")
				}
				runes := []rune(line)
				for j := 1; j+1 < len(runes); j++ {
					before, after := runes[j-1], runes[j+1]
					if runes[j] != ' ' || before == '|' || after == '|' {
						continue
					}
					if wide(before) && wide(after) || wide(before) && unicode.IsPunct(before) || wide(after) && unicode.IsPunct(after) {
						t.Errorf("%s: a stray space in %q", name, string(runes[max(0, j-12):min(len(runes), j+12)]))
					}
				}
			}
		}
	}
}

// TestLinksOfThePagesLeadSomewhere: to a file, and to a heading of it where one is named.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	names := []string{".github/CONTRIBUTING.md", ".github/SECURITY.md", ".github/CHANGELOG.md", "shared/ledger/FORMATS.md"}
	for _, name := range pages {
		names = append(names, name, inChinese(name))
	}
	for _, name := range names {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(page(t, name), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, heading, _ := strings.Cut(m[1], "#")
			path := filepath.Join(filepath.Dir(name), file)
			if file == "" {
				path = name
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, m[1])
				continue
			}
			if heading != "" && !slices.Contains(anchors(page(t, path)), heading) {
				t.Errorf("%s: %s has no heading #%s", name, path, heading)
			}
		}
	}
}

// anchors are the names by which GitHub links the headings of a page.
func anchors(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		names = append(names, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1]))
	}
	return names
}

// TestMessagesThatTheREADMEExplainsAreSaid: each stands in the code, or in a catalogue of it.
func TestMessagesThatTheREADMEExplainsAreSaid(t *testing.T) {
	messages := map[string]bool{}
	for name, heading := range map[string]string{"README.md": "## Troubleshooting", "README.zh-CN.md": "## 按消息排查"} {
		_, section, _ := strings.Cut(page(t, name), heading)
		section, _, _ = strings.Cut(section, "\n## ")
		n := 0
		for _, cell := range regexp.MustCompile("(?m)^\\| `[^|]+ \\|").FindAllString(section, -1) {
			n++
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
				messages[m[1]] = false
			}
		}
		if n < 10 {
			t.Errorf("%s explains %d messages: its section was not found", name, n)
		}
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		for m, said := range messages {
			messages[m] = said || strings.Contains(string(data), m)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for m, said := range messages {
		if !said {
			t.Errorf("nothing says %q", m)
		}
	}
}
