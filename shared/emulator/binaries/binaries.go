// Package binaries builds the programs of this module that tests run as
// processes: once for all packages' tests, which go test runs side by side.
package binaries

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// Build builds the main packages that pattern names and returns the directory
// with their executables, each named as its package. The directory is below the
// user's cache and stays: go build leaves an executable there as it is while
// nothing of it has changed, and would link it anew in any other place. Callers
// in other processes wait for each other. The files must not be changed.
func Build(pattern string) (dir string, err error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w", err)
	}
	// Another checkout has binaries of its own, and so has another pattern.
	return BuildIn("", strings.TrimSpace(string(root))+"\x00"+pattern, pattern)
}

// BuildIn is Build of the module in src, "" for the one of the working directory, for all who
// give the same name. Nothing that is built holds the path of src: sources that are unpacked
// in another place with every run are compiled once.
func BuildIn(src, name, pattern string) (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil { // no HOME
		cache = os.TempDir()
	}
	sum := sha256.Sum256([]byte(name))
	dir = filepath.Join(cache, "ferry-tests", fmt.Sprintf("%x", sum[:8]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock := flock.New(dir + ".lock")
	if err := lock.Lock(); err != nil {
		return "", fmt.Errorf("%s: %w", lock.Path(), err)
	}
	defer lock.Close()
	args := []string{"build", "-ldflags=-s -w"} // without what is for debuggers, which no test reads, they link in two thirds of the time
	if src != "" {
		args = append(args, "-trimpath")
	}
	build := exec.Command("go", append(args, "-o", dir+string(filepath.Separator), pattern)...)
	build.Dir = src
	if src != "" {
		// A workspace is not of what was unpacked. Without C, what both import is compiled once for
		// these and for scripts/package.sh.
		build.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	}
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pattern, err, out)
	}
	return dir, nil
}
