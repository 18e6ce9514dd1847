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

	"github.com/creack/pty"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/shared/emulator/chaos"
)

// terminal is what stands on a terminal, by what was written to it: as much of one as a
// redraw needs.
type terminal struct {
	width int
	rows  [][]rune
	x, y  int
	text  string // not taken in yet: the beginning of an escape
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
		r := []rune(s.text)[0]
		s.text = s.text[len(string(r)):]
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

func (s *terminal) put(r rune) {
	if s.x >= s.width {
		s.x, s.y = 0, s.y+1
	}
	for s.y >= len(s.rows) {
		s.rows = append(s.rows, nil)
	}
	for len(s.rows[s.y]) <= s.x {
		s.rows[s.y] = append(s.rows[s.y], ' ')
	}
	s.rows[s.y][s.x] = r
	s.x++
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
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// inTerminal runs a command line in a terminal of that width. look is called with what stands
// there whenever something was written; what it returns is typed, and reports whether that is all.
// It returns what stands there at the end, and the exit code.
func inTerminal(t *testing.T, env []string, width int, args []string, look func(screen string) (typed string)) (screen string, code int) {
	t.Helper()
	c, _, _ := command(t, append(env, "TERM=xterm", "NO_COLOR=1"), args...)
	c.Stdout, c.Stderr = nil, nil
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: 50, Cols: uint16(width)})
	if err != nil {
		t.Skipf("this machine has no terminals for tests: %v", err)
	}
	defer func() { _ = f.Close() }()
	s := &terminal{width: width}
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
	return s.screen(), exitOf(c)
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

// theRun is the name of the one run in the ledger.
func (c *clouds) theRun(t *testing.T) string {
	t.Helper()
	out, said, code := execute(t, append(c.env, "FERRY_LEDGER="+c.ledger), "runs", "--json")
	name := regexp.MustCompile(`"run":"([^"]+)"`).FindStringSubmatch(out)
	if code != 0 || name == nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("runs: exit code %d, %s%s, want the one run", code, out, said)
	}
	return name[1]
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
