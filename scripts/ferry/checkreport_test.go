package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/report"
)

// checkReport runs the independent checker over a directory.
func checkReport(t *testing.T, dir string) (said string, code int) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here, which scripts/check-report.py is run by")
	}
	c := exec.CommandContext(t.Context(), python, filepath.Join("..", "check-report.py"), dir)
	out, err := c.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// tampered is a report in a directory that a test tampers with.
type tampered struct {
	t   *testing.T
	dir string
	rep report.Report
	m   report.Manifest
}

func openTampered(t *testing.T, dir string) *tampered {
	k := &tampered{t: t, dir: t.TempDir()}
	if err := os.CopyFS(k.dir, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	k.decode("report.json", &k.rep)
	k.decode("manifest.json", &k.m)
	return k
}

func (k *tampered) read(name string) []byte {
	k.t.Helper()
	data, err := os.ReadFile(filepath.Join(k.dir, name))
	if err != nil {
		k.t.Fatal(err)
	}
	return data
}

func (k *tampered) write(name string, data []byte) {
	k.t.Helper()
	if err := os.WriteFile(filepath.Join(k.dir, name), data, 0o644); err != nil {
		k.t.Fatal(err)
	}
}

func (k *tampered) decode(name string, v any) {
	k.t.Helper()
	if err := json.Unmarshal(k.read(name), v); err != nil {
		k.t.Fatal(err)
	}
}

// sealed writes manifest and report with every SHA-256 mended, so that numbers and keys
// alone can tell.
func (k *tampered) sealed() {
	k.t.Helper()
	for i := range k.m.Files {
		if data, err := os.ReadFile(filepath.Join(k.dir, k.m.Files[i].Name)); err == nil {
			k.m.Files[i].SHA256 = report.Sum(data)
		}
	}
	manifest, err := json.Marshal(k.m)
	if err != nil {
		k.t.Fatal(err)
	}
	k.write("manifest.json", manifest)
	k.rep.Manifest = report.Sum(manifest)
	rep, err := json.Marshal(k.rep)
	if err != nil {
		k.t.Fatal(err)
	}
	k.write("report.json", rep)
}

// lines changes the lines of the i-th file, the heading first.
func (k *tampered) lines(i int, change func([]string) []string) {
	k.t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(k.read(k.m.Files[i].Name)))
	if err != nil {
		k.t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		k.t.Fatal(err)
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, strings.Join(change(strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")), "")+"\n"); err != nil || w.Close() != nil {
		k.t.Fatal(err)
	}
	k.write(k.m.Files[i].Name, out.Bytes())
}

func TestTheCheckerPassesADemoAndFailsOnWhatIsTamperedWith(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, said, code := execute(t, nil, "demo", "--objects", "300", "--keep", dir); code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	if said, code := checkReport(t, dir); code != 0 || !strings.Contains(said, "All holds") {
		t.Fatalf("exit code %d: %s", code, said)
	}
	ended := openTampered(t, dir) // as a ledger is where another process was cut off before this one ended the run
	name := strings.Replace(ended.m.Lists[0].Name, ".csv", "-"+ended.m.Lists[0].SHA256+".csv", 1)
	ended.write(name, ended.read(ended.m.Lists[0].Name))
	ended.write(ended.m.Lists[0].Name, []byte("another's"))
	ended.m.Lists[0].Name = name
	ended.sealed()
	ended.write("manifest-"+ended.rep.Manifest+".json", ended.read("manifest.json"))
	ended.write("manifest.json", []byte("{}"))
	if said, code := checkReport(t, ended.dir); code != 0 || !strings.Contains(said, "All holds") {
		t.Errorf("the names have the SHA-256 in them: exit code %d: %s", code, said)
	}
	for name, tc := range map[string]struct {
		tamper func(k *tampered)
		tells  string
	}{
		"a byte of a file changed": {func(k *tampered) {
			data := k.read(k.m.Files[0].Name)
			data[len(data)/2] ^= 1
			k.write(k.m.Files[0].Name, data)
		}, "SHA-256"},
		"a file missing": {func(k *tampered) { _ = os.Remove(filepath.Join(k.dir, k.m.Files[1].Name)) }, "is missing"},
		"a SHA-256 changed": {func(k *tampered) {
			k.write("manifest.json", bytes.Replace(k.read("manifest.json"), []byte(`"sha256": "`), []byte(`"sha256": "0`), 1))
		}, "manifest.json, SHA-256"},
		"the manifest's run named": {func(k *tampered) { k.m.Run = "another/20260101T000000Z"; k.sealed() }, "the run"},
		"a row removed": {func(k *tampered) {
			k.lines(0, func(l []string) []string { return slices.Delete(l, 5, 6) })
			k.m.Files[0].Rows--
			k.sealed()
		}, "objects"},
		"a row added": {func(k *tampered) {
			k.lines(0, func(l []string) []string { return slices.Insert(l, 2, strings.Replace(l[2], ",", "!,", 1)) })
			k.m.Files[0].Rows++
			k.sealed()
		}, "objects"},
		"a row twice": {func(k *tampered) {
			k.lines(0, func(l []string) []string { return slices.Insert(l, 5, l[5]) })
			k.m.Files[0].Rows++
			k.sealed()
		}, "out of order"},
		"two rows swapped": {func(k *tampered) {
			k.lines(0, func(l []string) []string { l[5], l[6] = l[6], l[5]; return l })
			k.sealed()
		}, "out of order"},
		"a state changed": {func(k *tampered) {
			k.lines(0, func(l []string) []string {
				for i := range l {
					if strings.Contains(l[i], ",failed,") {
						l[i] = strings.Replace(l[i], ",failed,", ",copied,", 1)
						break
					}
				}
				return l
			})
			k.sealed()
		}, "failed"},
		"a size changed": {func(k *tampered) {
			k.lines(0, func(l []string) []string {
				l[9] = strings.Replace(l[9], ",verified,qetag,", ",verified,qetag,1", 1)
				return l
			})
			k.sealed()
		}, "bytes copied"},
		"a number of the report changed": {func(k *tampered) { k.rep.Objects.Skipped++; k.sealed() }, "objects skipped"},
		"a proof renamed": {func(k *tampered) {
			k.rep.Proofs["qetag"], k.rep.Proofs["md5"] = k.rep.Proofs["md5"], k.rep.Proofs["qetag"]
			k.sealed()
		}, "proofs qetag"},
		"a stretch left out":        {func(k *tampered) { k.m.Files = slices.Delete(k.m.Files, 1, 2); k.sealed() }, "no file has what lies after"},
		"a stretch moved":           {func(k *tampered) { k.m.Files[1].After = "zzz"; k.sealed() }, "stretch"},
		"a first key changed":       {func(k *tampered) { k.m.Files[1].First = "a"; k.sealed() }, "first key"},
		"books that do not balance": {func(k *tampered) { k.rep.Objects.Listed += 3; k.sealed() }, "balance"},
		"called verified":           {func(k *tampered) { k.rep.Result = report.Verified; k.sealed() }, "verified"},
		"a failure not named":       {func(k *tampered) { k.rep.Failures = k.rep.Failures[1:]; k.sealed() }, "failures"},
		"a list that names another key": {func(k *tampered) {
			k.write("failed.csv", bytes.Replace(k.read("failed.csv"), []byte("failed"), []byte("copied"), 1))
			k.m.Lists[0].SHA256 = report.Sum(k.read("failed.csv"))
			k.sealed()
		}, "failed.csv has a row"},
		"a minute more in the plot": {func(k *tampered) { k.rep.Profile.Times.Ticks[0].Objects++; k.sealed() }, "times"},
		"a size more in the plot":   {func(k *tampered) { k.rep.Profile.Sizes[11].Objects++; k.sealed() }, "sizes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := openTampered(t, dir)
			tc.tamper(k)
			if said, code := checkReport(t, k.dir); code != 1 || !strings.Contains(said, tc.tells) {
				t.Errorf("exit code %d, want 1 and %q: %s", code, tc.tells, said)
			}
		})
	}
	for _, none := range []string{t.TempDir(), filepath.Join(dir, "nowhere")} {
		if said, code := checkReport(t, none); code != 2 || !strings.Contains(said, "ferry report RUN --out") {
			t.Errorf("exit code %d, want 2 and what to do: %s", code, said)
		}
	}
}
