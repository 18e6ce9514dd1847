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
)

// TestBenchTellsWhatItMeasured runs every scenario small, over the real binary.
// How fast anything is, no test can say.
func TestBenchTellsWhatItMeasured(t *testing.T) {
	out, errOut, code := execute(t, nil, "bench", "--json", "--runs", "1", "--scale", "0.004")
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d, want 0; standard error %q, want none", code, errOut)
	}
	type program map[string]float64
	var all []struct {
		Scenario            string
		Ferry, Bare, Hashed program
	}
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil || d.More() {
		t.Fatalf("decode: %v; want one array and nothing after it:\n%s", err, out)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Scenario)
		for name, p := range map[string]program{"ferry": s.Ferry, "bare": s.Bare, "hashed": s.Hashed} {
			if len(p) != 4 {
				t.Errorf("%s of %s has %v, want four figures", name, s.Scenario, p)
			}
			for _, figure := range []string{"objects_per_s", "mib_per_s", "cpu_us_per_object", "rss_mib"} {
				if v := p[figure]; v <= 0 || v > 1e9 {
					t.Errorf("%s of %s: %s = %v, want something that can be", name, s.Scenario, figure, v)
				}
			}
		}
	}
	if want := []string{"small", "large", "list", "join", "verify"}; !slices.Equal(names, want) {
		t.Errorf("scenarios %q, want %q", names, want)
	}
}

func TestBenchTableHoldsEveryTargetAgainstItsFigure(t *testing.T) {
	out, errOut, code := execute(t, nil, "bench", "--runs", "1", "--scale", "0.002", "--scenario", "list,small")
	if code != 0 {
		t.Fatalf("exit code %d, want 0: %s", code, errOut)
	}
	for _, want := range []string{"small: 40 objects of 8.0 KiB, 64 at a time", "ferry/hashed", "(want at least 0.80)", "(want at most 1.50)", "(want at most 256)", "list: 4,000 keys", "(want at most 8.0)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "✓") + strings.Count(out, "✗"); n != 5 {
		t.Errorf("%d verdicts, want 5:\n%s", n, out)
	}
}

func TestBenchNamesEveryMistakeAtOnce(t *testing.T) {
	_, errOut, code := execute(t, nil, "bench", "--scenario", "small,huge", "--runs", "0", "--scale", "-1")
	if code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	for _, want := range []string{`"huge": want some of small, large, list, join, verify`, "--runs 0: want 1 to 99", "--scale -1: want a number above 0"} {
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
		"ended by Ctrl-C":  {syscall.SIGINT, exitInterrupted},
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
