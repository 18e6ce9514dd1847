package job

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a job file, in bytes.
const maxFile = 1 << 20

// ParseFile reads the jobs of a YAML file; infra/ferry.example.yaml shows every
// field. name is how errors call the file. Each set changes each job before
// the defaults are filled in and all of it is checked. Jobs come in the order
// of the file. The error is Invalid and names every mistake with its line and
// its cure, repeating nothing that may be a secret.
func ParseFile(data []byte, name string, set ...func(*Job)) ([]Job, error) {
	filed, err := ReadFile(data, name, set...)
	var jobs []Job
	for _, f := range filed {
		jobs = append(jobs, f.Job)
	}
	return jobs, err
}

// Filed is a job with the lines of its file that what is wrong with it beyond
// the file is to be told by.
type Filed struct {
	Job
	Line, TargetLine, LedgerLine int
}

// ReadFile is ParseFile with these lines.
func ReadFile(data []byte, name string, set ...func(*Job)) ([]Filed, error) {
	jobs, wrong := Examine(data, set...)
	var bad problems
	for _, m := range wrong {
		bad.add("%s:%d: %s", name, m.Line, m.Says)
	}
	if err := bad.err("job.ParseFile", name); err != nil {
		return nil, err
	}
	return jobs, nil
}

// Examine is ReadFile that returns the mistakes apart, in the order of their lines. Where
// there are any, the jobs are what could be read of them.
func Examine(data []byte, set ...func(*Job)) ([]Filed, []Mistake) {
	f := jobFile{anchors: map[string]ast.Node{}}
	jobs := f.read(data, set)
	slices.SortStableFunc(f.wrong, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return jobs, f.wrong
}

// Mistake is something in a file that cannot be, with its cure.
type Mistake struct {
	Line int
	Says string
}

// jobFile is a file that is being read.
type jobFile struct {
	anchors map[string]ast.Node // what a later *name stands for
	wrong   []Mistake
}

func (f *jobFile) add(line int, format string, args ...any) {
	f.wrong = append(f.wrong, Mistake{line, fmt.Sprintf(format, args...)})
}

func (f *jobFile) read(data []byte, set []func(*Job)) []Filed {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // as editors of Windows write it
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		f.add(1, "the file is in UTF-16: save it as UTF-8")
		return nil
	}
	if len(data) > maxFile {
		f.add(1, "the file has %d bytes: keep it below %d, and long lists of keys in files of their own (keyList)", len(data), maxFile)
		return nil
	}
	tree, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, why := 1, "it cannot be read"
		if e, ok := errors.AsType[yaml.Error](err); ok { // its text shows lines of the file, and with them secrets
			why = e.GetMessage()
			if t := e.GetToken(); t != nil && t.Position != nil {
				line = t.Position.Line
			}
		}
		f.add(line, "this is not YAML: %s", why)
		return nil
	}
	docs := slices.DeleteFunc(tree.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	if len(docs) != 1 {
		f.add(1, "there are %d documents with jobs in it: write one, as jobs: {photos: {source: …, target: …}}", len(docs))
		return nil
	}
	ast.Walk(f, docs[0].Body)
	var jobs []Filed
	f.mapping(docs[0].Body, "the file", func(part entry) bool {
		if part.name != "jobs" {
			return false
		}
		f.mapping(part.value, "jobs", func(e entry) bool {
			jobs = append(jobs, f.job(e, set))
			return true
		}, "photos")
		return true
	}, "jobs")
	if len(jobs) == 0 && len(f.wrong) == 0 {
		f.add(1, "there is no job in it: write one below jobs:, as photos: {source: …, target: …}")
	}
	return jobs
}

// Visit notes anchors, for ast.Walk.
func (f *jobFile) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil {
		f.anchors[a.Name.GetToken().Value] = a.Value
	}
	return f
}

// real is what n stands for: without its anchor, and for an alias the node of that name.
func (f *jobFile) real(n ast.Node) ast.Node {
	for range 10 { // an alias may name another, or itself
		switch x := n.(type) {
		case *ast.AnchorNode:
			n = x.Value
		case *ast.AliasNode:
			if n = f.anchors[x.Value.GetToken().Value]; n == nil {
				return nil
			}
		default:
			return n
		}
	}
	return nil
}

// entry is a name of a mapping with its value.
type entry struct {
	name  string
	line  int
	value ast.Node
}

// entries returns those of a mapping, those that it merges (<<: *defaults) last, and false if n is none.
func (f *jobFile) entries(n ast.Node, depth int) ([]entry, bool) {
	m, ok := f.real(n).(ast.MapNode)
	if !ok || depth > 10 {
		return nil, false
	}
	var own, merged []entry
	for i := m.MapRange(); i.Next(); {
		line := lineOf(i.Key())
		if i.Key().IsMergeKey() {
			more, ok := f.entries(i.Value(), depth+1)
			if !ok {
				f.add(line, "<< takes one alias of a mapping: write <<: *name")
			}
			merged = append(merged, more...)
			continue
		}
		e := entry{i.Key().GetToken().Value, line, i.Value()}
		if k := slices.IndexFunc(own, func(o entry) bool { return o.name == e.name }); k >= 0 {
			f.add(line, "%.40q is there already, at line %d: keep one", e.name, own[k].line)
			continue
		}
		own = append(own, e)
	}
	for _, e := range merged {
		if !slices.ContainsFunc(own, func(o entry) bool { return o.name == e.name }) {
			own = append(own, e)
		}
	}
	return own, true
}

// mapping gives each entry of n to take and names those that it does not take;
// what is how errors call n, words are the names it has.
func (f *jobFile) mapping(n ast.Node, what string, take func(entry) bool, words ...string) bool {
	entries, ok := f.entries(n, 0)
	if !ok {
		such := words[0]
		if slices.Contains(words, "source") {
			such = "source"
		}
		f.add(lineOf(n), "%s holds no names: write them one a line, indented, as %s: …", what, such)
		return false
	}
	for _, e := range entries {
		if !take(e) {
			f.unknown(e, what, words)
		}
	}
	return true
}

var secretField = regexp.MustCompile(`(?i)^(ak|sk)$|secret|token|password|credential|access`)

func (f *jobFile) unknown(e entry, what string, words []string) {
	hint := Meant(e.name, words...)
	if hint == "" && secretField.MatchString(e.name) {
		f.add(e.line, "%.40q looks like a credential: remove it; keys belong in the environment or a role", e.name)
		return
	}
	f.add(e.line, "unknown field %.40q%s: %s takes %s", e.name, hint, what, strings.Join(words, ", "))
}

// lineOf is the line where n begins.
func lineOf(n ast.Node) int {
	if n != nil {
		if t := n.GetToken(); t != nil && t.Position != nil {
			return t.Position.Line
		}
	}
	return 1
}

// Fields names every field of a job in a file, those of its groups as limits.partSize. The
// name of the job, and what stands in the items of a list, are not among them.
func Fields() []string {
	names := []string{"source", "target", "ledger"}
	var j Job
	for name := range fieldsOf(&j) {
		switch name {
		case "filter":
			for below := range filterFields(&j.Filter) {
				names = append(names, name+"."+below)
			}
		case "limits":
			for below := range limitFields(&j.Limits) {
				names = append(names, name+"."+below)
			}
		case "events":
			names = append(names, "events.window")
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
