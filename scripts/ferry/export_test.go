package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
)

// TestExportNamesWhatMayBeDeletedAtTheSource changes objects at both sides after a run.
func TestExportNamesWhatMayBeDeletedAtTheSource(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	put := func(key, body string) {
		t.Helper()
		if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: key, Body: []byte(body), PutTime: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a", "b gone", "c changed", "d other", "e lost", "f\nline", "g 猫", "h same", "j\x00nul"} {
		put(key, "the body of "+key)
	}
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	out, said, code := execute(t, env, "copy", c.src, c.dst, "--json", "--quiet")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	run := summaryOf(t, out).Run
	c.kodo.Remove(standins.Source, "b gone")
	put("c changed", "another body") // by the owner, since
	put("h same", "the body of h same")
	put("i new", "came since")
	if err := c.oss.Put(standins.Target, oss.Object{Key: "d other", Body: []byte("by the application")}); err != nil {
		t.Fatal(err)
	}
	c.oss.Remove(standins.Target, "e lost")

	out, said, code = execute(t, env, "export", run, "--releasable")
	if want := "a\ng 猫\nh same\nj\x00nul\n"; code != 0 || out != want {
		t.Errorf("exit code %d, %q, want %q\n%s", code, out, want, said)
	}
	for _, want := range []string{"4 objects", "gone at the source", "changed at the source since", "gone in the target", "not in the target as", "line break", "may be deleted at the source until"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q: %s", want, said)
		}
	}
	out, said, code = execute(t, env, "export", run, "--releasable", "-0")
	if keys := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"); code != 0 || !slices.Equal(keys, []string{"a", "f\nline", "g 猫", "h same"}) {
		t.Errorf("exit code %d, the keys %q", code, keys)
	}
	if want := "left out: 1 object (17 B): with a NUL byte in the key: --json prints it"; !strings.Contains(said, want) {
		t.Errorf("it does not say %q: %s", want, said)
	}
	if out, _, code = execute(t, env, "export", run, "--releasable", "--json"); code != 0 || !strings.Contains(out, `{"key":"f\nline","size":18}`+"\n") {
		t.Errorf("exit code %d, %s", code, out)
	}

	// A run that is not verified: what the application wrote is a conflict.
	if out, said, code = execute(t, env, "copy", c.src, c.dst, "--json", "--quiet"); code != cli.ExitIncomplete {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	for name, args := range map[string][]string{
		"is not verified but incomplete": {"export", summaryOf(t, out).Run, "--releasable"},
		"there is no run":                {"export", "nothing/20260101T000000Z", "--releasable"},
		"say what to export":             {"export", run},
		"are two forms":                  {"export", run, "--releasable", "--null", "--json"},
	} {
		if out, said, code := execute(t, env, args...); code != cli.ExitUsage || !strings.Contains(said, name) || out != "" {
			t.Errorf("%v: exit code %d, want 2 and %q: %s", args, code, name, said)
		}
	}
}

// TestExportNamesNothingThatOnlyMetadataTieToTheSource copies with a ledger that is lost
// then: the next run finds the copies by what they carry, and reads no bytes of them.
func TestExportNamesNothingThatOnlyMetadataTieToTheSource(t *testing.T) {
	c := newClouds(t)
	if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: "a", Body: []byte("the body"), PutTime: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a\n", ""} {
		env := append(slices.Clone(c.env), "FERRY_LEDGER="+strings.Replace(c.ledger, ".ferry/", fmt.Sprintf(".ferry%d/", i), 1))
		out, said, code := execute(t, env, "copy", c.src, c.dst, "--json", "--quiet")
		if code != 0 {
			t.Fatalf("exit code %d\n%s", code, said)
		}
		out, said, code = execute(t, env, "export", summaryOf(t, out).Run, "--releasable")
		if code != 0 || out != want {
			t.Errorf("run %d: exit code %d, %q, want %q\n%s", i, code, out, want, said)
		}
		if only := "left out: 1 object (8 B): tied to the source by metadata alone"; i == 1 && !strings.Contains(said, only) {
			t.Errorf("it does not say %q: %s", only, said)
		}
	}
}
