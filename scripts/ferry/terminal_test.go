//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/columns"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
)

// terminal is what stands on a terminal, by what was written to it: as much of one as a
// redraw needs.
type terminal struct {
	width int
	rows  [][]rune
	x, y  int
	text  string   // not taken in yet: the beginning of an escape or a character
	torn  []string // rows that went on in the next one: of each line the first
	tears int      // the row in which such a line goes on
}

var escape = regexp.MustCompile(`^\x1b\[\??(\d*)(?:;\d+)*([A-Za-z])`)

// write takes in what a program wrote. A line that is longer than the terminal is wide goes on
// in the next row.
func (s *terminal) write(text string) {
	for s.text += text; s.text != ""; {
		if s.text[0] == '\x1b' {
			m := escape.FindStringSubmatch(s.text)
			if m == nil {
				return // the rest of it comes
			}
			s.escape(m[1], m[2])
			s.text = s.text[len(m[0]):]
			continue
		}
		if !utf8.FullRuneInString(s.text) {
			return // the rest of it comes
		}
		r, size := utf8.DecodeRuneInString(s.text)
		s.text = s.text[size:]
		switch r {
		case '\r':
			s.x = 0
		case '\n':
			s.y++
		case '\x07', '\x04', '\x08':
		default:
			s.put(r)
		}
		for s.y >= len(s.rows) {
			s.rows = append(s.rows, nil)
		}
	}
}

// TestATerminalTakesInAnythingCutAnywhere writes byte by byte: a read may end in the middle of a
// character, and of an escape.
func TestATerminalTakesInAnythingCutAnywhere(t *testing.T) {
	const text = "已复制 ━━─\r\n照片/a.jpg\x1b[1A\r\x1b[J计划：复制"
	at, cut := &terminal{width: 8}, &terminal{width: 8}
	at.write(text)
	for i := range len(text) {
		cut.write(text[i : i+1])
	}
	if got, want := cut.screen(), at.screen(); got != want || !strings.Contains(got, "计划：复") {
		t.Errorf("cut, it leaves %q, want %q", got, want)
	}
}

func (s *terminal) put(r rune) {
	n := columns.Width(string(r))
	if s.x+n > s.width {
		if s.y < len(s.rows) && (s.tears != s.y || s.y == 0) {
			s.torn = append(s.torn, strings.ReplaceAll(string(s.rows[s.y]), "\x00", ""))
		}
		s.x, s.y = 0, s.y+1
		s.tears = s.y
	}
	for s.y >= len(s.rows) {
		s.rows = append(s.rows, nil)
	}
	for len(s.rows[s.y]) <= s.x {
		s.rows[s.y] = append(s.rows[s.y], ' ')
	}
	s.rows[s.y][s.x] = r
	if s.x++; n == 2 {
		s.rows[s.y] = append(s.rows[s.y][:s.x], 0) // the other half of it
		s.x++
	}
}

func (s *terminal) escape(n, what string) {
	switch what {
	case "A":
		up, _ := strconv.Atoi(n)
		s.y = max(0, s.y-max(up, 1))
	case "J", "K":
		if s.y < len(s.rows) {
			s.rows[s.y] = s.rows[s.y][:min(s.x, len(s.rows[s.y]))]
			if what == "J" {
				s.rows = s.rows[:s.y+1]
			}
		}
	}
}

// screen is what stands there, without blank lines at the end.
func (s *terminal) screen() string {
	var lines []string
	for _, row := range s.rows {
		lines = append(lines, strings.ReplaceAll(strings.TrimRight(string(row), " \x00"), "\x00", ""))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// inTerminal runs a command line in a terminal of that width. look is called with what stands
// there whenever something was written; what it returns is typed, and reports whether that is all.
// It returns what stands there at the end, and the exit code.
func inTerminal(t *testing.T, env []string, width int, args []string, look func(screen string) (typed string)) (screen string, code int) {
	t.Helper()
	s, code := onTerminal(t, env, width, args, look)
	return s.screen(), code
}

// onTerminal is inTerminal, and returns the terminal.
func onTerminal(t *testing.T, env []string, width int, args []string, look func(screen string) (typed string)) (s *terminal, code int) {
	t.Helper()
	c, _, _ := command(t, append(env, "TERM=xterm", "NO_COLOR=1"), args...)
	c.Stdout, c.Stderr = nil, nil
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: 50, Cols: uint16(width)})
	if err != nil {
		t.Skipf("this machine has no terminals for tests: %v", err)
	}
	defer func() { _ = f.Close() }()
	s = &terminal{width: width}
	for buf := make([]byte, 64<<10); ; {
		n, err := f.Read(buf)
		s.write(string(buf[:n]))
		if typed := look(s.screen()); typed != "" {
			if _, err := f.WriteString(typed); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil { // EIO at the end
			break
		}
	}
	_ = c.Wait() // the exit code tells
	return s, exitOf(c)
}

func exitOf(c *exec.Cmd) int { return c.ProcessState.ExitCode() }

// TestNothingTornOrStaleStandsOnATerminal copies in a narrow terminal, interrupts that by
// Ctrl-C, goes on, and watches.
func TestNothingTornOrStaleStandsOnATerminal(t *testing.T) {
	t.Parallel()
	const width = 60
	c := newClouds(t)
	c.fill(t, 600)
	c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 20 * time.Millisecond})
	args := []string{"copy", c.src, c.dst, "--parallel", "8", "--batch-objects", "50"}
	frames, stopped := 0, false
	once := func(screen string) {
		t.Helper()
		for _, label := range []string{"copied   ", "verified "} {
			if n := strings.Count("\n"+screen, "\n"+label); n > 1 {
				t.Errorf("%q stands there %d times:\n%s", label, n, screen)
			}
		}
	}
	screen, code := inTerminal(t, c.env, width, args, func(screen string) string {
		once(screen)
		if strings.Contains(screen, "━") {
			frames++
		}
		if frames > 3 && !stopped && c.oss.Desk().Counts()["put"] > 200 {
			stopped = true
			return "\x03"
		}
		return ""
	})
	if code != cli.ExitInterrupted || !strings.Contains(strings.ReplaceAll(screen, "\n", ""), "interrupted: nothing is lost") {
		t.Errorf("exit code %d, want %d and a word:\n%s", code, cli.ExitInterrupted, screen)
	}
	if strings.ContainsAny(screen, "━─^") {
		t.Errorf("bars, or what the terminal echoed, stand there after Ctrl-C:\n%s", screen)
	}
	run := c.theRun(t)
	looks := 0
	screen, code = inTerminal(t, append(c.env, "FERRY_LEDGER="+c.ledger), width, []string{"watch", run}, func(screen string) string {
		if n := strings.Count(screen, "  moves  "); n > 1 {
			t.Errorf("what was drawn before stands there:\n%s", screen)
		}
		if strings.Contains(screen, "books  ") {
			if looks++; looks == 2 {
				return "\x03"
			}
		}
		return ""
	})
	if code != cli.ExitInterrupted || strings.Contains(screen, "^C") || !strings.Contains(screen, "listed") {
		t.Errorf("watch: exit code %d, want %d and how the run stood:\n%s", code, cli.ExitInterrupted, screen)
	}
	c.oss.Desk().Inject()
	screen, code = inTerminal(t, c.env, width, args, func(screen string) string { once(screen); return "" })
	if code != 0 || strings.ContainsAny(screen, "━─") || !strings.Contains(screen, "VERIFIED") {
		t.Errorf("gone on with: exit code %d, want 0 and the summary alone:\n%s", code, screen)
	}
	screen, code = inTerminal(t, append(c.env, "FERRY_LEDGER="+c.ledger), width, []string{"watch", run}, func(string) string { return "" })
	if code != 0 || !strings.Contains(screen, "verified: all 600 objects") || strings.Contains(screen, "bound by") {
		t.Errorf("watch of a run that is over: exit code %d, want 0 and what it came to:\n%s", code, screen)
	}
	for line := range strings.Lines(screen) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
			t.Errorf("a line of %d columns: %q", n, line)
		}
	}
}

// TestInitAsksOnATerminal types a place that is none, and then those that are.
func TestInitAsksOnATerminal(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 3)
	file := filepath.Join(t.TempDir(), "ferry.yaml")
	answers := []string{"photos\n", c.src + "\n", c.dst + "\n"}
	typed := 0
	screen, code := inTerminal(t, c.env, 140, []string{"init", "--file", file}, func(screen string) string {
		if typed == len(answers) || strings.Count(screen, "Where ") <= typed { // each answer is typed behind its question
			return ""
		}
		typed++
		return answers[typed-1]
	})
	written, err := os.ReadFile(file)
	if code != 0 || err != nil || !strings.Contains(string(written), "target: 'oss://photos-new/") || !strings.Contains(screen, "All is well") {
		t.Errorf("exit code %d, %v, want a job of what was typed and all well:\n%s\n%s", code, err, written, screen)
	}
}

// whole are lines that stay whole at any width: what is to be copied, and one word.
var whole = regexp.MustCompile(`^ *(ferry [a-z]+ .*|\S*|\S+[:：] ?\S*)$`)

// TestNothingIsTornAtAnyWidth looks at what a plan, a copy, a status and a watch leave on terminals
// of three widths, in both languages: no line is broken by the terminal in the middle of a word,
// nothing that was redrawn stands there twice, and words are of one language.
func TestNothingIsTornAtAnyWidth(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "zh"} {
		for _, width := range []int{60, 80, 140} {
			t.Run(lang+" "+strconv.Itoa(width), func(t *testing.T) {
				t.Parallel()
				c := newClouds(t)
				c.fill(t, 300)
				for _, key := range []string{"/" + strings.Repeat("照片/", 30) + "a.jpg", "\\a.jpg"} { // which OSS takes no key of
					if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: key, Body: []byte("a")}); err != nil {
						t.Fatal(err)
					}
				}
				c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 20 * time.Millisecond})
				env := append(c.env, "FERRY_LEDGER="+c.ledger, "LC_ALL="+map[string]string{"en": "C", "zh": "zh_CN.UTF-8"}[lang])
				look := func(args []string, code int, want ...string) {
					t.Helper()
					s, got := onTerminal(t, env, width, args, func(string) string { return "" })
					screen := s.screen()
					if got != code {
						t.Errorf("%s ends with %d, want %d", args[0], got, code)
					}
					for _, one := range s.torn {
						if !whole.MatchString(one) {
							t.Errorf("%s: a line goes on in the next row: %q", args[0], one)
						}
					}
					for _, word := range want {
						if strings.Count(screen, word) != 1 {
							t.Errorf("%s: %q stands there %d times, want once:\n%s", args[0], word, strings.Count(screen, word), screen)
						}
					}
					if strings.ContainsAny(screen, "━─") || strings.Contains(screen, "{0}") || strings.Contains(screen, "cli.") {
						t.Errorf("%s: a bar, a place or a name stands there:\n%s", args[0], screen)
					}
				}
				says := map[string][]string{"en": {"PLAN: copy", "INCOMPLETE", "  listed  ", "  ran  "}, "zh": {"计划：复制", "不完整，用时", "  已列举  ", "  用时  "}}[lang]
				look([]string{"plan", c.src, c.dst}, 0, says[0])
				look([]string{"copy", c.src, c.dst, "--parallel", "8", "--batch-objects", "50"}, cli.ExitIncomplete, says[1])
				run := c.theRun(t)
				look([]string{"status", run}, 0, says[2])
				look([]string{"watch", run}, 0, says[3])
			})
		}
	}
}
