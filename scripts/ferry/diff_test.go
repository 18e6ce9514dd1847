package main

import (
	"encoding/json"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/plan"
)

// TestDiffSaysWhatEachSideHasAndByWhichEvidenceItIsTheSame has a copied bucket, to which
// something was then done on both sides.
func TestDiffSaysWhatEachSideHasAndByWhichEvidenceItIsTheSame(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 4)
	if out, said, code := execute(t, c.env, "copy", c.src, c.dst); code != 0 {
		t.Fatalf("copy: %d %s%s", code, out, said)
	}
	out, said, code := execute(t, c.env, "diff", c.src, c.dst)
	if code != 0 || said != "" || !strings.Contains(out, "they are the same") {
		t.Errorf("a bucket and its copy: exit code %d\n%s%s", code, out, said)
	}
	put := func(key, body string) {
		if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: key, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	put("photos/new", "only here")
	put(keyOf(1), "of another size than before")
	put("photos/foreign", "12345")
	for _, key := range []string{"photos/extra", "photos/foreign"} {
		if err := c.oss.Put(standins.Target, oss.Object{Key: key, Body: []byte("54321")}); err != nil {
			t.Fatal(err)
		}
	}
	seen := c.listen()
	out, said, code = execute(t, c.env, "diff", c.src, c.dst, "--all", "--json", "--quiet")
	if code != cli.ExitIncomplete || said != "" {
		t.Errorf("exit code %d, want %d: %s", code, cli.ExitIncomplete, said)
	}
	got := map[string]plan.Relation{}
	for line := range strings.Lines(out) {
		var d plan.Difference
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		got[d.Key] = d.Relation
	}
	for key, want := range map[string]plan.Relation{
		"photos/new": plan.OnlySource, "photos/extra": plan.OnlyTarget, keyOf(1): plan.Different, "photos/foreign": plan.SameBySize,
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	for _, i := range []int{0, 2, 3} {
		if r := got[keyOf(i)]; r != plan.SameByRun {
			t.Errorf("%s is %q, want it proved to be the same", keyOf(i), r)
		}
	}
	if len(got) != 8 { // seven keys, and the summary, which has none
		t.Errorf("%d keys: %v", len(got), got)
	}
	text, _, _ := execute(t, c.env, "diff", c.src, c.dst)
	for _, want := range []string{"+ photos/new\n", "- photos/extra\n", "* " + keyOf(1), "1 only in the source", "1 of the same size", "they differ"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if text, _, code := execute(t, c.env, "diff", c.src, c.dst, "--prefix", keyOf(2)); code != 0 || !strings.Contains(text, "they are the same") {
		t.Errorf("one key alone: exit code %d\n%s", code, text)
	}
	if ops := seen.changing(); len(ops) > 0 {
		t.Errorf("it asked for %q, want nothing that changes", ops)
	}
}

// TestDiffDoesNotTakeTheMetadataOfAnOverwrittenCopyForItsBytes has the application overwrite
// a copy by other bytes of equal size, whose metadata stay. Without the ledger of the run,
// the copies carry a hash and nothing else: diff says what that is worth.
func TestDiffDoesNotTakeTheMetadataOfAnOverwrittenCopyForItsBytes(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 3)
	if out, said, code := execute(t, c.env, "copy", c.src, c.dst); code != 0 {
		t.Fatalf("copy: %d %s%s", code, out, said)
	}
	was, _ := c.oss.Get(standins.Target, keyOf(1))
	c.application(t, oss.Object{Key: keyOf(1), Body: []byte(strings.ToUpper(bodyOf(1))), Meta: was.Meta})
	out, _, code := execute(t, c.env, "diff", c.src, c.dst, "--json", "--quiet")
	if want := `"key":"` + keyOf(1) + `","relation":"different"`; code != cli.ExitIncomplete || !strings.Contains(out, want) || !strings.Contains(out, "the target's object was overwritten: its ETag is ") {
		t.Errorf("exit code %d, it does not say %s:\n%s", code, want, out)
	}
	for _, key := range c.oss.Keys(standins.Target) {
		if strings.HasPrefix(key, ".ferry/") {
			c.oss.Remove(standins.Target, key)
		}
	}
	if out, said, code := execute(t, c.env, "diff", c.src, c.dst); code != 0 || strings.Contains(out, "they are the same") ||
		!strings.Contains(out, "3 the same by the hash in the target's metadata alone") || !strings.Contains(out, "3 objects are held to be the same by a hash in the metadata, which whoever overwrites an object may keep") {
		t.Errorf("exit code %d, it does not say what is weak about the evidence:\n%s%s", code, out, said)
	}
	if out, _, _ := execute(t, c.env, "diff", c.src, c.dst, "--json", "--all", "--quiet"); !strings.Contains(out, `"relation":"same_kept"`) || !strings.Contains(out, "whoever overwrites it may keep") {
		t.Errorf("a line of JSON does not say what is weak about its evidence:\n%s", out)
	}
}

func TestDiffOfABucketWithItselfIsAMistake(t *testing.T) {
	c := newClouds(t)
	for _, args := range [][]string{{c.dst, c.dst}, {c.src, c.src}} {
		_, said, code := execute(t, c.env, "diff", args[0], args[1])
		if code != cli.ExitUsage || !strings.Contains(said, "are the same bucket") {
			t.Errorf("diff %v: exit code %d: %s", args, code, said)
		}
	}
	if _, said, code := execute(t, c.env, "diff", "ftp://a/", c.dst); code != cli.ExitUsage || !strings.Contains(said, "source: ") {
		t.Errorf("an unknown scheme: exit code %d: %s", code, said)
	}
}
