package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
	"kodoferry/shared/store/storetest"
)

// place is an empty directory, opened.
func place(t *testing.T) (dir string, b *Bucket) {
	t.Helper()
	dir = t.TempDir()
	b, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return dir, b
}

// write makes a file, and the directories above it.
func write(t *testing.T, dir, key, body string) {
	t.Helper()
	name := filepath.Join(dir, filepath.FromSlash(key))
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(body), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// files are those of keys that can be paths of files side by side: a path has no
// empty name, no dots and no name of over 255 bytes, and no file is a directory.
func files(keys []string) []string {
	ok := slices.DeleteFunc(slices.Clone(keys), func(k string) bool {
		return !fs.ValidPath(k) || slices.ContainsFunc(strings.Split(k, "/"), func(name string) bool { return len(name) > 255 })
	})
	return slices.DeleteFunc(slices.Clone(ok), func(k string) bool {
		return slices.ContainsFunc(ok, func(other string) bool { return strings.HasPrefix(other, k+"/") })
	})
}

func TestConformance(t *testing.T) {
	storetest.Source(t, func(t *testing.T) storetest.Fixture {
		dir, b := place(t)
		return storetest.Fixture{Source: b, Holds: files, Put: func(o store.Object, body []byte) { write(t, dir, o.Key, string(body)) }}
	})
}

func list(t *testing.T, b *Bucket, r store.Range) (keys []string, err error) {
	t.Helper()
	for o, err := range b.List(t.Context(), r) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// TestAListingIsInByteOrderOfKeysHoweverLittleIsHeld lists random trees whose names
// sort on either side of a slash, from random starts, holding two names at a time.
func TestAListingIsInByteOrderOfKeysHoweverLittleIsHeld(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		dir, b := place(t)
		names := []string{"a", "a!", "a.txt", "a-", "a0", "aa", "ab", "b", "中", "é"}
		var all []string
		for range 60 {
			key := names[r.IntN(len(names))]
			for range r.IntN(3) {
				key += "/" + names[r.IntN(len(names))]
			}
			all = append(all, key)
		}
		all = files(all)
		slices.Sort(all)
		all = slices.Compact(all)
		for _, k := range all {
			write(t, dir, k, "x")
		}
		root, err := b.open("", fault.NotFound)
		if err != nil {
			t.Fatal(err)
		}
		pick := func() string { return append(all, "", "a", "a/", "a/z", "zz")[r.IntN(len(all)+5)] }
		for range 40 {
			in := store.Range{After: pick(), UpTo: pick(), Prefix: []string{"", "", "a", "a/", "a/a", "none"}[r.IntN(6)]}
			var want, got []string
			for _, k := range all {
				if strings.HasPrefix(k, in.Prefix) && k > in.After && (in.UpTo == "" || k <= in.UpTo) {
					want = append(want, k)
				}
			}
			w := walk{ctx: t.Context(), in: in, held: 2, yield: func(o store.Object, err error) bool {
				if err != nil {
					t.Error(err)
				}
				got = append(got, o.Key)
				return true
			}}
			w.below(root, "")
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, %+v: got %q, want %q", seed, in, got, want)
			}
		}
	}
}

// TestAFileThatIsWrittenToWhileItIsReadFailsBeforeItsLastByte writes to it when half
// of it has been read.
func TestAFileThatIsWrittenToWhileItIsReadFailsBeforeItsLastByte(t *testing.T) {
	const size = 100_000
	for name, change := range map[string]func(file string) error{
		"cut":         func(file string) error { return os.Truncate(file, size/2+10) },
		"longer":      func(file string) error { return os.Truncate(file, size+1) },
		"overwritten": func(file string) error { return os.WriteFile(file, make([]byte, size), 0o644) },
		"touched":     func(file string) error { return os.Chtimes(file, time.Time{}, time.Unix(1_700_000_000, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, b := place(t)
			write(t, dir, "k", strings.Repeat("x", size))
			file := filepath.Join(dir, "k")
			if err := os.Chtimes(file, time.Time{}, time.Unix(1_600_000_000, 0)); err != nil {
				t.Fatal(err)
			}
			_, body, err := b.Open(t.Context(), store.Object{Key: "k"}, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = body.Close() }()
			half, err := io.ReadFull(body, make([]byte, size/2))
			if err := errors.Join(err, change(file)); err != nil {
				t.Fatal(err)
			}
			rest, err := io.Copy(io.Discard, body)
			if fault.KindOf(err) != fault.Changed || int64(half)+rest >= size {
				t.Errorf("%v after %d bytes, want Changed before %d", err, int64(half)+rest, size)
			}
		})
	}
}

func TestTroubleIsNamed(t *testing.T) {
	dir, b := place(t)
	write(t, dir, "a", "x")
	write(t, dir, "b\xff", "x")
	if keys, err := list(t, b, store.Range{}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `"b\xff"`) || len(keys) != 1 {
		t.Errorf("a name that is not UTF-8: %q, %v, want a and then Invalid, with the name", keys, err)
	}
	for name, tc := range map[string]struct {
		dir  string
		kind fault.Kind
	}{"no directory": {filepath.Join(dir, "a"), fault.Invalid}, "nothing": {filepath.Join(dir, "none"), fault.NotFound}} {
		b, err := Open(Config{Dir: tc.dir})
		if err != nil {
			t.Fatal(err)
		}
		_, listed := list(t, b, store.Range{})
		for what, err := range map[string]error{"Check": b.Check(t.Context()), "List": listed} {
			if fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.dir) {
				t.Errorf("%s, %s: %v, want %s and the path", name, what, err, tc.kind)
			}
		}
		if _, err := b.Stat(t.Context(), "k"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: Stat says %v, want Invalid: it says nothing of the file", name, err)
		}
	}
	if _, err := Open(Config{Dir: "relative"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a relative path: %v, want Invalid", err)
	}
}

func TestADirectoryThatMayNotBeReadEndsTheListing(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read every directory")
	}
	dir, b := place(t)
	write(t, dir, "a", "x")
	write(t, dir, "closed/k", "x")
	closed := filepath.Join(dir, "closed")
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o755) })
	if keys, err := list(t, b, store.Range{}); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "closed") {
		t.Errorf("%q, %v, want Denied", keys, err)
	}
}

func TestAListingEndsWithItsContextInsideADirectory(t *testing.T) {
	dir, b := place(t)
	for i := range 50 {
		write(t, dir, fmt.Sprintf("%02d", i), "x")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var n int
	var last error
	for _, last = range b.List(ctx, store.Range{}) {
		if n++; n == 10 {
			cancel()
		}
	}
	if n != 11 || fault.KindOf(last) != fault.Temporary {
		t.Errorf("%v after %d, want a Temporary error as the 11th", last, n)
	}
	cancel()
}
