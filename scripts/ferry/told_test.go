package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/report"
)

// spoil changes the ledger's files of that ending; nil removes them.
func (c *clouds) spoil(t *testing.T, ending string, change func([]byte) []byte) {
	t.Helper()
	n := 0
	for _, key := range c.oss.Keys(standins.Target) {
		if !strings.HasPrefix(key, standins.Ledger) || !strings.HasSuffix(key, ending) {
			continue
		}
		n++
		if change == nil {
			c.oss.Remove(standins.Target, key)
			continue
		}
		o, _ := c.oss.Get(standins.Target, key)
		c.application(t, oss.Object{Key: key, Body: change(o.Body)})
	}
	if n == 0 {
		t.Fatalf("the ledger has no %s", ending)
	}
}

// TestWhatAnEarlierRunLeftAndCannotBeBelievedIsTold damages the rows of a run, then its
// other files.
func TestWhatAnEarlierRunLeftAndCannotBeBelievedIsTold(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 4)
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	copied, said, code := execute(t, env, "copy", c.src, c.dst, "--json", "--quiet")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	run := summaryOf(t, copied).Run
	if out, said, code := execute(t, env, "plan", c.src, c.dst); code != 0 || !strings.Contains(out, "4 unchanged: an earlier run proved it") {
		t.Errorf("the plan ends with %d and does not say why they are unchanged: %s%s", code, out, said)
	}

	// The rows, then the CSV file: one that is read well, and says something else.
	c.spoil(t, ".rows", nil)
	out, said, code := execute(t, env, "copy", c.src, c.dst, "--include", "photos/00001.jpg", "--quiet")
	if plan, said, code := execute(t, env, "plan", c.src, c.dst); code != 0 || strings.Count(plan, "not believed: "+standins.Ledger+"runs/"+run+"/objects/") != 1 || !strings.Contains(plan, ".rows, which an earlier run left: it is missing") {
		t.Errorf("exit code %d, and the plan does not tell the missing rows once: %s%s", code, plan, said)
	}
	if code != 0 || strings.Count(out, "not believed: "+standins.Ledger+"runs/"+run+"/objects/") != 1 || !strings.Contains(out, ".rows, which an earlier run left: it is missing") {
		t.Errorf("exit code %d, and the missing rows are not told once: %s%s", code, out, said)
	}
	c.spoil(t, ".csv.gz", withEmptyMember)
	if out, said, code = execute(t, env, "export", run, "--releasable"); code != cli.ExitOther || out != "" || !strings.Contains(said, "is not the one that the run wrote") {
		t.Errorf("exit code %d, %s%s: keys of a file that the run did not write were printed", code, out, said)
	}

	c.spoil(t, "manifest.json", nil)
	for _, args := range [][]string{{"export", run, "--releasable"}, {"report", run, "--out", t.TempDir()}} {
		if out, said, code = execute(t, env, args...); code == 0 || !strings.Contains(said, "has no manifest.json of run "+run) {
			t.Errorf("%s: exit code %d, %s%s: what is missing is not named", args[0], code, out, said)
		}
	}
}

// withEmptyMember appends an empty member to a file of gzip: its rows stay.
func withEmptyMember(b []byte) []byte {
	z := bytes.NewBuffer(bytes.Clone(b))
	_ = gzip.NewWriter(z).Close() // into memory
	return z.Bytes()
}

// TestWhatIsProvedToBeAnotherVersionIsNotAccepted has an object in the target before Ferry
// that one run proves; then the owner moves another of equal size over the source's.
func TestWhatIsProvedToBeAnotherVersionIsNotAccepted(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 3)
		c.application(t, oss.Object{Key: keyOf(0), Body: []byte(bodyOf(0))})
		totals(t, run(), report.Totals{Listed: 3, Copied: 2, Unchanged: 1, Verified: 3})
		c.owner(t, kodo.Object{Key: keyOf(0), Body: []byte(strings.ToUpper(bodyOf(0))), PutTime: time.Now().Add(-1000 * time.Hour)})
		totals(t, run("--present", "accept"), report.Totals{Listed: 3, Unchanged: 2, Conflict: 1, Verified: 2})
	})
}

// TestARunIsToldByItsReport has the ledger hold, under the names that a person looks for, what
// another process had written that was cut off: the run's own manifest has another name.
func TestARunIsToldByItsReport(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 4)
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	if _, said, code := execute(t, env, "copy", c.src, c.dst, "--quiet"); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	run := c.theRun(t)
	at := standins.Ledger + "runs/" + run + "/"
	own := map[string]string{}
	for _, name := range []string{"report.html", "manifest.json"} {
		o, _ := c.oss.Get(standins.Target, at+name)
		own[name] = string(o.Body)
	}
	c.application(t, oss.Object{Key: at + "manifest-" + report.Sum([]byte(own["manifest.json"])) + ".json", Body: []byte(own["manifest.json"])})
	c.spoil(t, "manifest.json", func([]byte) []byte { return []byte(`{"v":2,"run":"` + run + `","files":null}`) })
	c.spoil(t, "report.html", func([]byte) []byte { return []byte("the page of another end") })
	dir := t.TempDir()
	if out, said, code := execute(t, env, "report", run, "--out", dir); code != 0 {
		t.Fatalf("exit code %d: %s%s", code, out, said)
	}
	for name, want := range own {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s is kept as another (%v): %.200s", name, err, got)
		}
	}
	if said, code := checkReport(t, dir); code != 0 {
		t.Errorf("exit code %d: %s", code, said)
	}
	if out, said, code := execute(t, env, "plan", c.src, c.dst); code != 0 || strings.Contains(out+said, "not believed") || !strings.Contains(out, "4 unchanged: an earlier run proved it") {
		t.Errorf("exit code %d, and the run is not believed: %s%s", code, out, said)
	}
}
