package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/shared/emulator/binaries"
)

// benched is what a bench prints of one scenario with --json.
type benched struct {
	Scenario            string
	Ferry, Bare, Hashed map[string]float64
	OfBare              map[string]map[string]float64 `json:"of_bare"`
	OfHashed            map[string]map[string]float64 `json:"of_hashed"`
	BareAt              int                           `json:"bare_at"`
	BareTried           []map[string]float64          `json:"bare_tried"`
	Delays              map[string]float64            `json:"delays"`
	First               struct {
		Process, Platform map[string]map[string]float64
		Unmeasured        string
	}
}

// benchOf runs a bench over the real binary.
func benchOf(t *testing.T, args ...string) (all []benched) {
	t.Helper()
	out, errOut, code := execute(t, nil, append([]string{"bench", "--json", "--runs", "1"}, args...)...)
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d, want 0; standard error %q, want none", code, errOut)
	}
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil || d.More() {
		t.Fatalf("decode: %v; want one array and nothing after it:\n%s", err, out)
	}
	return all
}

// TestBenchTellsWhatItMeasured runs every scenario small, but for the one that needs
// functions. How fast anything is, no test can say.
func TestBenchTellsWhatItMeasured(t *testing.T) {
	t.Parallel() // most of it is waiting
	want := []string{"small", "large", "list", "join", "delta", "reread", "verify", "far-small", "far-large", "far-list"}
	var names []string
	for _, s := range benchOf(t, "--scale", "0.004", "--delay", "5ms", "--scenario", strings.Join(want, ",")) {
		names = append(names, s.Scenario)
		for name, p := range map[string]map[string]float64{"ferry": s.Ferry, "bare": s.Bare, "hashed": s.Hashed} {
			if len(p) != 4 {
				t.Errorf("%s of %s has %v, want four figures", name, s.Scenario, p)
			}
			for _, figure := range []string{"objects_per_s", "mib_per_s", "cpu_us_per_object", "rss_mib"} {
				if v := p[figure]; v <= 0 || v > 1e9 {
					t.Errorf("%s of %s: %s = %v, want something that can be", name, s.Scenario, figure, v)
				}
			}
		}
		for name, ratios := range map[string]map[string]map[string]float64{"of_bare": s.OfBare, "of_hashed": s.OfHashed} {
			for figure, r := range ratios {
				if m := r["median"]; m <= 0 || r["least"] != m || r["most"] != m {
					t.Errorf("%s of %s: %s is %v, want one ratio of one turn", name, s.Scenario, figure, r)
				}
			}
			if len(ratios) != 3 {
				t.Errorf("%s of %s has %v, want three ratios", name, s.Scenario, ratios)
			}
		}
		far := strings.HasPrefix(s.Scenario, "far-")
		if far != (s.BareAt > 0) || far != (len(s.BareTried) > 0) || far != (s.Delays["kodo_ms"] == 5 && s.Delays["oss_ms"] == 5) {
			t.Errorf("%s was measured with %v, bare %d at a time of %v; want a choice, and 5 ms, where there is distance and nowhere else", s.Scenario, s.Delays, s.BareAt, s.BareTried)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("scenarios %q, want %q", names, want)
	}
}

// TestBenchSeesHowARunBegins has too few keys for so many ranges and instances: what is
// never reached has no figure, and the bench ends all the same.
func TestBenchSeesHowARunBegins(t *testing.T) {
	t.Parallel() // most of it is waiting
	built, err := binaries.Build("kodoferry/functions/...")
	if err != nil {
		t.Fatal(err)
	}
	all := benchOf(t, "--scale", "0.00002", "--scenario", "first", "--functions", built)
	if len(all) != 1 || all[0].First.Unmeasured != "" {
		t.Fatalf("%+v, want the scenario first alone, functions measured", all)
	}
	for name, r := range map[string]map[string]map[string]float64{"process": all[0].First.Process, "platform": all[0].First.Platform} {
		if s := r["object_s"]["median"]; s <= 0 {
			t.Errorf("%s had its first object after %v s, want something that can be", name, s)
		}
		if len(r) != 1 {
			t.Errorf("%s reached %v, want its first object alone: there are 200 keys", name, r)
		}
	}
}

func TestBenchNamesADirectoryWithoutFunctions(t *testing.T) {
	_, errOut, code := execute(t, nil, "bench", "--scenario", "first", "--functions", t.TempDir())
	if code != cli.ExitUsage || !strings.Contains(errOut, "no executable list in it") {
		t.Errorf("exit code %d with %q, want %d and what is missing", code, errOut, cli.ExitUsage)
	}
}

func TestBenchTableHoldsEveryTargetAgainstItsFigure(t *testing.T) {
	out, errOut, code := execute(t, nil, "bench", "--runs", "1", "--scale", "0.002", "--scenario", "list,small")
	if code != 0 {
		t.Fatalf("exit code %d, want 0: %s", code, errOut)
	}
	for _, want := range []string{"small: 40 objects of 8.0 KiB, 64 at a time", "ferry/hashed", "(want at least 0.90)", "(want at most 1.35)", "(want at most 256)", "list: 4,000 keys", "(want at most 8.0)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "✓") + strings.Count(out, "✗"); n != 5 {
		t.Errorf("%d verdicts, want 5:\n%s", n, out)
	}
}

func TestBenchNamesEveryMistakeAtOnce(t *testing.T) {
	_, errOut, code := execute(t, nil, "bench", "--scenario", "small,huge", "--runs", "0", "--scale", "-1", "--delay", "1h")
	if code != cli.ExitUsage {
		t.Errorf("exit code %d, want %d", code, cli.ExitUsage)
	}
	for _, want := range []string{`"huge": want some of small, large, list, join, delta, reread, verify, far-small, far-large, far-list, first`, "--runs 0: want 1 to 99", "--scale -1: want a number above 0", "--delay 1h0m0s: want 0s to 2s"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("standard error lacks %q:\n%s", want, errOut)
		}
	}
}

// TestNoProgramOfABenchOutlivesIt finds the processes of a bench by a variable
// that they inherit.
func TestNoProgramOfABenchOutlivesIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are looked up in /proc")
	}
	for name, tc := range map[string]struct {
		sig  syscall.Signal
		code int
	}{
		"ended by Ctrl-C":  {syscall.SIGINT, cli.ExitInterrupted},
		"ended by kill -9": {syscall.SIGKILL, -1},
	} {
		t.Run(name, func(t *testing.T) {
			mark := "MARK_OF_TEST=" + t.Name() + strconv.Itoa(os.Getpid())
			both := func() bool { return living(t, mark) >= 3 } // itself, the stand-ins, a program
			_, code := signalled(t, []string{mark}, tc.sig, both, "bench", "--scenario", "list")
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for t.Context().Err() == nil && living(t, mark) > 0 {
				time.Sleep(5 * time.Millisecond) // they end by themselves, or this test never does
			}
		})
	}
}

// living counts the processes whose environment holds mark.
func living(t *testing.T, mark string) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if env, err := os.ReadFile(name); err == nil && bytes.Contains(env, []byte(mark)) {
			n++
		}
	}
	return n
}

func TestStandInsEndWithTheirInput(t *testing.T) {
	out, errOut, code := execute(t, nil, "emulate", "--until-eof", "--json") // whose input is empty
	if code != 0 || !strings.Contains(out, `"endpoint"`) {
		t.Errorf("exit code %d, want 0; printed %q and %q, want endpoints", code, out, errOut)
	}
}
