package main

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/ledger"
	"kodoferry/shared/pipeline/reproof"
)

// verifyRun runs ferry verify with --json and returns its report.
func (c *clouds) verifyRun(t *testing.T, code int, args ...string) reproof.Report {
	t.Helper()
	out, said, got := execute(t, c.env, append(append([]string{"verify"}, args...), "--json", "--quiet", "--ledger", c.ledger)...)
	var rep reproof.Report
	if err := json.Unmarshal([]byte(out), &rep); err != nil || got != code {
		t.Fatalf("verify %v: exit code %d, want %d, %v\n%s%s", args, got, code, err, out, said)
	}
	return rep
}

// named are the keys that a report names.
func named(rep reproof.Report) (keys []string) {
	for _, f := range rep.Failures {
		keys = append(keys, f.Key)
	}
	return keys
}

// damage damages two objects of the target, one of them so that its ETag and CRC64 stay,
// and returns which objects each mode is to name.
func (c *clouds) damage(t *testing.T) map[reproof.Mode][]string {
	t.Helper()
	for i, how := range map[int]oss.Rot{2: oss.Silent, 4: oss.Seen} {
		if err := c.oss.Corrupt(standins.Target, keyOf(i), how); err != nil {
			t.Fatal(err)
		}
	}
	return map[reproof.Mode][]string{reproof.Rows: {keyOf(4)}, reproof.Head: {keyOf(4)}, reproof.Read: {keyOf(2), keyOf(4)}}
}

// TestVerifyFindsDamageThatWasDoneAfterTheRun is for sources at Kodo and at S3.
func TestVerifyFindsDamageThatWasDoneAfterTheRun(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]func(*clouds) string{"Kodo": func(c *clouds) string { return c.src }, "S3": func(c *clouds) string { return c.s3 }} {
		t.Run(name, func(t *testing.T) {
			c := newClouds(t)
			c.fill(t, 30)
			out, said, code := execute(t, c.env, "copy", source(c), c.dst, "--json", "--quiet")
			if code != 0 {
				t.Fatalf("copy: %d\n%s%s", code, out, said)
			}
			run := summaryOf(t, out).Run
			jobName, _, _ := strings.Cut(run, "/")
			for _, mode := range reproof.Modes {
				rep := c.verifyRun(t, 0, jobName, "--mode", string(mode))
				if !rep.Verified || rep.Run != run || rep.Findings[ledger.Holds].Objects != 30 || rep.Sampled != rep.Rows {
					t.Errorf("%s of a bucket as it was: %+v", mode, rep)
				}
			}
			seen := c.listen()
			for mode, want := range c.damage(t) {
				rep := c.verifyRun(t, cli.ExitIncomplete, run, "--mode", string(mode))
				if got := named(rep); !slices.Equal(got, want) || rep.Findings[ledger.Differs].Objects != int64(len(want)) {
					t.Errorf("%s names %q, want %q: %+v", mode, got, want, rep)
				}
			}
			if n := seen.ops["kodo get"] + seen.ops["kodo s3-get"]; n > 0 {
				t.Errorf("the source was asked for %d objects, want none: %v", n, seen.ops)
			}
			text, _, code := execute(t, c.env, "report", run, "--ledger", c.ledger)
			if code != 0 || strings.Count(text, "verified once more") != 6 || !strings.Contains(text, "by read, 100%: not verified: objects are not as they were proved") {
				t.Errorf("the run's report, exit code %d, does not name its verifications:\n%s", code, text)
			}
			rep := c.verifyRun(t, 0, run, "--mode", "read", "--prefix", keyOf(1))
			text, _, code = execute(t, c.env, "report", rep.Verification, "--ledger", c.ledger)
			if code != 0 || !strings.Contains(text, "1 of 1 object looked at") || !strings.Contains(text, "VERIFIED") {
				t.Errorf("the verification's report, exit code %d:\n%s", code, text)
			}
			if status, _, code := execute(t, c.env, "status", rep.Verification, "--ledger", c.ledger); code != 0 || status != text {
				t.Errorf("the verification's status, exit code %d:\n%s", code, status)
			}
			a, b := c.verifyRun(t, 0, run, "--mode", "rows", "--sample", "60%", "--seed", "spring", "--prefix", "photos/0001"), c.verifyRun(t, 0, run, "--mode", "rows", "--sample", "60%", "--seed", "spring", "--prefix", "photos/0001")
			if a.Sampled.Objects >= a.Rows.Objects || a.Sampled != b.Sampled || a.Seed != "spring" || a.Sample != "60%" {
				t.Errorf("a sample by the same seed: %+v and %+v", a, b)
			}
			if out, said, code := execute(t, c.env, "clean", run, "--ledger", c.ledger); code != 0 {
				t.Errorf("clean: %d %s%s", code, out, said)
			}
			if text, _, _ = execute(t, c.env, "report", run, "--ledger", c.ledger); strings.Count(text, "verified once more") != 9 {
				t.Errorf("a clean has taken verifications away:\n%s", text)
			}
		})
	}
}

func TestFunctionsVerifyARunOfTheirs(t *testing.T) {
	t.Parallel() // most of it is waiting
	c := newClouds(t)
	queues := c.withQueues(t)
	c.fill(t, 30)
	c.withFunctions(t, queues, io.Discard)
	run := c.begin(t)
	c.verified(t, run, 30, func() {})
	for _, mode := range reproof.Modes {
		if rep := c.verifyRun(t, 0, run, "--mode", string(mode)); !rep.Verified || rep.Findings[ledger.Holds].Objects != 30 {
			t.Errorf("%s of a bucket as it was: %+v", mode, rep)
		}
	}
	want := c.damage(t)
	for _, mode := range slices.Sorted(maps.Keys(want)) {
		if got := named(c.verifyRun(t, cli.ExitIncomplete, run, "--mode", string(mode))); !slices.Equal(got, want[mode]) {
			t.Errorf("%s names %q, want %q", mode, got, want[mode])
		}
	}
}

func TestWhatVerifyIsNotGivenIsASentence(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 3)
	out, said, code := execute(t, c.env, "copy", c.src, c.dst, "--json", "--quiet")
	if code != 0 {
		t.Fatalf("copy: %d\n%s%s", code, out, said)
	}
	run := summaryOf(t, out).Run
	if out, said, code = execute(t, c.env, "copy", strings.Replace(c.src, "photos/?", "photos/photos/?", 1), c.dst, "--json", "--quiet"); code != 0 {
		t.Fatalf("copy: %d\n%s%s", code, out, said)
	}
	prefixed := summaryOf(t, out).Run
	gone := newClouds(t)
	gone.fill(t, 3)
	if out, said, code = execute(t, gone.env, "copy", gone.src, gone.dst, "--json", "--quiet", "--ledger", c.ledger); code != 0 {
		t.Fatalf("copy: %d\n%s%s", code, out, said)
	}
	goneRun := summaryOf(t, out).Run
	gone.kodo.DropBucket(standins.Source)
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"an unknown mode":       {[]string{run, "--mode", "x"}, `--mode: "x" is no way to verify: it is rows`},
		"an empty sample":       {[]string{run, "--sample", "0"}, `--sample: "0" is no share of the objects: write one from`},
		"no such run":           {[]string{"nobody/20260101T000000Z"}, "there is no run"},
		"another prefix":        {[]string{prefixed, "--prefix", "videos/"}, "--prefix videos/: the run is of keys that begin with photos/"},
		"a verification itself": {[]string{run + "/verifications/20260101T000000Z"}, "is a verification itself"},
		"buckets that are gone": {[]string{goneRun}, "bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			out, said, code := execute(t, c.env, append(append([]string{"verify"}, tc.args...), "--ledger", c.ledger)...)
			if code != cli.ExitUsage || !strings.Contains(said, tc.says) || strings.Count(said, "\n") != 1 {
				t.Errorf("exit code %d, want %d, saying %q:\n%s%s", code, cli.ExitUsage, tc.says, out, said)
			}
		})
	}
}
