package main

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/consoles"
	"kodoferry/shared/console"
	"kodoferry/shared/console/access"
)

// TestTheCommandsOfThePagesAreFerrys reads those that stand on each page of a console as a
// shell reads them: each is a command of this binary, with its flags and arguments.
func TestTheCommandsOfThePagesAreFerrys(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash here")
	}
	demo, err := consoles.StartDemo(t.Context(), 100, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(demo.Close)
	door := access.NewDoor("", time.Now)
	pages, err := console.New(console.Options{Config: demo.Config, Ledger: demo.Ledger, Changes: true, Door: door})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pages.Close)
	session, _, err := door.Enter(door.Issue(), "")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.AddCookie(door.Cookie(session, false))
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		page, _ := io.ReadAll(w.Result().Body) // of a recorder
		return string(page)
	}
	run := regexp.MustCompile(`/runs/avatars/\d{8}T\d{6}Z`).FindString(ask("/runs"))
	if run == "" {
		t.Fatal("the demo's run of the avatars is not listed")
	}
	lines := map[string]bool{}
	for _, path := range []string{
		"/runs", "/runs?job=avatars", run, run + "/report", run + "/object", run + "/object?encoded=1&key=-a%2520'%250a", run + "/pause", run + "/resume", run + "/cancel", run + "/limits",
		run + "/retry", "/jobs", "/jobs/new", "/jobs/photos", "/jobs/photos/edit", "/jobs/photos/schedule", "/jobs/photos/start", "/jobs/photos/seal", "/jobs/photos/remove", "/addresses",
	} {
		for _, m := range regexp.MustCompile(`<code tabindex="0">(ferry [^<]*)</code>`).FindAllStringSubmatch(ask(path), -1) {
			lines[html.UnescapeString(m[1])] = true
		}
	}
	if len(lines) < 18 {
		t.Errorf("the pages have %d commands: %v", len(lines), lines)
	}
	for line := range lines {
		out, err := exec.CommandContext(t.Context(), bash, "-c", `printf '%s\0' `+strings.TrimPrefix(line, "ferry ")).Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		c, rest, err := newRoot().Find(strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
		if err == nil {
			err = c.ParseFlags(rest)
		}
		if err == nil {
			err = c.ValidateArgs(c.Flags().Args())
		}
		if err != nil || !c.Runnable() {
			t.Errorf("%s: %v", line, err)
		}
	}
}
