//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/report"
)

// TestADirectoryIsMoved runs the real binary: a plan, a copy, a copy that finds all
// unchanged, and one that finds a file that was written to.
func TestADirectoryIsMoved(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	dir := filepath.Join(t.TempDir(), "a b%c")
	files := map[string]string{
		"a.txt": "one", "a/x": "two", "a/y/z": "three", "a!": "four", "empty": "", ".hidden": "five", "照片/é+?#%2F": "six", "big": strings.Repeat("0123456789abcdef", 5<<16),
	}
	old := time.Now().Add(-24 * time.Hour)
	for key, body := range files {
		name := filepath.Join(dir, key)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(body), 0o644), os.Chtimes(name, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("/etc/passwd", filepath.Join(dir, "link")), syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644)); err != nil {
		t.Fatal(err)
	}
	src := "file://" + strings.NewReplacer("%", "%25", " ", "%20").Replace(dir)

	out, said, code := execute(t, c.env, "plan", src, c.dst)
	for _, want := range []string{"10 listed = 8 to copy + 2 to skip", "no regular file", "a directory tells no types"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("the plan (exit code %d) does not say %q:\n%s%s", code, want, out, said)
		}
	}
	if strings.Contains(out, "ask whoever") || strings.Contains(out, "Kodo") {
		t.Errorf("the plan asks for what a directory does not have:\n%s", out)
	}
	if out, said, code = execute(t, c.env, "check", src, c.dst); code != 0 || !strings.Contains(out, "6 objects were read whole") {
		t.Errorf("the check: exit code %d\n%s%s", code, out, said)
	}
	copied := func(want report.Totals) {
		t.Helper()
		out, said, code := execute(t, c.env, "copy", src, c.dst, "--json")
		if s := summaryOf(t, out); code != 0 || s.Result != report.Verified || s.Objects != want {
			t.Fatalf("exit code %d, %+v, want %+v verified\n%s", code, s, want, said)
		}
	}
	copied(report.Totals{Listed: 10, Copied: 8, Skipped: 2, Verified: 8})
	var keys []string
	for key, body := range files {
		keys = append(keys, key)
		if got, ok := c.oss.Get(standins.Target, key); !ok || string(got.Body) != body {
			t.Errorf("%q arrived with %d bytes, want %d", key, len(got.Body), len(body))
		}
	}
	slices.Sort(keys)
	there := slices.DeleteFunc(c.oss.Keys(standins.Target), func(k string) bool { return strings.HasPrefix(k, standins.Ledger) })
	if !slices.Equal(there, keys) {
		t.Errorf("the target holds %q, want %q", there, keys)
	}
	if err := os.WriteFile(filepath.Join(dir, "a/x"), []byte("two, again"), 0o644); err != nil {
		t.Fatal(err)
	}
	copied(report.Totals{Listed: 10, Copied: 1, Unchanged: 7, Skipped: 2, Verified: 8})
	if got, _ := c.oss.Get(standins.Target, "a/x"); string(got.Body) != "two, again" {
		t.Errorf("a/x is %q, want what was written last", got.Body)
	}

	_, said, code = execute(t, c.env, "copy", src+"/none", c.dst)
	if code == 0 || !strings.Contains(said, "does not exist here") {
		t.Errorf("exit code %d for a directory that is not there:\n%s", code, said)
	}
}

// TestAFileThatInitCannotWriteWholeIsNotThere lets a file have no bytes, as on a full disk.
func TestAFileThatInitCannotWriteWholeIsNotThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ferry.yaml")
	c, _, said := command(t, nil, "init", "kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "--no-check", "--file", file)
	c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -f 0; exec "$0" "$@"`, c.Path}, c.Args[1:]...)
	if err := c.Run(); err == nil || !strings.Contains(said.String(), file) {
		t.Errorf("%v: %s, want that the file cannot be written", err, said)
	}
	if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want no file, which another init would leave as it is", err)
	}
}
