package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/emulator/binaries"
	"kodoferry/shared/report"
)

func TestDemoKeepsItsContract(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, errOut, code := execute(t, nil, "demo", "--objects", "300", "--json", "--keep", dir)
	if code != 0 {
		t.Fatalf("exit code %d, want 0\n%s", code, errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var s report.Summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatalf("the last line of standard output is %q: %v", lines[len(lines)-1], err)
	}
	want := report.Totals{Listed: 300, Copied: 294, Skipped: 2, Conflict: 1, Gone: 1, Failed: 2, Verified: 294}
	if s.Objects != want || s.Result != report.Incomplete {
		t.Errorf("summary = %s %+v, want %s %+v", s.Result, s.Objects, report.Incomplete, want)
	}
	for _, want := range []string{
		"flipped byte caught in ", ", never visible", "a worker dies with", "the owner deletes ", "the owner overwrites ", "the application writes its own ",
		"none ever became visible", "never with a wrong byte", "Every object ended exactly as it must.", "Report: " + filepath.Join(dir, "report.html"),
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, name := range []string{"report.html", "report.json", "manifest.json", "objects/*.csv.gz"} {
		if found, err := filepath.Glob(filepath.Join(dir, name)); err != nil || len(found) == 0 {
			t.Errorf("no %s in the report's directory (%v)", name, err)
		}
	}
	var rep report.Report
	if data, err := os.ReadFile(filepath.Join(dir, "report.json")); err != nil || json.Unmarshal(data, &rep) != nil || rep.Summary != s {
		t.Errorf("report.json says %+v (%v), standard output %+v", rep.Summary, err, s)
	}
}

func TestDemoRunsThroughTheFunctions(t *testing.T) {
	t.Parallel()
	built, err := binaries.Build("kodoferry/functions/...")
	if err != nil {
		t.Fatal(err)
	}
	// The demo builds the functions itself, or is given them. What the pages of MNS and
	// EventBridge leave open: no counts, one task at a time in a stream, streams alone (all
	// but the last), pull alone.
	for name, tc := range map[string]struct {
		args    []string
		objects int64
		copies  string // the function that does
	}{
		standins.FC:                  {[]string{"--platform", standins.FC}, 120, "copy"},
		"fc as its pages leave open": {[]string{"--platform", standins.FC, "--functions", built, "--zero-counts", "--serial-streams"}, 120, "copy"},
		"fc by pull alone":           {[]string{"--platform", standins.FC, "--functions", built, "--zero-counts", "--pull"}, 120, "pull"},
		standins.Lambda:              {[]string{"--platform", standins.Lambda, "--functions", built}, 120, "copy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errOut, code := execute(t, nil, append([]string{"demo", "--objects", strconv.FormatInt(tc.objects, 10), "--json", "--keep", t.TempDir()}, tc.args...)...)
			if code != 0 {
				t.Fatalf("exit code %d, want 0\n%s", code, errOut)
			}
			done := tc.objects - 6
			want := report.Totals{Listed: tc.objects, Copied: done, Skipped: 2, Conflict: 1, Gone: 1, Failed: 2, Verified: done}
			if s := summaryOf(t, out); s.Objects != want {
				t.Errorf("summary = %+v, want %+v", s.Objects, want)
			}
			killed := map[string]string{"copy": "an instance of the copy function is killed"}[tc.copies]
			for _, want := range []string{"flipped byte caught in ", killed, "ferry-verify ", "Every object ended exactly as it must."} {
				if !strings.Contains(errOut, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if _, line, _ := strings.Cut(errOut, "  ferry-copy "); tc.copies == "pull" && !strings.HasPrefix(strings.TrimSpace(line), "0 invocations") {
				t.Errorf("copy tasks came by a stream: %.100q", line)
			}
		})
	}
}

func TestDemoRefusesABucketItHasNoRoomFor(t *testing.T) {
	out, errOut := new(bytes.Buffer), new(bytes.Buffer)
	if code := run(t.Context(), []string{"demo", "--objects", "3"}, out, errOut); code != cli.ExitUsage || !strings.Contains(errOut.String(), "want 50 to 100000") {
		t.Errorf("exit code %d, %q, want 2 and the bounds", code, errOut)
	}
}

func TestNumbersReadAsPeopleWriteThem(t *testing.T) {
	for got, want := range map[string]string{
		words.Size(0): "0 B", words.Size(68 << 10): "68 KiB", words.Size(-1): "0 B",
		words.Count(1, "object", "objects"): "1 object", words.Count(2000, "object", "objects"): "2,000 objects",
		words.Key("a/b 照片.jpg"): "a/b 照片.jpg", words.Key("a\x1b[31m"): `"a\x1b[31m"`, words.Key("rtl/\u202egpj.exe"): `"rtl/\u202egpj.exe"`, words.Key(" a"): `" a"`,
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
