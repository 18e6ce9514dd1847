package language

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unspoken are the packages, and files, whose sentences no person reads in a language of his own.
var unspoken = []string{
	"shared/emulator/binaries", "shared/emulator/fc", "shared/emulator/journal", "shared/emulator/kodo", "shared/emulator/mns", "shared/emulator/odd", "shared/emulator/opentest", "shared/emulator/oss", "shared/emulator/pile", "shared/emulator/ram", "shared/emulator/sqs", "shared/emulator/testmain", "shared/pipeline/storm", "shared/check/contract", "scripts/ferry/bench", "scripts/ferry/storm", // stand-ins, suites and measurements
	"shared/store/mem", "shared/queue/mem", "scripts/ferry/demo", "scripts/ferry/life", "scripts/ferry/standins", "scripts/ferry/metrics",
	"shared/faas", "shared/transport/plumbing", "scripts/pack", "infra", "shared/ledger/formats", // told to a platform, and to who builds
	"shared/alert/alerting", // messages to a room, whose language nobody knows
	"shared/report/lists.go",
	"shared/plan/sheet", "shared/overview/sentence.go", // which have sentences by name
}

// quiet are texts that are no sentences for a person, though they look so.
var quiet = []string{
	"Ferry wrote this to see whether it may. Remove it.\n", "this is a test: ferry check --ring", "ferry console cookies", "still here\n\n",
	`<?xml version="1.0" encoding="UTF-8"?>`, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", "Proxy-Authorization: Basic %s\r\n", "%s at %02d:%02d", "%s in %s",
	"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
	"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-downloads allow-top-navigation-by-user-activation",
	" does not answer", "Ferry: %s: %s",
}

// calls make a sentence of a format, or of a text, which is the argument of that place.
var calls = map[string]int{
	"errors.New": 0, "fmt.Errorf": 0, "fault.Errorf": 0, "bad.add": 0, "named.add": 0, "p.add": 0, "bad.at": 1, "p.at": 1,
}

// silent are calls whose literals are no sentences for a person.
var silent = regexp.MustCompile(`(^|\.)(Log|log|slog|Debug|Info|Warn|Error|DebugContext|InfoContext|WarnContext|ErrorContext|panic|Printf|Fprintf|Sscanf|Format|Parse|MustCompile|StringVar|BoolVar|IntVar|Int64Var|Float64Var|DurationVar|Set|StringArrayVar|Var|VarP|StringVarP|BoolVarP)$`)

// source is a sentence of the source: its format, and where it stands.
type source struct{ format, at string }

// sentencesOf finds the sentences of the source below root.
func sentencesOf(t *testing.T, root string) (all []source) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, _ := filepath.Rel(root, name)
		path = filepath.ToSlash(path)
		if slices.Contains(unspoken, path) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			if path != "." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || strings.HasSuffix(d.Name(), "test")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			return err
		}
		// Of commands errors alone: what else they print has a name in the catalogue.
		errorsOnly := strings.HasPrefix(path, "scripts/") && !slices.Contains([]string{"brought.go", "caught.go"}, filepath.Base(path))
		ast.Walk(&finder{errorsOnly: errorsOnly, found: func(at token.Pos, format string) {
			all = append(all, source{format, path + ":" + strconv.Itoa(files.Position(at).Line)})
		}}, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "shared/report/page.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range paged.FindAllStringSubmatch(string(text), -1) {
		if text := m[1] + m[2]; letters.MatchString(verb.ReplaceAllString(text, "")) {
			all = append(all, source{text, "shared/report/page.html"})
		}
	}
	return all
}

// paged is a sentence that the page of a report has.
var paged = regexp.MustCompile("\\{\\{-? ?t (?:\"([^\"]*)\"|`([^`]*)`)")

// finder finds the sentences of a file.
type finder struct {
	errorsOnly bool
	found      func(at token.Pos, format string)
}

func (f *finder) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.Field:
		return nil
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); !ok || !slices.Contains(help, key.Name) {
			ast.Walk(f, n.Value)
		}
		return nil
	case *ast.CallExpr:
		name := nameOf(n.Fun)
		if silent.MatchString(name) {
			return nil
		}
		if i, ok := calls[name]; ok && i < len(n.Args) {
			if text, ok := literal(n.Args[i], name == "errors.New"); ok {
				if wordy(text) {
					f.found(n.Args[i].Pos(), bare(text))
				}
				f.values(n.Args[i])
				n.Args[i] = &ast.BadExpr{}
			}
		}
	case *ast.BinaryExpr, *ast.BasicLit:
		if text, ok := literal(n.(ast.Expr), false); ok {
			if !f.errorsOnly && len(strings.Fields(text)) > 2 && wordy(text) {
				f.found(n.Pos(), bare(text))
				f.values(n.(ast.Expr))
				return nil
			}
			if _, ok := n.(*ast.BasicLit); ok {
				return nil
			}
		}
	}
	return f
}

// help are the fields of a command's help.
var help = []string{"Use", "Short", "Long", "Example"}

var (
	letters = regexp.MustCompile(`[a-z]{2}`)
	names   = regexp.MustCompile(`--[a-z-]+|[a-z]+\.json|^ferry [a-z]+[ ']*$`) // and commands, which are the same in every language
)

// wordy reports whether a format has words of its own.
func wordy(format string) bool {
	return letters.MatchString(names.ReplaceAllString(verb.ReplaceAllString(format, ""), ""))
}

// nameOf is a function as the source calls it, with the name of its package or receiver.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if at := nameOf(e.X); at != "" {
			return at[strings.LastIndexByte(at, '.')+1:] + "." + e.Sel.Name
		}
		return e.Sel.Name
	}
	return ""
}

// values finds the sentences among what is added to a text.
func (f *finder) values(e ast.Expr) {
	switch e := e.(type) {
	case *ast.BasicLit:
	case *ast.BinaryExpr:
		f.values(e.X)
		f.values(e.Y)
	default:
		ast.Walk(f, e)
	}
}

// literal is the format of a text that stands in the source, also in parts that are added: one
// that is no literal is a value. A plain text is none of a format: a % is one.
func literal(e ast.Expr, plain bool) (format string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			if plain {
				text = strings.ReplaceAll(text, "%", "%%")
			}
			return text, err == nil
		}
	case *ast.BinaryExpr:
		left, lok := literal(e.X, plain)
		right, rok := literal(e.Y, plain)
		if e.Op != token.ADD || !lok && !rok {
			return "%s", false
		}
		return left + right, true
	case *ast.ParenExpr:
		return literal(e.X, plain)
	}
	return "%s", false
}

// bare is a format without the seams that it begins and ends with.
func bare(format string) string {
	format = strings.TrimSuffix(format, ": ")
	for _, s := range seams {
		format = strings.TrimPrefix(format, s.english)
	}
	return format
}

// wordsOf are the formats of words.json: what sentences are made of that stands in the source in
// parts, and what the libraries say.
func wordsOf(t *testing.T, tag string) map[string]bool {
	t.Helper()
	data, err := files.ReadFile(tag + "/words.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]string
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	of := map[string]bool{}
	for format := range all {
		of[format] = true
	}
	return of
}

// TestEverySentenceOfTheSourceIsTold, in every language but that of the source.
func TestEverySentenceOfTheSourceIsTold(t *testing.T) {
	all := sentencesOf(t, "../../..")
	if len(all) < 900 {
		t.Fatalf("%d sentences were found in the source: it was not read", len(all))
	}
	for _, l := range All[1:] {
		told, words, paged := sentences(l.Tag), wordsOf(t, l.Tag), page(l.Tag)
		of := map[string]bool{}
		for _, s := range all {
			of[s.format] = true
			if told[s.format] == "" && paged[s.format] == "" && !slices.Contains(quiet, s.format) {
				t.Errorf("%s: %s has no sentence for %q", s.at, l.Tag, s.format)
			}
		}
		for format := range told {
			if !words[format] && !of[format] {
				t.Errorf("%s has a sentence for %q, which the source does not have", l.Tag, format)
			}
		}
	}
}

// TestEveryValueOfASentenceIsTold: each once or more, and no other.
func TestEveryValueOfASentenceIsTold(t *testing.T) {
	for _, l := range All[1:] {
		all := sentences(l.Tag)
		maps.Copy(all, page(l.Tag))
		for format, says := range all {
			_, verbs := parse(format)
			f := newForm(format, says)
			for i := range verbs {
				if !slices.Contains(f.places, i) {
					t.Errorf("%q: %s leaves out value %d: %q", format, l.Tag, i, says)
				}
			}
			if most := slices.Max(append(f.places, -1)); most >= len(verbs) {
				t.Errorf("%q: %s has a value %d: %q", format, l.Tag, most, says)
			}
		}
	}
}

// samples are values as the verbs write them: those that are hardest to tell from a sentence.
var samples = map[byte]string{'q': `"a: b; (\"c\"), %s"`, 'd': "12,345", 'f': "1.5", 's': "X1", 'v': "X2", 'w': "X3 said: no; (z)"}

// TestEverySentenceIsKnownByItsFormat: what a format makes is told as that format, and not as
// another that fits, too.
func TestEverySentenceIsKnownByItsFormat(t *testing.T) {
	for _, l := range All[1:] {
		for format, says := range sentences(l.Tag) {
			f := newForm(format, says)
			text, values := f.pieces[0], []value(nil)
			for i, v := range f.verbs {
				sample := samples[v]
				if sample == "" {
					sample = "7"
				}
				values = append(values, value{text: sample})
				text += sample + f.pieces[i+1]
			}
			if got, want := l.Tell(text), f.fill(values); got != want {
				t.Errorf("%q is told in %s as\n\t%q, want\n\t%q", text, l.Tag, got, want)
			}
		}
	}
}
