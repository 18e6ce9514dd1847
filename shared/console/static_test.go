package console

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"kodoferry/shared/console/language"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan/forecast"
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

// TestEveryLineOfABillIsTranslated: what a run of a deployment costs is told by sentences.
func TestEveryLineOfABillIsTranslated(t *testing.T) {
	prices, err := forecast.ReadPrices("")
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "oss://ledger/?region=cn-hangzhou", func(*job.Job) {})
	if err != nil {
		t.Fatal(err)
	}
	many := ledger.Tally{Objects: 1e9, Bytes: 1e15}
	bill := forecast.Spent(j, many, many, true, prices)
	if len(bill.Once) < 8 {
		t.Errorf("a bill has %d lines", len(bill.Once))
	}
	for _, line := range bill.Once {
		for _, lang := range language.All {
			if !lang.Has("money.of." + line.What) {
				t.Errorf("%s has no sentence money.of.%s", lang.Tag, line.What)
			}
		}
	}
}
