package main

import (
	"slices"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/registry"
)

// TestAMirrorRemovesNoMoreThanItMay removes 12 of 40 objects from the source, and
// mirrors that under one bound after the other.
func TestAMirrorRemovesNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 40)
	if _, said, code := execute(t, c.env, "copy", c.src, c.dst); code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	for i := range 12 {
		c.kodo.Remove(standins.Source, keyOf(i))
	}
	for _, tc := range []struct {
		args string
		code int
		want string
	}{
		{"copy --delete", 3, "nothing deleted from the target: 12 objects would be deleted of the 40"},
		{"copy --delete --max-deletes 0", 3, "maxDeletes allows 0"},
		{"copy --delete --max-deletes 0 --max-delete-share 100%", 3, "maxDeletes allows 0"},
		{"copy --delete --max-delete-share 0", 3, "which is over 0 %"},
		{"copy --delete --max-delete-share 29%", 3, "which is over 29 %"},
		{"copy --delete --max-delete-share 30", 2, `"30" is no share`},
		{"plan --delete", 0, "a run would delete nothing from the target: 12 objects would be deleted of the 40"},
		{"copy --delete --max-delete-share 0.3", 0, "12 objects deleted from the target"},
	} {
		args := strings.Fields(tc.args)
		out, said, code := execute(t, c.env, append([]string{args[0], c.src, c.dst}, args[1:]...)...)
		if code != tc.code || !strings.Contains(out+said, tc.want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", tc.args, code, tc.code, tc.want, out, said)
		}
		if _, there := c.oss.Get(standins.Target, keyOf(3)); there == strings.Contains(tc.want, "12 objects deleted") {
			t.Errorf("%s: there is a copy: %v", tc.args, there)
		}
	}
}

// TestAMirrorOfAWrongPrefixLeavesTheCopiesOfAnotherJob gives a mirror a source
// prefix that has a few objects, and the target of another job.
func TestAMirrorOfAWrongPrefixLeavesTheCopiesOfAnotherJob(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 40)
	if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: "wrong/one.jpg", Body: []byte("one")}); err != nil {
		t.Fatal(err)
	}
	if _, said, code := execute(t, c.env, "copy", c.src, c.dst); code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	out, said, code := execute(t, c.env, "copy", strings.Replace(c.src, "/?", "/wrong/?", 1), c.dst, "--delete", "--max-delete-share", "100%")
	if code != 0 || !strings.Contains(out, "0 objects deleted from the target; 41 more that the source does not have left there") {
		t.Errorf("exit code %d\n%s%s", code, out, said)
	}
	for i := range 40 {
		if _, ok := c.oss.Get(standins.Target, keyOf(i)); !ok {
			t.Errorf("%s is gone", keyOf(i))
		}
	}
}

func TestWhatAJobMayRemoveIsToldAsItIsWritten(t *testing.T) {
	before, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "")
	if err != nil {
		t.Fatal(err)
	}
	after := before
	after.MaxDeletes, after.MaxDeleteShare = job.NoDeletes, 0.25
	got, err := registry.Differences(before, after)
	if want := []string{"maxDeleteShare: 0.1 -> 0.25", "maxDeletes: 1000 -> 0"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
