// Package infra_test holds what deploys Ferry against the code that is
// deployed, and against what the deploying tools take.
package infra_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/zclconf/go-cty/cty"

	"kodoferry/shared/app"
	"kodoferry/shared/console"
	"kodoferry/shared/faas"
	"kodoferry/shared/task"
)

// stack is s.yaml with its variables filled in.
type stack struct {
	Resources map[string]struct {
		Component string
		Props     map[string]any
	}
}

var (
	envRef = regexp.MustCompile(`\$\{env\('(\w+)'\)\}`)
	varRef = regexp.MustCompile(`\$\{vars\.(\w+)\}`)
	export = regexp.MustCompile(`(?m)^export (\w+)='([^']*)'$`)
)

// exported is the environment that s.yaml is deployed in: what Terraform prints,
// and Kodo's keys.
func exported(t *testing.T, set ...map[string]cty.Value) map[string]string {
	t.Helper()
	env := map[string]string{"QINIU_ACCESS_KEY": "ak", "QINIU_SECRET_KEY": "sk"}
	for _, m := range export.FindAllStringSubmatch(text(alicloud(t, set...).outputs["environment"]), -1) {
		env[m[1]] = m[2]
	}
	return env
}

// switchedTo is s.yaml with its switch of runtimes at name.
func switchedTo(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const standard = "\n    <<: *go1\n"
	if n := bytes.Count(raw, []byte(standard)); n != 1 {
		t.Fatalf("s.yaml names the runtime %d times, want one switch", n)
	}
	return bytes.Replace(raw, []byte(standard), []byte("\n    <<: *"+name+"\n"), 1)
}

func deployed(t *testing.T, set ...map[string]cty.Value) stack {
	t.Helper()
	return stackOf(t, switchedTo(t, "go1"), set...)
}

func stackOf(t *testing.T, raw []byte, set ...map[string]cty.Value) stack {
	t.Helper()
	var declared struct{ Vars map[string]any }
	env := exported(t, set...)
	text := envRef.ReplaceAllStringFunc(string(raw), func(ref string) string {
		name := envRef.FindStringSubmatch(ref)[1]
		value, ok := env[name]
		if !ok {
			t.Errorf("s.yaml takes %s from the environment, which neither Terraform's output nor the README sets", name)
		}
		return value
	})
	if err := yaml.Unmarshal([]byte(text), &declared); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a variable may name another
		text = varRef.ReplaceAllStringFunc(text, func(ref string) string {
			v, ok := declared.Vars[varRef.FindStringSubmatch(ref)[1]]
			if !ok {
				t.Errorf("s.yaml uses %s, which vars has not", ref)
			}
			return fmt.Sprint(v)
		})
	}
	var s stack
	if err := yaml.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	for name, r := range s.Resources {
		r.Props = plain(t, r.Props).(map[string]any)
		s.Resources[name] = r
	}
	return s
}

// plain is v in the types of encoding/json, numbers as the validator takes them.
func plain(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// at follows keys into nested objects; what is not there is "<nil>".
func at(v any, keys ...string) string {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return fmt.Sprint(v)
}

func TestEveryFunctionHoldsAgainstTheComponentsSchema(t *testing.T) {
	raw, err := os.ReadFile("../../shared/data/fc3.schema.json")
	if err != nil {
		t.Skipf("the component's schema is not beside this checkout: %v", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("fc3.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("fc3.json")
	if err != nil {
		t.Fatal(err)
	}
	known := doc.(map[string]any)["properties"].(map[string]any)
	for _, runtime := range []string{"go1", "custom"} {
		for name, r := range stackOf(t, switchedTo(t, runtime)).Resources {
			if err := schema.Validate(r.Props); err != nil {
				t.Errorf("%s on %s: %v", name, runtime, err)
			}
			for key := range r.Props { // the schema lets misspelt keys pass
				if _, ok := known[key]; !ok {
					t.Errorf("%s on %s: the component knows no %q", name, runtime, key)
				}
			}
		}
	}
}

// TestTheSwitchOfRuntimesReachesEveryFunction: with it each is started as a server, by what
// its code takes for that; without it none is.
func TestTheSwitchOfRuntimesReachesEveryFunction(t *testing.T) {
	for name, r := range deployed(t).Resources {
		if at(r.Props, "runtime") != "go1" || at(r.Props, "customRuntimeConfig") != "<nil>" {
			t.Errorf("%s runs on %s with %s, want go1", name, at(r.Props, "runtime"), at(r.Props, "customRuntimeConfig"))
		}
	}
	for name, r := range stackOf(t, switchedTo(t, "custom")).Resources {
		how, _ := r.Props["customRuntimeConfig"].(map[string]any)
		var args []string
		list, _ := how["args"].([]any)
		for _, a := range list {
			args = append(args, fmt.Sprint(a))
		}
		if at(r.Props, "runtime") != "custom.debian12" || at(how, "command") != "[/code/main]" || faas.Custom(args) != ":"+at(how, "port") {
			t.Errorf("%s runs on %s, %v, want custom.debian12 and to listen at the port that it is asked at", name, at(r.Props, "runtime"), how)
		}
	}
}

func TestEveryStageIsDeployedBehindItsQueue(t *testing.T) {
	s := deployed(t)
	var queues []string
	for _, stage := range task.Stages {
		r := s.Resources[string(stage)]
		for key, want := range map[string]string{"runtime": "go1", "handler": "main", "timeout": "290", "code": "./.package/" + string(stage) + ".zip"} {
			if got := at(r.Props, key); got != want {
				t.Errorf("%s: %s %s, want %s", stage, key, got, want)
			}
		}
		triggers, _ := r.Props["triggers"].([]any)
		for _, trigger := range triggers {
			if at(trigger, "triggerType") == "eventbridge" {
				queues = append(queues, checkStream(t, trigger))
			}
		}
	}
	var want []string
	for _, name := range app.QueueNames {
		want = append(want, "ferry-"+name)
	}
	slices.Sort(queues)
	slices.Sort(want)
	if queues = slices.Compact(queues); !slices.Equal(queues, want) { // several streams may stand before one
		t.Errorf("queues with a trigger: %q, want those the code reads: %q", queues, want)
	}
}

// checkStream holds an event stream against what a run needs of it, and
// returns its queue.
func checkStream(t *testing.T, trigger any) string {
	t.Helper()
	config := trigger.(map[string]any)["triggerConfig"].(map[string]any)
	queue := at(config, "eventSourceConfig", "eventSourceParameters", "sourceMNSParameters", "QueueName")
	run := config["runOptions"]
	if n := at(run, "batchWindow", "CountBasedWindow"); n != "1" {
		t.Errorf("%s: %s messages an event, want 1: one failure would deliver its neighbours again", queue, n)
	}
	if at(run, "maximumTasks") == "<nil>" || at(run, "mode") != "event-streaming" || at(run, "errorsTolerance") != "ALL" {
		t.Errorf("%s: runOptions %v, want maximumTasks set, event-streaming, every error tolerated", queue, run)
	}
	if buries := strings.HasSuffix(at(run, "deadLetterQueue", "Arn"), ":/queues/ferry-dead"); buries == (queue == "ferry-dead") {
		t.Errorf("%s: its dead letters go to %s, want ferry-dead, and those of ferry-dead nowhere", queue, at(run, "deadLetterQueue", "Arn"))
	}
	return queue
}

func TestTheEnvironmentIsWhatTheCodeReads(t *testing.T) {
	for name, r := range deployed(t).Resources {
		env, _ := r.Props["environmentVariables"].(map[string]any)
		read := map[string]bool{}
		getenv := func(key string) string {
			read[key] = true
			if v, ok := env[key]; ok {
				return fmt.Sprint(v)
			}
			// What the role brings.
			return map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "role", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "role"}[key]
		}
		_, err := app.Load(getenv).Deploy(nil)
		if name == "console" && err == nil {
			if env["FERRY_CONSOLE_TOKEN"] == "" { // as it is where nobody has exported one
				env["FERRY_CONSOLE_TOKEN"] = "a-token-of-20-characters"
			}
			_, err = console.Open(app.Load(getenv), getenv, slog.New(slog.DiscardHandler))
		}
		if err != nil {
			t.Errorf("%s: a function does not start with this environment: %v", name, err)
		}
		for key := range env {
			if !read[key] && written(name) {
				t.Errorf("%s sets %s, which no code reads", name, key)
			}
		}
	}
}

// written reports whether a function's code is in this checkout.
func written(name string) bool {
	_, err := os.Stat(filepath.Join("../functions", name, "main.go"))
	return err == nil
}

// folders are the names of the functions whose code is here.
func folders(t *testing.T) (names []string) {
	t.Helper()
	found, err := os.ReadDir("../functions")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		if written(d.Name()) {
			names = append(names, d.Name())
		}
	}
	return names
}

// maxBinary is what one function may weigh, unzipped.
const maxBinary = 25 << 20

func TestPackagesAreSmallAndTheSameEachTime(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash here")
	}
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		if out, err := exec.CommandContext(t.Context(), "bash", "../scripts/package.sh", dir).CombinedOutput(); err != nil {
			t.Fatalf("package.sh: %v\n%s", err, out)
		}
	}
	for _, name := range folders(t) {
		name += ".zip"
		first, ferr := os.ReadFile(filepath.Join(dirs[0], name))
		again, aerr := os.ReadFile(filepath.Join(dirs[1], name))
		if ferr != nil || aerr != nil || !bytes.Equal(first, again) {
			t.Fatalf("%s differs when it is packed again (%v, %v)", name, ferr, aerr)
		}
		z, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
		if err != nil || len(z.File) != 1 || z.File[0].Name != "main" || z.File[0].Mode().Perm() != 0o755 {
			t.Fatalf("%s: %v, want one executable named main", name, err)
		}
		f, err := z.File[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, f)
		if err != nil || n > maxBinary {
			t.Errorf("%s: %d bytes unzipped (%v), want at most %d", name, n, err, maxBinary)
		}
		t.Logf("%s: %.1f MiB, zipped %.1f MiB", name, float64(n)/(1<<20), float64(len(first))/(1<<20))
	}
}
