package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
)

// TestAThousandObjectsAreCopiedBesideOddOnes lets objects of each kind of oddity,
// small ones and some in parts, lie among good ones.
func TestAThousandObjectsAreCopiedBesideOddOnes(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 1000)
	big := make([]byte, 5<<20)
	odd := map[string]struct {
		body []byte
		rule chaos.Rule // of its GETs
		want string     // in the report, beside its key
	}{
		"":                                  {want: "give the target a prefix"},
		"/lead.jpg":                         {want: "give the target a prefix"},
		"\\back.jpg":                        {want: "give the target a prefix"},
		"long/" + strings.Repeat("l", 1100): {want: "1023"},
		"odd/answers-500.jpg":               {rule: chaos.Rule{Kind: chaos.Status, Status: 500}, want: "500"},
		"odd/answers-403.jpg":               {rule: chaos.Rule{Kind: chaos.Status, Status: 403}, want: "403"},
		"odd/answers-405.jpg":               {rule: chaos.Rule{Kind: chaos.Status, Status: 405}, want: "405"},
		"odd/answers-404.jpg":               {rule: chaos.Rule{Kind: chaos.Status, Status: 404}, want: "domain="},
		"odd/ends-early.jpg":                {body: make([]byte, 4096), rule: chaos.Rule{Kind: chaos.Reset}, want: "odd/ends-early.jpg"},
		"odd/parts-500.bin":                 {body: big, rule: chaos.Rule{Kind: chaos.Status, Status: 500}, want: "500"},
		"odd/parts-403.bin":                 {body: big, rule: chaos.Rule{Kind: chaos.Status, Status: 403}, want: "403"},
		"odd/parts-end-early.bin":           {body: big, rule: chaos.Rule{Kind: chaos.Reset}, want: "odd/parts-end-early.bin"},
	}
	var rules []chaos.Rule
	for key, o := range odd {
		if o.body == nil {
			o.body = []byte("odd")
		}
		if _, err := c.kodo.Put(demoSource, kodo.Object{Key: key, Body: o.body, PutTime: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatalf("%.20q: %v", key, err)
		}
		if o.rule.Kind != "" {
			o.rule.Op, o.rule.Key, o.rule.Rate = "get", key, 1
			rules = append(rules, o.rule)
		}
	}
	c.kodo.Desk().Inject(rules...)
	file := filepath.Join(t.TempDir(), "ferry.yaml")
	text := "jobs:\n  photos:\n    source: '" + c.src + "'\n    target: '" + c.dst + "'\n    limits: {attempts: 1, partsAbove: 4MiB, partSize: 4MiB, batchObjects: 200}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	out, said, code := execute(t, env, "copy", "photos", "--file", file, "--json", "--quiet")
	if code != exitIncomplete {
		t.Fatalf("exit code %d, want %d\n%s", code, exitIncomplete, said)
	}
	s := summaryOf(t, out)
	if o, n := s.Objects, int64(len(odd)); o.Verified != 1000 || o.Failed != n || o.Listed != 1000+n {
		t.Errorf("%+v, want 1,000 verified and %d failed", o, n)
	}
	if n := c.oss.Uploads(demoTarget); n != 0 {
		t.Errorf("%d uploads are left open", n)
	}
	dir := t.TempDir()
	if _, said, code := execute(t, env, "report", s.Run, "--out", dir, "--csv", "safe"); code != exitIncomplete {
		t.Errorf("report ends with %d\n%s", code, said)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "objects", "*.safe.csv"))
	told := ""
	for _, f := range files {
		rows, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		told += string(rows)
	}
	for key, o := range odd {
		found := false
		for line := range strings.Lines(told) {
			found = found || strings.HasPrefix(line, key+",") && strings.Contains(line, ",failed,") && strings.Contains(line, o.want)
		}
		if !found {
			t.Errorf("%.30q is not told as failed with %q", key, o.want)
		}
	}
}
