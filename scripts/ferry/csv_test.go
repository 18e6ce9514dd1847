package main

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/report"
)

// TestCSVForSpreadsheetsLeavesTheProofAsItIs copies keys that are formulas.
func TestCSVForSpreadsheetsLeavesTheProofAsItIs(t *testing.T) {
	c := newClouds(t)
	keys := []string{"=1+1", "=HYPERLINK(\"http://x/\")", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "plain.jpg", "a=b", "'=1", "猫.jpg"}
	slices.Sort(keys)
	want := map[string]bool{}
	for _, key := range keys {
		if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: key, Body: []byte(key), PutTime: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
		safe := key
		if strings.IndexAny(key, "=+-@\t\r＝") == 0 {
			safe = "'" + key
		}
		want[safe] = true
	}
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	out, said, code := execute(t, env, "copy", c.src, c.dst, "--json", "--quiet")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	run, dir := summaryOf(t, out).Run, t.TempDir()
	if _, said, code := execute(t, env, "report", run, "--out", dir, "--csv", "safe"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m report.Manifest
	if err := json.Unmarshal(raw, &m); err != nil || len(m.Files) == 0 {
		t.Fatalf("%s: %v", raw, err)
	}
	for _, f := range m.Files {
		exact, err := os.ReadFile(filepath.Join(dir, f.Name))
		if sum := sha256.Sum256(exact); err != nil || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s is not what the manifest vouches for: %v", f.Name, err)
		}
		plain, err := os.ReadFile(filepath.Join(dir, strings.TrimSuffix(f.Name, ".csv.gz")+".safe.csv"))
		text, marked := strings.CutPrefix(string(plain), "\ufeff")
		if err != nil || !marked {
			t.Fatalf("the copy for spreadsheets begins with %.9q: %v", plain, err)
		}
		lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || int64(len(lines)) != f.Rows+1 {
			t.Fatalf("%d lines, %v, want %d and a heading", len(lines), err, f.Rows)
		}
		for _, line := range lines[1:] {
			if !want[line[0]] {
				t.Errorf("the key %q is not safe, or none of ours", line[0])
			}
			delete(want, line[0])
		}
	}
	if len(want) > 0 {
		t.Errorf("not told: %v", want)
	}
	for _, wrong := range [][]string{{"--csv", "safe"}, {"--csv", "unsafe", "--out", dir}} {
		if _, said, code := execute(t, env, append([]string{"report", run}, wrong...)...); code != cli.ExitUsage || !strings.Contains(said, "--csv") {
			t.Errorf("%v: exit code %d, %s", wrong, code, said)
		}
	}
}
