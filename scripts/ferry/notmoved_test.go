package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
)

// TestWhatDidNotMoveStandsInTheHeadlineAndByCause has archived and disabled objects,
// and failures whose keys upset whoever takes sentences apart.
func TestWhatDidNotMoveStandsInTheHeadlineAndByCause(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 3)
	add := func(o kodo.Object) {
		o.Body = []byte(o.Key)
		if _, err := c.kodo.Put(standins.Source, o); err != nil {
			t.Fatal(err)
		}
	}
	add(kodo.Object{Key: "archived", Type: 2})
	add(kodo.Object{Key: "disabled", Status: 1})
	out, said, code := execute(t, c.env, "copy", c.src, c.dst, "--json")
	if s := summaryOf(t, out); code != cli.ExitOK || s.NotMoved != 2 {
		t.Errorf("exit code %d, %d not moved, want 0 and 2", code, s.NotMoved)
	}
	for _, want := range []string{"; 2 not moved\n", "1 skipped: archived at the source and not thawed\n    restore (", "1 skipped: disabled at the source by the owner\n    enable ("} {
		if !strings.Contains(said, want) {
			t.Errorf("the summary lacks %q:\n%s", want, said)
		}
	}
	for i := range 9 {
		add(kodo.Object{Key: fmt.Sprintf("bad; %d \"7f3a%d\" 'x", i, i*7919), Hash: fmt.Sprintf("FkXAIGDnCbH5M2CwKqkYyfLzM%03d", i)})
	}
	out, said, code = execute(t, append(c.env, "FERRY_LEDGER="+c.ledger), "copy", c.src, c.dst)
	if code != cli.ExitIncomplete || !regexp.MustCompile(`INCOMPLETE in .* s: 9 failed; 2 not moved\n`).MatchString(out) {
		t.Errorf("exit code %d, want %d and a headline\n%s%s", code, cli.ExitIncomplete, out, said)
	}
	run := regexp.MustCompile(`ferry report (\S+)`).FindStringSubmatch(out)[1]
	out, _, _ = execute(t, append(c.env, "FERRY_LEDGER="+c.ledger), "report", run)
	if n := strings.Count(out, "failed: "); n != 1 || !strings.Contains(out, "9 failed: The listed hash is wrong") {
		t.Errorf("%d groups, want one of all 9\n%s", n, out)
	}
}
