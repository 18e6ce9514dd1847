package main

import (
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/standins"
)

// TestWhatAMirrorFindsAtTheSourceSpeaksAgainstTheListing has a listing that ends
// early for ever, two objects before the end of the bucket.
func TestWhatAMirrorFindsAtTheSourceSpeaksAgainstTheListing(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 40)
	var hides atomic.Bool
	last := regexp.MustCompile(`(?s)<Contents>.{0,40}<Key>[^<]*0003[89]\.jpg</Key>.*?</Contents>`)
	src := c.relisting(t, func(listing string) string {
		if hides.Load() {
			return last.ReplaceAllString(listing, "")
		}
		return listing
	})
	if out, said, code := execute(t, c.env, "copy", src, c.dst); code != cli.ExitOK || !strings.Contains(out, "40 verified") {
		t.Fatalf("exit code %d\n%s%s", code, out, said)
	}
	hides.Store(true)
	out, said, code := execute(t, c.env, "copy", src, c.dst, "--delete")
	if code != cli.ExitIncomplete || strings.Contains(out, "VERIFIED") || !strings.Contains(out, "2 objects were at the source all the time") || !strings.Contains(out, "2 kept") {
		t.Errorf("exit code %d, want %d, for 2 objects that were not listed\n%s%s", code, cli.ExitIncomplete, out, said)
	}
	if _, ok := c.oss.Get(standins.Target, keyOf(39)); !ok {
		t.Error("the copy of an object that the source has was deleted")
	}
	hides.Store(false)
	if out, said, code := execute(t, c.env, "copy", src, c.dst, "--delete"); code != cli.ExitOK || !strings.Contains(out, "40 verified") {
		t.Errorf("listed whole again: exit code %d, want 0\n%s%s", code, out, said)
	}
}
