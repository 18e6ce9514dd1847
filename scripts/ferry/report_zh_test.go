package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAReportIsKeptInTheLanguageThatIsSpoken writes the files of one run twice: the page is in
// each language, all else is the same.
func TestAReportIsKeptInTheLanguageThatIsSpoken(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 3)
	if _, said, code := execute(t, c.env, "copy", c.src, c.dst); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	run := c.theRun(t)
	kept := map[string]map[string]string{}
	for lang, html := range map[string]string{"en": "en", "zh": "zh-CN"} {
		dir := t.TempDir()
		if out, said, code := execute(t, env, "report", run, "--out", dir, "--lang", lang); code != 0 {
			t.Fatalf("exit code %d: %s%s", code, out, said)
		}
		kept[lang] = map[string]string{}
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		more, err := filepath.Glob(filepath.Join(dir, "objects", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(names, more...) {
			if data, err := os.ReadFile(name); err == nil { // not a directory
				kept[lang][strings.TrimPrefix(name, dir)] = string(data)
			}
		}
		if page := kept[lang]["/report.html"]; !strings.Contains(page, `<html lang="`+html+`">`) {
			t.Errorf("with --lang %s the page is not in it: %.100q", lang, page)
		}
		delete(kept[lang], "/report.html")
	}
	if len(kept["en"]) < 3 {
		t.Errorf("%d files beside the page, want the report, its manifest and rows", len(kept["en"]))
	}
	for name, data := range kept["en"] {
		if kept["zh"][name] != data {
			t.Errorf("%s is another where Chinese is spoken", name)
		}
	}
}

// theRun is the name of the one run in the ledger.
func (c *clouds) theRun(t *testing.T) string {
	t.Helper()
	out, said, code := execute(t, append(c.env, "FERRY_LEDGER="+c.ledger), "runs", "--json")
	name := regexp.MustCompile(`"run":"([^"]+)"`).FindStringSubmatch(out)
	if code != 0 || name == nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("runs: exit code %d, %s%s, want the one run", code, out, said)
	}
	return name[1]
}
