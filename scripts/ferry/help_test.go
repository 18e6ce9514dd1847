package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestHelpUsesNoRetiredWord reads the help of every command, hidden ones excepted.
func TestHelpUsesNoRetiredWord(t *testing.T) {
	glossary, err := os.ReadFile("../../shared/GLOSSARY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(glossary), "| retired | instead |")
	if !found {
		t.Fatal("the glossary has no table of retired words")
	}
	var retired []string
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && !strings.Contains(line, "---") {
			for w := range strings.SplitSeq(cells[1], ",") {
				retired = append(retired, strings.TrimSpace(w))
			}
		}
	}
	pages := 0
	var read func(command ...string)
	read = func(command ...string) {
		var out bytes.Buffer
		if code := run(t.Context(), append(slices.Clone(command), "--help"), &out, &out); code != 0 {
			t.Errorf("ferry %s --help ends with %d", strings.Join(command, " "), code)
		}
		pages++
		for _, w := range regexp.MustCompile(`[A-Za-z]+`).FindAllString(out.String(), -1) {
			if slices.Contains(retired, strings.ToLower(w)) {
				t.Errorf("ferry %s --help has the word %q, which the glossary retires", strings.Join(command, " "), w)
			}
		}
		_, commands, _ := strings.Cut(out.String(), "Commands:\n")
		commands, _, _ = strings.Cut(commands, "\n\n")
		for line := range strings.Lines(commands) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] != "help" && fields[0] != "completion" {
				read(append(slices.Clone(command), fields[0])...)
			}
		}
	}
	read()
	if pages < 25 {
		t.Errorf("%d pages of help were read, want those of all commands", pages)
	}
}

// TestHelpTellsOneDefault of each flag: the variable that has it, not what that variable holds.
func TestHelpTellsOneDefault(t *testing.T) {
	t.Setenv("FERRY_LEDGER", "oss://held-by-a-variable/")
	t.Setenv("FERRY_QUEUES", "mns://held-by-a-variable/")
	two := regexp.MustCompile(`held-by-a-variable|\(default: [^)]*\) \(default|（默认：[^）]*） ?（默认`)
	pages := map[string]bool{}
	eachHelp(func(of, _ string) { pages[strings.TrimSuffix(of, " short")] = strings.HasSuffix(of, " short") })
	for _, tongue := range []string{"C", "zh_CN.UTF-8"} {
		t.Setenv("LC_ALL", tongue)
		for path, is := range pages {
			if !is {
				continue
			}
			var out bytes.Buffer
			run(t.Context(), append(strings.Fields(path)[1:], "--help"), &out, &out)
			if found := two.FindString(strings.Join(strings.Fields(out.String()), " ")); found != "" {
				t.Errorf("%s --help in %s has %q", path, tongue, found)
			}
		}
	}
}
