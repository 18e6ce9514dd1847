package main

import (
	"encoding/json"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/scripts/ferry/storm"
)

func TestAShortStormMeetsEveryFaultAndLosesNothing(t *testing.T) {
	t.Parallel()
	kept := t.TempDir()
	out, errOut, code := execute(t, nil, "demo", "--storm", "3s", "--seed", "1", "--objects", "50", "--json", "--keep", kept)
	var sum storm.Summary
	if err := json.Unmarshal([]byte(out), &sum); err != nil || code != 0 || !sum.OK || sum.Seed != 1 || sum.Verified == 0 {
		t.Fatalf("exit code %d, %v, %+v\n%s", code, err, sum, errOut)
	}
	written := &told{text: map[string]string{"the storm": out + errOut}}
	written.directory(t, kept)
	for where, text := range written.text {
		if l := leak(text); l != "" || strings.Contains(text, standins.SecretKey) {
			t.Errorf("%s tells a secret %s", where, l)
		}
	}
	if len(written.text) < 2 {
		t.Error("the storm kept no file")
	}
	for _, k := range storm.Kinds() {
		if sum.Faults[k.Name] == 0 || !strings.Contains(errOut, k.What) {
			t.Errorf("%d %s, want some, and a line that says so", sum.Faults[k.Name], k.What)
		}
	}
}

func TestABadStormIsRefusedInASentence(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no length":            {[]string{"--storm", "0s"}, "--storm 0s: write how long it rages, as 10m"},
		"a negative length":    {[]string{"--storm", "-1m"}, "--storm -1m0s: write how long"},
		"no duration":          {[]string{"--storm", "long"}, `--storm "long": want`},
		"no seed":              {[]string{"--storm", "1s", "--seed", "x"}, `--seed "x": want a whole number from 0`},
		"a negative seed":      {[]string{"--storm", "1s", "--seed", "-1"}, `--seed "-1": want a whole number from 0`},
		"no platform":          {[]string{"--storm", "1s", "--platform", "azure"}, `--platform "azure": want process, fc or lambda`},
		"pull, which dies not": {[]string{"--storm", "1s", "--platform", "fc", "--pull"}, "leave one of them out"},
		"too few objects":      {[]string{"--storm", "1s", "--objects", "3"}, "want 50 to 100000"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errOut := new(strings.Builder), new(strings.Builder)
			code := run(t.Context(), append([]string{"demo"}, tc.args...), out, errOut)
			if code != cli.ExitUsage || !strings.Contains(errOut.String(), tc.want) || strings.Count(errOut.String(), "\n") != 1 {
				t.Errorf("exit code %d, %q, want 2 and a sentence with %q", code, errOut, tc.want)
			}
		})
	}
}
