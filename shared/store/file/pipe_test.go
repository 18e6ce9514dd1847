//go:build unix

package file

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

// TestWhatIsNoRegularFileIsNamedAndNotRead has links that lead in a circle, out of the
// directory and nowhere, a pipe that nobody writes to, and a socket.
func TestWhatIsNoRegularFileIsNamedAndNotRead(t *testing.T) {
	dir, b := place(t)
	outside := t.TempDir()
	write(t, outside, "secret", "not of this directory")
	write(t, dir, "dir/file", "x")
	write(t, dir, ".hidden", "y")
	for name, to := range map[string]string{"out": outside, "out-file": filepath.Join(outside, "secret"), "up": "..", "circle": ".", "in": "dir/file", "nowhere": "none"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	var got []string
	for o, err := range b.List(t.Context(), store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Disabled {
			o.Key += " disabled"
		}
		got = append(got, o.Key)
	}
	if want := []string{".hidden", "circle disabled", "dir/file", "in disabled", "nowhere disabled", "out disabled", "out-file disabled", "pipe disabled", "up disabled"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	for _, key := range []string{"circle", "in", "nowhere", "out", "out-file", "pipe", "up"} {
		if _, _, err := b.Open(t.Context(), store.Object{Key: key}, 0, -1); fault.KindOf(err) != fault.Denied {
			t.Errorf("Open(%q): %v, want Denied", key, err)
		}
	}
	for _, key := range []string{"out/secret", "circle/.hidden", "up/x", "../x", "/etc/passwd", "dir", "dir/", "dir/file/x", "", ".", "a\x00b", strings.Repeat("n", 300)} {
		if _, err := b.Stat(t.Context(), key); fault.KindOf(err) != fault.NotFound {
			t.Errorf("Stat(%q): %v, want NotFound", key, err)
		}
		if _, _, err := b.Open(t.Context(), store.Object{Key: key}, 0, -1); fault.KindOf(err) != fault.NotFound {
			t.Errorf("Open(%q): %v, want NotFound", key, err)
		}
	}
}
