package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/cli"
)

func TestAListOfWhatIsNoKeyEndsWithThreeAndAHint(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 3)
	for name, tc := range map[string]struct {
		list string
		want []string
	}{
		"columns": {keyOf(0) + "\t13\n" + keyOf(1) + "\t13\n", []string{"2 of the 2 named keys", keyOf(0), "columns with tabs"}},
		"URLs":    {"http://img.example.com/" + keyOf(0) + "\n" + keyOf(2) + "\n", []string{"1 of the 2 named keys", "URLs"}},
	} {
		list := filepath.Join(t.TempDir(), "keys.txt")
		if err := os.WriteFile(list, []byte(tc.list), 0o600); err != nil {
			t.Fatal(err)
		}
		out, errOut, code := execute(t, c.env, "copy", c.src, c.dst, "--keys", list, "--json", "--quiet")
		if code != cli.ExitIncomplete || strings.Contains(errOut, "VERIFIED") {
			t.Errorf("%s: code %d, want %d\n%s", name, code, cli.ExitIncomplete, errOut)
		}
		for _, want := range tc.want {
			if !strings.Contains(errOut, want) || !strings.Contains(out, strings.ReplaceAll(want, "\t", `\t`)) {
				t.Errorf("%s: %q is not told\n%s%s", name, want, errOut, out)
			}
		}
		var rep struct{ Run string }
		if err := json.Unmarshal([]byte(out), &rep); err != nil {
			t.Fatal(err)
		}
		out, _, code = execute(t, c.env, "report", rep.Run, "--ledger", c.ledger)
		if code != cli.ExitIncomplete || !strings.Contains(out, tc.want[0]) {
			t.Errorf("%s: the report ends with %d and does not tell\n%s", name, code, out)
		}
	}
}
