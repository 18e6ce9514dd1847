// Package formats holds FORMATS.md to the code, in the tests of those who read what it
// documents.
package formats

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"kodoferry/shared/ledger/files"
)

// Shared is the heading of what several files are made of.
const Shared = "Shared parts"

// Section is what FORMATS.md says below a heading, without the ticks around a path.
func Section(t testing.TB, heading string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), "shared", "ledger", "FORMATS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for section := range strings.SplitSeq(string(data), "\n## ") {
		first, rest, _ := strings.Cut(section, "\n")
		if strings.ReplaceAll(first, "`", "") == heading {
			return rest
		}
	}
	t.Fatalf("FORMATS.md has no section %s", heading)
	return ""
}

// root is the directory of the module, which the package under test lies in.
func root(t testing.TB) string {
	dir, err := os.Getwd()
	for err == nil {
		if _, gone := os.Stat(filepath.Join(dir, "go.mod")); gone == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("there is no go.mod above the test: %v", err)
	return ""
}

var fence = regexp.MustCompile("(?s)```[a-z]+\n(.*?)```")

// Example is the example of a section.
func Example(t testing.TB, heading string) []byte {
	t.Helper()
	m := fence.FindStringSubmatch(Section(t, heading))
	if m == nil {
		t.Fatalf("section %s has no example", heading)
	}
	return []byte(m[1])
}

// Record decodes the example of a section as a ledger does, and fails where that has a
// field that T has not, or T one that neither the section nor the shared parts name.
func Record[T any](t *testing.T, heading string) {
	t.Helper()
	data := Example(t, heading)
	if _, err := files.DecodeRecord[T](data, heading); err != nil {
		t.Errorf("%s: its example is no record: %v", heading, err)
	}
	Fields[T](t, heading, data)
}

// Fields holds one line of JSON, and the fields of T, against a section.
func Fields[T any](t *testing.T, heading string, line []byte) {
	t.Helper()
	strict := json.NewDecoder(bytes.NewReader(line))
	strict.DisallowUnknownFields()
	var record T
	if err := strict.Decode(&record); err != nil {
		t.Errorf("%s: its example: %v", heading, err)
	}
	text := Section(t, heading) + Section(t, Shared)
	named(t, heading, text, reflect.TypeFor[T](), map[reflect.Type]bool{})
}

// named fails where a field of a type, or of what it is made of, is not named.
func named(t *testing.T, heading, text string, of reflect.Type, seen map[reflect.Type]bool) {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		named(t, heading, text, of.Elem(), seen)
		return
	case reflect.Struct:
	default:
		return
	}
	if seen[of] || !strings.HasPrefix(of.PkgPath(), "kodoferry/") {
		return
	}
	seen[of] = true
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" && !f.Anonymous {
			continue
		}
		if name != "" && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s: field %s of %s is not documented", heading, name, of)
		}
		named(t, heading, text, f.Type, seen)
	}
}
