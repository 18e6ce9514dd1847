package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// plainHTTP are the files that make a client of their own, and why they may.
var plainHTTP = map[string]string{
	"scripts/ferry/agent_health.go": "asks an agent on this machine, by http",
	"scripts/ferry/bench/floor.go":  "measures against stand-ins on this machine, by http",
}

// TestEveryClientIsMadeByTheTransport looks through all code that is no test and no
// stand-in: what sends a request does so over package transport, which verifies names
// and speaks TLS 1.2 at least. Nowhere at all is a certificate not verified.
func TestEveryClientIsMadeByTheTransport(t *testing.T) {
	made := map[string]bool{"http.Transport": true, "tls.Config": true, "tls.Dialer": true, "http.DefaultClient": true, "http.DefaultTransport": true, "http.Get": true, "http.Post": true, "http.Head": true, "http.PostForm": true, "tls.Dial": true, "tls.DialWithDialer": true}
	unverified := "Insecure" + "SkipVerify"
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		own := !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "shared/emulator/") && !strings.HasPrefix(name, "shared/transport/") && !strings.Contains(name, "test/")
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == unverified {
				t.Errorf("%s holds %s: no certificate goes unverified, in tests neither", name, unverified)
			}
			at := ""
			switch n := n.(type) {
			case *ast.CompositeLit: // a pointer to one is a type, or a field
				at = selected(n.Type)
			case *ast.SelectorExpr:
				if at = selected(n); at == "http.Transport" || at == "tls.Config" || at == "tls.Dialer" {
					return true
				}
			}
			if own && made[at] {
				if _, may := plainHTTP[name]; !may {
					t.Errorf("%s holds %s: make it by transport.New or transport.Once", name, at)
				}
				found[name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, why := range plainHTTP {
		if !found[name] {
			t.Errorf("%s, which %s, makes no client of its own any more: take it off the list", name, why)
		}
	}
}

// selected is package.Name of a selector, else "".
func selected(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return pkg.Name + "." + s.Sel.Name
}
