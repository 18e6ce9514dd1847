package infra_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kodoferry/shared/app"
	"kodoferry/shared/emulator/binaries"
)

// settings reads the lines of a file that set something: NAME=value, or a
// Dockerfile's INSTRUCTION value. Lines that are commented out are left out.
func settings(t *testing.T, path, sep string) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if name, value, ok := strings.Cut(line, sep); ok && !strings.HasPrefix(line, "#") {
			set[name] = append(set[name], value)
		}
	}
	return set
}

// one is the only value of a name.
func one(t *testing.T, set map[string][]string, name string) string {
	t.Helper()
	if len(set[name]) != 1 {
		t.Fatalf("%s is set %d times, want once", name, len(set[name]))
	}
	return set[name][0]
}

// words reads a command in a Dockerfile's exec form.
func words(t *testing.T, text string) []string {
	t.Helper()
	var w []string
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		t.Fatalf("%s: %v, want the exec form: the image has no shell", text, err)
	}
	return w
}

func TestTheAgentsCommandLinesAreUnderstood(t *testing.T) {
	dir, err := binaries.Build("kodoferry/scripts/ferry")
	if err != nil {
		t.Fatal(err)
	}
	ferry := filepath.Join(dir, "ferry")
	unit, image := settings(t, "agent/ferry-agent.service", "="), settings(t, "agent/Dockerfile", " ")
	_, probe, _ := strings.Cut(one(t, image, "HEALTHCHECK"), "CMD ")
	for name, line := range map[string][]string{
		"the unit":           strings.Fields(one(t, unit, "ExecStart")),
		"the image":          words(t, one(t, image, "ENTRYPOINT")),
		"the image's health": words(t, probe),
	} {
		if filepath.Base(line[0]) != "ferry" || line[1] != "agent" || !filepath.IsAbs(line[0]) {
			t.Errorf("%s starts %q, want ferry agent, by its path", name, line)
		}
		// With --help flags are read and nothing is done; one that is not there is an error.
		out, err := exec.CommandContext(t.Context(), ferry, append(slices.Clone(line[1:]), "--help")...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %q: %v\n%s", name, line, err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), ferry, "agent", "--listne", ":1", "--help").CombinedOutput()
	if err == nil {
		t.Errorf("a flag that is not there passes:\n%s", out)
	}
}

// TestTheImageOfTheCommandIsTheAgentsTwin: one static program, run by nobody, and built of no
// more than that one is.
func TestTheImageOfTheCommandIsTheAgentsTwin(t *testing.T) {
	image := settings(t, "command/Dockerfile", " ")
	if line := words(t, one(t, image, "ENTRYPOINT")); !slices.Equal(line, []string{"/ferry"}) {
		t.Errorf("it starts %q, want the command alone", line)
	}
	if user, _, _ := strings.Cut(one(t, image, "USER"), ":"); user == "root" || user == "0" {
		t.Errorf("the image runs as %s, want nobody", user)
	}
	if from := image["FROM"]; len(from) != 2 || from[1] != "scratch" || from[0] != settings(t, "agent/Dockerfile", " ")["FROM"][0] {
		t.Errorf("the image is built from %q, want the agent's, then nothing", from)
	}
	agents, err := os.ReadFile("agent/Dockerfile.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := os.ReadFile("command/Dockerfile.dockerignore"); err != nil || string(ours) != string(agents) {
		t.Errorf("what the image is built from differs from the agent's (%v)", err)
	}
}

func TestTheAgentIsGivenTimeToDrain(t *testing.T) {
	unit := settings(t, "agent/ferry-agent.service", "=")
	seconds, err := strconv.Atoi(one(t, unit, "TimeoutStopSec"))
	if err != nil || seconds < 40 {
		t.Errorf("TimeoutStopSec = %d, %v, want at least 40: an agent ends within 30 s of SIGTERM", seconds, err)
	}
	for name, want := range map[string]string{
		"KillSignal": "SIGTERM", "Restart": "on-failure", "RestartPreventExitStatus": "2", "NoNewPrivileges": "yes", "ProtectSystem": "strict",
		"ProtectHome": "yes", "PrivateTmp": "yes", "CapabilityBoundingSet": "", "User": "ferry", "EnvironmentFile": "/etc/ferry/agent.env",
	} {
		if got := one(t, unit, name); got != want {
			t.Errorf("the unit sets %s to %q, want %q", name, got, want)
		}
	}
	image := settings(t, "agent/Dockerfile", " ")
	if user, _, _ := strings.Cut(one(t, image, "USER"), ":"); user == "root" || user == "0" {
		t.Errorf("the image runs as %s, want nobody", user)
	}
	if got := one(t, image, "STOPSIGNAL"); got != "SIGTERM" {
		t.Errorf("the image is stopped by %s, want SIGTERM", got)
	}
	if from := image["FROM"]; len(from) != 2 || from[1] != "scratch" {
		t.Errorf("the image is built from %q, want two stages, the last from nothing", from)
	}
}

func TestTheAgentsEnvironmentIsWhatTheCodeReads(t *testing.T) {
	raw, err := os.ReadFile("agent/agent.env")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		// What is commented out is to be understood as well.
		name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "# ")), "=")
		if ok && !strings.Contains(name, " ") {
			given[name] = value
		}
	}
	read := map[string]bool{"FERRY_LOG": true} // read where the log is made
	if _, err := app.Load(func(name string) string {
		read[name] = true
		if value := given[name]; value != "" || !strings.Contains(name, "KEY") {
			return value
		}
		return "filled-in"
	}).Deploy(nil); err != nil {
		t.Errorf("an agent does not start with agent.env once its keys are filled in: %v", err)
	}
	for name := range given {
		if !read[name] {
			t.Errorf("agent.env sets %s, which no code reads", name)
		}
	}
	for _, name := range []string{"FERRY_LEDGER", "FERRY_QUEUES", "QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"} {
		if _, ok := given[name]; !ok {
			t.Errorf("agent.env does not name %s, without which no agent starts", name)
		}
	}
}
