// Package sourcetest reads the source of packages, for tests that hold a catalogue of
// sentences against what is said there.
package sourcetest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Match is a place of a file, and what the groups of an expression are there.
type Match struct {
	File   string
	Groups []string // the first is the whole
}

// Matches returns the places of the Go files of a folder, tests apart, that an expression
// matches.
func Matches(t *testing.T, dir string, of *regexp.Regexp) (all []Match) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range of.FindAllStringSubmatch(string(source), -1) {
			all = append(all, Match{name, m})
		}
	}
	return all
}
