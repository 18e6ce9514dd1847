package formats

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestEverySectionIsReadByATest finds the heading of each section with an example in some test.
func TestEverySectionIsReadByATest(t *testing.T) {
	data, err := os.ReadFile("../FORMATS.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "formats_test.go") {
			return err
		}
		text, err := os.ReadFile(filepath.Join("../..", name))
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for section := range strings.SplitSeq(string(data), "\n## ") {
		first, rest, _ := strings.Cut(section, "\n")
		heading := strings.ReplaceAll(first, "`", "")
		if fence.MatchString(rest) && !strings.Contains(tests.String(), strconv.Quote(heading)) {
			t.Errorf("no test reads the example of %s", heading)
		}
	}
}
