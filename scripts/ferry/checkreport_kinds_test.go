package main

import (
	"os"
	"path/filepath"
	"testing"

	"kodoferry/scripts/ferry/standins"
)

// TestTheCheckerPassesRunsOfEveryKind checks a run that mirrors deletions and one of a list
// of keys, some of which the source has not.
func TestTheCheckerPassesRunsOfEveryKind(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 40)
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte(keyOf(20)+"\n"+keyOf(7)+"\nnowhere.jpg\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func(name string, code int, args ...string) {
		t.Helper()
		out, said, got := execute(t, env, append([]string{"copy", c.src, c.dst, "--json", "--quiet"}, args...)...)
		if got != code {
			t.Fatalf("%s: exit code %d, want %d\n%s", name, got, code, said)
		}
		dir := t.TempDir()
		if _, said, got = execute(t, env, "report", summaryOf(t, out).Run, "--out", dir); got != code {
			t.Fatalf("%s: exit code %d\n%s", name, got, said)
		}
		if said, got := checkReport(t, dir); got != 0 {
			t.Errorf("%s: exit code %d: %s", name, got, said)
		}
	}
	check("the first run", 0)
	check("of a list of keys", 3, "--keys", keys)
	for i := range 5 {
		c.kodo.Remove(standins.Source, keyOf(i))
	}
	check("that mirrors deletions", 0, "--delete", "--max-delete-share", "100%")
	check("of a prefix that has nothing", 0, "--include", "nothing/**", "--allow-empty")
}
