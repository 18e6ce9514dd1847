package main

import (
	"strings"
	"testing"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/shared/report"
)

// TestNothingToCopyIsAMistakeUnlessTheJobAllowsIt copies from prefixes that have
// nothing, and with filters that choose nothing.
func TestNothingToCopyIsAMistakeUnlessTheJobAllowsIt(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 3)
	for name, tc := range map[string]struct {
		prefix string
		args   []string
		code   int
		want   string
	}{
		"a prefix that has nothing":        {"2019", nil, cli.ExitIncomplete, "nothing was listed below 2019; there are photos/"},
		"a prefix spelled wrong":           {"photo/", nil, cli.ExitIncomplete, "nothing was listed below photo/; there are photos/"},
		"one that may be empty":            {"2020", []string{"--allow-empty"}, cli.ExitOK, "VERIFIED"},
		"a filter that chooses nothing":    {"", []string{"--suffix", ".gif"}, cli.ExitIncomplete, "chose none of the 3 objects that were listed"},
		"a filter that may choose nothing": {"", []string{"--suffix", ".gif", "--allow-empty"}, cli.ExitOK, "VERIFIED"},
	} {
		t.Run(name, func(t *testing.T) {
			src := strings.Replace(c.src, "/?", "/"+tc.prefix+"?", 1)
			out, said, code := execute(t, c.env, append([]string{"copy", src, c.dst, "--json"}, tc.args...)...)
			s := summaryOf(t, out)
			if code != tc.code || !strings.Contains(said, tc.want) || strings.Contains(s.Reason, tc.want) != (code == cli.ExitIncomplete) || (s.Result == report.Verified) != (code == cli.ExitOK) {
				t.Errorf("exit code %d, %+v, want %d and %q\n%s", code, s, tc.code, tc.want, said)
			}
		})
	}
}
