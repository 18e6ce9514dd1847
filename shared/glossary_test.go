package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tables reads the first columns of the glossary's two tables.
func tables(t *testing.T) (words, retired []string) {
	t.Helper()
	text, err := os.ReadFile("GLOSSARY.md")
	if err != nil {
		t.Fatal(err)
	}
	into := (*[]string)(nil)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			into = nil
			continue
		}
		switch first := strings.TrimSpace(cells[1]); {
		case first == "word":
			into = &words
		case first == "retired":
			into = &retired
		case strings.HasPrefix(first, "---"):
		case into != nil:
			for w := range strings.SplitSeq(first, ",") {
				*into = append(*into, strings.TrimSpace(w))
			}
		}
	}
	return words, retired
}

func TestTheGlossaryIsShort(t *testing.T) {
	words, retired := tables(t)
	if len(words) < 20 || len(words) > 50 || len(retired) == 0 { // some lines have two
		t.Errorf("%d words and %d retired ones, want at most 40 lines of words", len(words), len(retired))
	}
	if both := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !slices.Contains(retired, w) }); len(both) > 0 {
		t.Errorf("%q are words and retired", both)
	}
}

var camel = regexp.MustCompile(`[A-Z]+[a-z0-9]*|[a-z0-9]+`)

func TestNoExportedNameHasARetiredWord(t *testing.T) {
	_, retired := tables(t)
	names := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := path.Base(name); d.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../"+name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, id := range declared(file) {
			names++
			for _, w := range camel.FindAllString(id, -1) {
				if slices.Contains(retired, strings.ToLower(w)) {
					t.Errorf("%s: %s has the word %q, which the glossary retires", name, id, strings.ToLower(w))
				}
			}
		}
		return nil
	})
	if err != nil || names < 500 {
		t.Errorf("%d names were looked at, %v", names, err)
	}
}

// declared returns the exported names that a file declares, those of fields and methods included.
func declared(file *ast.File) []string {
	var out []string
	add := func(ids ...*ast.Ident) {
		for _, id := range ids {
			if id.IsExported() {
				out = append(out, id.Name)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch d := n.(type) {
		case *ast.FuncDecl:
			add(d.Name)
		case *ast.TypeSpec:
			add(d.Name)
		case *ast.ValueSpec:
			add(d.Names...)
		case *ast.Field:
			add(d.Names...)
		}
		return true
	})
	return out
}
