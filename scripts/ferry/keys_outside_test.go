package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
)

// hostile are keys that are something else to whoever takes them for more than keys.
var hostile = []string{
	"../../../../tmp/ferry-was-here", "a/../../b", "<script>alert(1)</script>.jpg", "\"><img src=x onerror=alert(1)>", "'; rm -rf ~; '", "$(id)", "`id`",
	"\x1b]0;title\x07\x1b[2J.jpg", "line\nbreak", "\u202egpj.exe", "..\\..\\x", "{{.Run}}", "--delete", "C:\\x", "%2e%2e%2fx", "con/nul",
}

// TestAKeyIsNeverAPathNorHTMLNorACommandOfATerminal copies such keys, and has some
// fail, then looks at what was printed and saved.
func TestAKeyIsNeverAPathNorHTMLNorACommandOfATerminal(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.env = append(c.env, "FERRY_LEDGER="+c.ledger)
	for i, key := range hostile {
		o := kodo.Object{Key: key, Body: []byte(key), PutTime: time.Now().Add(-time.Hour)}
		if _, err := c.kodo.Put(standins.Source, o); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // a conflict, which the report names
			if err := c.oss.Put(standins.Target, oss.Object{Key: key, Body: []byte("theirs"), LastModified: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := t.TempDir()
	out, said, code := execute(t, c.env, "copy", c.src, c.dst, "--json", "--log", filepath.Join(dir, "log"))
	if code != 3 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	run, printed := summaryOf(t, out).Run, out+said
	proof := filepath.Join(dir, "deep", "proof")
	for _, args := range [][]string{{"report", run, "--out", proof, "--csv", "safe"}, {"status", run}, {"plan", c.src, c.dst}, {"diff", c.src, c.dst}} {
		out, said, _ := execute(t, c.env, args...)
		printed += out + said
	}
	for _, key := range hostile {
		out, said, code := execute(t, c.env, "why", run, "--", key)
		if code != 0 && code != 3 {
			t.Errorf("why %q: exit code %d\n%s", key, code, said)
		}
		printed += out + said
	}
	for _, never := range []string{"\x1b", "\x07", "\u202e", "line\nbreak"} {
		if i := strings.Index(printed, never); i >= 0 {
			t.Errorf("%q is printed as it is: %q", never, printed[max(0, i-120):min(len(printed), i+40)])
		}
	}
	var saved []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			saved = append(saved, strings.TrimPrefix(path, dir+string(filepath.Separator)))
		}
		return err
	})
	known := regexp.MustCompile(`^(log|deep/proof/(report\.html|report\.json|manifest\.json|[a-z]+(\.safe)?\.csv|objects/[0-9a-z~.-]+\.csv(\.gz)?))$`)
	if i := slices.IndexFunc(saved, func(s string) bool { return !known.MatchString(filepath.ToSlash(s)) }); err != nil || i >= 0 {
		t.Errorf("the files %q are saved, %v", saved, err)
	}
	page, err := os.ReadFile(filepath.Join(proof, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "&lt;script&gt;") {
		t.Error("the page does not name the key with a script in it")
	}
	for _, never := range []string{"<script", "<img", "\x1b", "\u202e"} {
		if strings.Contains(string(page), never) {
			t.Errorf("the page holds %q", never)
		}
	}
}

// TestAListOfKeysDoesNotLeadOutOfADirectory names what lies outside of it.
func TestAListOfKeysDoesNotLeadOutOfADirectory(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	top := t.TempDir()
	dir := filepath.Join(top, "source")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(top, "secret"), filepath.Join(dir, "a")} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(top, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(top, "keys.txt")
	if err := os.WriteFile(list, []byte("a\n../secret\nout/secret\n/etc/passwd\na/../../secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, said, _ := execute(t, c.env, "copy", "file://"+dir, c.dst, "--keys", list, "--json")
	there := slices.DeleteFunc(c.oss.Keys(standins.Target), func(k string) bool { return strings.HasPrefix(k, standins.Ledger) })
	if !slices.Equal(there, []string{"a"}) {
		t.Errorf("the target holds %q, want a alone\n%s%s", there, out, said)
	}
}
