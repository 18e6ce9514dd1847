package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kodoferry/shared/report"
)

// TestAJobOfAFileIsDoneByItsName runs one here and starts one for a deployment.
// Both keep their ledger where FERRY_LEDGER says, for the file says nothing.
func TestAJobOfAFileIsDoneByItsName(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 3)
	queues := c.withQueues(t)
	dir := t.TempDir()
	text := fmt.Sprintf("jobs:\n  listed:\n    source: %s\n    target: %s\n    keyList: keys.txt\n  rest: {source: '%s', target: '%s', limits: {batchObjects: 50}}\n", c.src, c.dst, c.src, c.dst)
	for name, text := range map[string]string{"ferry.yaml": text, "keys.txt": keyOf(2) + "\n" + keyOf(0) + "\r\n\"" + keyOf(1) + "\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do := func(args ...string) (out, said string, code int) {
		t.Helper()
		cmd, stdout, stderr := command(t, c.env, args...)
		cmd.Dir = dir
		_ = cmd.Run() // its exit code tells
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}
	out, said, code := do("copy", "listed", "--json")
	if s := summaryOf(t, out); code != 0 || !strings.HasPrefix(s.Run, "listed/") || s.Objects != (report.Totals{Listed: 3, Copied: 3, Verified: 3}) {
		t.Errorf("copy: exit code %d, %+v, want 0 and 3 verified in a run of the job's name\n%s", code, s, said)
	}
	var began struct{ Run string }
	out, said, code = do("start", "rest", "--json")
	if err := json.Unmarshal([]byte(out), &began); code != 0 || err != nil || !strings.HasPrefix(began.Run, "rest/") {
		t.Fatalf("start: exit code %d, %q, %v, want 0 and a run of the job's name\n%s", code, out, err, said)
	}
	if d, err := queues.Depth("ferry-list"); err != nil || d.Ready+d.Delayed != 1 {
		t.Errorf("ferry-list holds %+v (%v), want the first task", d, err)
	}
}

func TestHelpShowsEveryFlagInAGroup(t *testing.T) {
	for _, name := range []string{"copy", "start"} {
		out, said, code := execute(t, nil, name, "--help")
		if code != 0 || said != "" {
			t.Fatalf("%s --help: exit code %d, %s", name, code, said)
		}
		at := -1
		for _, want := range []string{"ferry " + name + " {SRC DST | NAME}", "Examples:", "Which objects", "--include GLOB", "--keys FILE", "What happens to them", "--overwrite", "--max-deletes", "How fast", "--bandwidth RATE", "--part-size SIZE", "The run:", "--file", "--ledger", "--json"} {
			i := strings.Index(out[at+1:], want)
			if i < 0 {
				t.Fatalf("%s --help has no %q behind what is to come before it:\n%s", name, want, out)
			}
			at += 1 + i
		}
	}
}
