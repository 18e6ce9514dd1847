package pipeline_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	stormMutants = flag.Bool("mutants", false, "build each mutant of the engine and have storms find it")
	stormMutant  = flag.String("mutant", "", "a regular expression: the mutants to build; \"\": all")
)

// mutant is a fault that is put into the engine to see whether storms find it.
type mutant struct {
	name   string
	breaks string // the promise that it breaks
	edits  []edit
}

// edit replaces the one place of a file, named from the root of the module, that
// reads old.
type edit struct{ file, old, new string }

var mutants = []mutant{
	{"a message before its record", "whoever does not get its record created sends nothing of its own", []edit{{
		"shared/pipeline/shard/stretches.go",
		"if err == nil && stands.By != s.by {\n\t\terr = fault.New(fault.Later, \"pipeline.list\", o.Shard, ErrTwin)\n\t}",
		"if fault.KindOf(err) != \"\" || stands.By != s.by {\n\t\treturn o, nil\n\t}",
	}}},
	{"a write-off without a condition", "the first write-off of a batch stands", []edit{{
		"shared/ledger/writeoff.go",
		"standing, won, err := b.files.Create(ctx, \"copied/\"+batch, data)\n",
		"standing, won, err := data, true, b.files.Write(ctx, \"copied/\"+batch, data)\n",
	}}},
	{"a deletion before the decision", "nothing is deleted before the run's decision stands and allows it", []edit{
		{"shared/pipeline/follow/follow.go", "if c.Shard != \"\" {", "next = append(next, f.Deletes(progress.Run{Shards: []progress.Shard{{Ref: ledger.ShardRef{Shard: c.Shard}, Extra: c.Deletes}}}, ledger.DeleteDecision{Allowed: true})...)\n\tif c.Shard != \"\" {"},
		{"shared/pipeline/end.go", "err != nil || !decision.Allowed {", "!ledger.Missing(err) && (err != nil || !decision.Allowed) {"},
	}},
	{"a retry that drops a row", "every row of a batch is in its write-off or in a batch that this names", []edit{{
		"shared/pipeline/batching/rest.go",
		"take(ledger.BatchRef{}, others...)",
		"take(ledger.BatchRef{}, others[min(1, len(others)):]...)",
	}}},
	{"a last byte that is not held back", "a body that is not what was listed never becomes an object", []edit{{
		"shared/digest/reader.go",
		"r.held[0] = p[n]\n\t\tr.state = holding",
		"r.held[0] = p[n]\n\t\tr.state = proved",
	}}},
	{"a mark before the send", "a message counts as done when what follows from it is sent", []edit{{
		"shared/worker/worker.go",
		"if err := w.Submit(ctx, next...); err != nil {\n\t\treturn err\n\t}\n\treturn w.mark(ctx, t, next, name)",
		"if err := w.mark(ctx, t, next, name); err != nil {\n\t\treturn err\n\t}\n\treturn w.Submit(ctx, next...)",
	}}},
	{"a sweep that takes waiting for lost", "a batch whose message waits in its queue is not sent again", []edit{{
		"shared/control/resend.go",
		"stage != task.Verifying {\n\t\t\ts.held += depth.Delayed",
		"stage != task.Verifying {\n\t\t\ts.held += 0",
	}}},
	{"a late task of a finished run that is done", "a task of a run that is over is dropped", []edit{{
		"shared/ledger/steer.go",
		"return s == Paused || s.Final()",
		"return s == Paused || s == Cancelled || s == Sealed",
	}}},
	{"a Complete without part ETags", "an upload is completed of the parts whose digests were checked", []edit{{
		"shared/pipeline/transfer/complete.go",
		"parts := make([]store.Part, len(done))\n\tfor i, p := range done {\n\t\tparts[i] = store.Part{Number: p.Number, Size: p.Size, ETag: p.ETag}\n\t}",
		"parts, err := a.c.Target.Parts(ctx, a.row.Key(), u.ID)\n\tif err != nil {\n\t\treturn err\n\t}",
	}}},
	{"a verify that does not wait", "a shard is verified when all its batches are written off", []edit{
		{"shared/pipeline/verify.go", "if len(open) > 0 {", "if false && len(open) > 0 {"},
		// Outcome takes no row that is not written off; it holds against a listing that lags.
		{"shared/pipeline/runs/tools.go", "readahead.Slice(c.Batches), r.Ledger.Batches().Outcome)", "readahead.Slice(c.Batches), func(ctx context.Context, b ledger.BatchRef) ([]ledger.Row, error) {\n\t\t\t\trows, _, err := r.Ledger.Batches().Settled(ctx, b)\n\t\t\t\treturn rows, err\n\t\t\t})"},
	}},
	{"a report that does not balance", "listed is the sum of how everything that was listed ended, and a report says if it is not", []edit{
		{"shared/pipeline/proof/proof.go", "p.listed.Objects--\n", ""},
		{"shared/report/fold.go", "rep.Balanced = ended.Balanced() && len(rep.Unknown) == 0", "rep.Balanced = len(rep.Unknown) == 0"},
	}},
	{"an object adopted without its hash", "what carries the hash and the size of the source's object is its copy, and nothing else", []edit{{
		"shared/pipeline/transfer/target.go",
		"case carries:\n\t\ta.batch.redelivered.Store(true)",
		"case carries || kept.Origin != nil && kept.Size == a.row.Src.Size:\n\t\ta.batch.redelivered.Store(true)",
	}}},
}

// root is the module's, seen from this package.
const root = "../.."

// files returns the files of m as they are with its edits, by their names from root.
func (m mutant) files() (map[string]string, error) {
	files := map[string]string{}
	for _, e := range m.edits {
		source, ok := files[e.file]
		if !ok {
			data, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, err
			}
			source = string(data)
		}
		if n := strings.Count(source, e.old); n != 1 {
			return nil, fmt.Errorf("%s has %d places that read %q, want 1: have the mutant follow the code", e.file, n, e.old)
		}
		files[e.file] = strings.Replace(source, e.old, e.new, 1)
	}
	return files, nil
}

// TestEachMutantFitsTheCodeAsItIs makes each mutant, and checks its types in place of
// building it: a fault that is not built any more is never found.
func TestEachMutantFitsTheCodeAsItIs(t *testing.T) {
	if len(mutants) != 12 {
		t.Errorf("there are %d mutants, want 12", len(mutants))
	}
	c := newChecker(t)
	for _, m := range mutants {
		files, err := m.files()
		if err == nil {
			err = c.check(files)
		}
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

// checker checks the types of packages some of whose files are edited. What they import it
// takes from what the compiler left of it when this test was built.
type checker struct {
	sources  map[string][]string // the files of each package that a mutant edits, by its directory from root
	files    *token.FileSet
	importer types.Importer
}

func newChecker(t *testing.T) checker {
	t.Helper()
	c := checker{sources: map[string][]string{}, files: token.NewFileSet()}
	args := []string{"list", "-deps", "-export", fmt.Sprintf("-race=%t", raced), "-json=ImportPath,Export,GoFiles"}
	for _, m := range mutants {
		for _, e := range m.edits {
			if dir := path.Dir(e.file); c.sources[dir] == nil {
				c.sources[dir] = []string{} // until they are listed
				args = append(args, "./"+dir)
			}
		}
	}
	list := exec.CommandContext(t.Context(), "go", args...)
	list.Dir, list.Stderr = root, os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p struct {
			ImportPath, Export string
			GoFiles            []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if dir := strings.TrimPrefix(p.ImportPath, "kodoferry/"); c.sources[dir] != nil {
			c.sources[dir] = p.GoFiles
		}
	}
	c.importer = importer.ForCompiler(c.files, "gc", func(name string) (io.ReadCloser, error) { return os.Open(exports[name]) })
	return c
}

// check checks the packages of files, each of which is of this text, by their names from root.
func (c checker) check(files map[string]string) error {
	checked := map[string]bool{}
	for edited := range files {
		dir := path.Dir(edited)
		if checked[dir] {
			continue
		}
		checked[dir] = true
		var all []*ast.File
		for _, name := range c.sources[dir] {
			name = path.Join(dir, name)
			var source any // nil: what the file has
			if s, ok := files[name]; ok {
				source = s
			}
			f, err := parser.ParseFile(c.files, filepath.Join(root, name), source, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			all = append(all, f)
		}
		if len(all) == 0 {
			return fmt.Errorf("%s has no files", dir)
		}
		if _, err := (&types.Config{Importer: c.importer}).Check("kodoferry/"+dir, c.files, all, nil); err != nil {
			return err
		}
	}
	return nil
}

// TestStormsFindEachMutant builds each mutant and has storms of it, from seed 1
// on, until one fails. It is for the night: scripts/storm.sh --mutants.
func TestStormsFindEachMutant(t *testing.T) {
	if !*stormMutants {
		t.Skip("it takes minutes: scripts/storm.sh --mutants")
	}
	chosen, err := regexp.Compile(*stormMutant)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		if !chosen.MatchString(m.name) {
			continue
		}
		begun := time.Now()
		binary, err := m.build(t)
		if err != nil {
			t.Errorf("%s is not built: %v", m.name, err)
			continue
		}
		built := time.Since(begun)
		found, failure := storms(t, binary)
		fmt.Printf("%s\n    %s\n    built in %.0f s, stormed in %.0f s\n", m.name, found, built.Seconds(), (time.Since(begun) - built).Seconds())
		if !failure {
			t.Errorf("%s survives: %s; storms lack an invariant, an actor or a fault that would show it", m.name, m.breaks)
		}
	}
}

// build makes the test binary of the engine with the mutant in it.
func (m mutant) build(t *testing.T) (string, error) {
	files, err := m.files()
	if err != nil {
		return "", err
	}
	dir := t.TempDir()
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for name, source := range files {
		original, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			return "", err
		}
		changed := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(changed, []byte(source), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[original] = changed
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	if err := os.WriteFile(list, data, 0o600); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", list, "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
}

var failedSeed = regexp.MustCompile(`seed \d+: .*`)

// storms runs the storms of a test binary until one fails, and returns what they
// came to.
func storms(t *testing.T, binary string) (says string, failed bool) {
	out, err := exec.CommandContext(t.Context(), binary, "-test.run", "^TestSeededStorm$", "-test.timeout", "0", "-seeds", fmt.Sprint(mutantSeeds), "-brief", "-stop").CombinedOutput()
	switch found := failedSeed.Find(out); {
	case err == nil:
		return fmt.Sprintf("%d storms end well", mutantSeeds), false
	case found != nil:
		return string(found), true
	}
	lines := bytes.SplitN(bytes.TrimSpace(out), []byte("\n"), 2)
	return "the storms themselves break off: " + string(lines[0]), true
}

// mutantSeeds is how many storms a mutant has to be found in.
const mutantSeeds = 1000
