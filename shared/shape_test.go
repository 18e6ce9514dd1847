package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	mostMethods   = 20 // of a type, those of what it embeds included, but for a driver's
	mostEmbedding = 1  // levels: what a type embeds embeds nothing
)

// drivers have what their ports have, and speak a wire protocol: their methods are not counted.
var drivers = []string{"shared/store/...", "shared/queue/...", "shared/emulator/..."}

// shape is what the bounds are about of one type.
type shape struct {
	methods  int
	embedded []string // types of this module, as `shared/report.Summary`
}

// shapes reads the types of all packages below root, but those in tests, by `folder.name`.
func shapes(root string) (map[string]*shape, error) {
	types := map[string]*shape{}
	of := func(name string) *shape {
		if types[name] == nil {
			types[name] = &shape{}
		}
		return types[name]
	}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		imported := map[string]string{} // folders by the names they have in the file
		for _, spec := range parsed.Imports {
			at, _ := strconv.Unquote(spec.Path.Value)
			name := path.Base(at)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			imported[name] = strings.TrimPrefix(at, module+"/")
		}
		for _, decl := range parsed.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv != nil && !matches(drivers, dir) {
					of(dir+"."+typeName(decl.Recv.List[0].Type)).methods++
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					spec, ok := spec.(*ast.TypeSpec)
					if !ok {
						continue
					}
					one := of(dir + "." + spec.Name.Name)
					if s, ok := spec.Type.(*ast.StructType); ok {
						for _, f := range s.Fields.List {
							if len(f.Names) > 0 {
								continue
							}
							name := typeName(f.Type)
							if from, base, elsewhere := strings.Cut(name, "."); elsewhere {
								name = imported[from] + "." + base
							} else {
								name = dir + "." + name
							}
							one.embedded = append(one.embedded, name)
						}
					}
				}
			}
		}
		return nil
	})
	return types, err
}

// typeName is the name of a receiver's or an embedded field's type, as it is written.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return typeName(e.X) + "." + e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// sizeOf counts the methods of the type of that name, promoted ones too, and its levels
// of embedding. A type from elsewhere counts as a level.
func sizeOf(types map[string]*shape, name string) (methods, levels int) {
	s := types[name]
	if s == nil {
		return 0, 0
	}
	methods = s.methods
	for _, e := range s.embedded {
		m, l := sizeOf(types, e)
		methods, levels = methods+m, max(levels, l+1)
	}
	return methods, levels
}

func TestNoTypeHasManyMethodsOrEmbedsDeeply(t *testing.T) {
	types, err := shapes("..")
	if err != nil {
		t.Fatal(err)
	}
	if len(types) < 100 {
		t.Fatalf("%d types were found, want all of the module's", len(types))
	}
	for name := range types {
		methods, levels := sizeOf(types, name)
		if methods > mostMethods {
			t.Errorf("%s has %d methods, want at most %d: a part of what it knows is a type of its own", name, methods, mostMethods)
		}
		if levels > mostEmbedding {
			t.Errorf("%s embeds %d levels deep, want %d: name the field, so that its user tells whose it is", name, levels, mostEmbedding)
		}
	}
}

func TestShapesAreMeasured(t *testing.T) {
	types := map[string]*shape{
		"a.Run":     {methods: 12, embedded: []string{"a.Copier", "sync.Mutex"}},
		"a.Copier":  {methods: 8, embedded: []string{"b.Ledger"}},
		"b.Ledger":  {methods: 3},
		"b.Guarded": {embedded: []string{"sync.Mutex"}},
	}
	for name, want := range map[string][2]int{"a.Run": {23, 2}, "a.Copier": {11, 1}, "b.Ledger": {3, 0}, "b.Guarded": {0, 1}} {
		if methods, levels := sizeOf(types, name); methods != want[0] || levels != want[1] {
			t.Errorf("%s has %d methods and %d levels, want %v", name, methods, levels, want)
		}
	}
}
