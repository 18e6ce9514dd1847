package console

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

// TestUPlotIsTheOneThatIsNoted: version 1.6.32 as its authors released it, with its licence.
func TestUPlotIsTheOneThatIsNoted(t *testing.T) {
	for name, want := range map[string]string{
		"uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"uPlot.min.css":     "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
	} {
		data, err := files.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
			t.Errorf("the SHA-256 of %s is %x, want %s: note the version and the hash of a new one here", name, sum, want)
		}
		if strings.HasSuffix(name, ".js") && !strings.Contains(string(data[:200]), "uPlot (v1.6.32)") {
			t.Errorf("%s begins with %q, want its version", name, data[:200])
		}
	}
	licence, err := files.ReadFile("static/uPlot.LICENSE")
	if err != nil || !strings.Contains(string(licence), "MIT License") || !strings.Contains(string(licence), "Leon Sorokin") {
		t.Errorf("the licence of uPlot is %q, %v", licence, err)
	}
}

// TestPagesLoadNothingFromElsewhere, have no script or style in them, and no handler in an
// attribute: the policy would refuse them.
func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	foreign := regexp.MustCompile(`(?i)(src|href|action)="(https?:)?//|<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=|javascript:`)
	all, err := files.ReadDir("pages")
	if err != nil || len(all) < 15 {
		t.Fatalf("%d pages, %v", len(all), err)
	}
	for _, e := range all {
		data, err := files.ReadFile("pages/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if m := foreign.FindString(string(data)); m != "" {
			t.Errorf("%s has %q", e.Name(), m)
		}
	}
}
