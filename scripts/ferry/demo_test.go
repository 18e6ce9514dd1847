package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/show"
	"kodoferry/scripts/ferry/words"
	"kodoferry/shared/digest"
	"kodoferry/shared/emulator/binaries"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

func TestDemoKeepsItsContract(t *testing.T) {
	dir := t.TempDir()
	out, errOut, code := execute(t, nil, "demo", "--objects", "300", "--json", "--keep", dir)
	if code != 0 {
		t.Fatalf("exit code %d, want 0\n%s", code, errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var s report.Summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatalf("the last line of standard output is %q: %v", lines[len(lines)-1], err)
	}
	want := report.Totals{Listed: 300, Copied: 294, Skipped: 2, Conflict: 1, Gone: 1, Failed: 2, Verified: 294}
	if s.Objects != want || s.Result != report.Incomplete {
		t.Errorf("summary = %s %+v, want %s %+v", s.Result, s.Objects, report.Incomplete, want)
	}
	for _, want := range []string{
		"flipped byte caught in ", ", never visible", "a worker dies with", "the owner deletes ", "the owner overwrites ", "the application writes its own ",
		"none ever became visible", "never with a wrong byte", "Every object ended exactly as it must.", "Report: " + filepath.Join(dir, "report.html"),
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, name := range []string{"report.html", "report.json", "manifest.json", "objects/*.csv.gz"} {
		if found, err := filepath.Glob(filepath.Join(dir, name)); err != nil || len(found) == 0 {
			t.Errorf("no %s in the report's directory (%v)", name, err)
		}
	}
	var rep report.Report
	if data, err := os.ReadFile(filepath.Join(dir, "report.json")); err != nil || json.Unmarshal(data, &rep) != nil || rep.Summary != s {
		t.Errorf("report.json says %+v (%v), standard output %+v", rep.Summary, err, s)
	}
}

func TestDemoRunsThroughTheFunctions(t *testing.T) {
	built, err := binaries.Build("kodoferry/functions/...")
	if err != nil {
		t.Fatal(err)
	}
	// The demo builds the functions itself, or is given them. What the pages of MNS and
	// EventBridge leave open: no counts, one task at a time in a stream, streams alone (all
	// but the last), pull alone.
	for name, tc := range map[string]struct {
		args    []string
		objects int64
		copies  string // the function that does
	}{
		onFC:                         {[]string{"--platform", onFC}, 120, "copy"},
		"fc as its pages leave open": {[]string{"--platform", onFC, "--functions", built, "--zero-counts", "--serial-streams"}, 60, "copy"},
		"fc by pull alone":           {[]string{"--platform", onFC, "--functions", built, "--zero-counts", "--pull"}, 60, "pull"},
		onLambda:                     {[]string{"--platform", onLambda, "--functions", built}, 120, "copy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errOut, code := execute(t, nil, append([]string{"demo", "--objects", strconv.FormatInt(tc.objects, 10), "--json", "--keep", t.TempDir()}, tc.args...)...)
			if code != 0 {
				t.Fatalf("exit code %d, want 0\n%s", code, errOut)
			}
			done := tc.objects - 6
			want := report.Totals{Listed: tc.objects, Copied: done, Skipped: 2, Conflict: 1, Gone: 1, Failed: 2, Verified: done}
			if s := summaryOf(t, out); s.Objects != want {
				t.Errorf("summary = %+v, want %+v", s.Objects, want)
			}
			killed := map[string]string{"copy": "an instance of the copy function is killed"}[tc.copies]
			for _, want := range []string{"flipped byte caught in ", killed, "ferry-verify ", "Every object ended exactly as it must."} {
				if !strings.Contains(errOut, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if _, line, _ := strings.Cut(errOut, "  ferry-copy "); tc.copies == "pull" && !strings.HasPrefix(strings.TrimSpace(line), "0 invocations") {
				t.Errorf("copy tasks came by a stream: %.100q", line)
			}
		})
	}
}

func TestDemoRefusesABucketItHasNoRoomFor(t *testing.T) {
	out, errOut := new(bytes.Buffer), new(bytes.Buffer)
	if code := run(t.Context(), []string{"demo", "--objects", "3"}, out, errOut); code != exitUsage || !strings.Contains(errOut.String(), "want 50 to 100000") {
		t.Errorf("exit code %d, %q, want 2 and the bounds", code, errOut)
	}
}

// stage is a small world that nothing runs in.
func stage(t *testing.T) *demoWorld {
	t.Helper()
	w, err := newDemoWorld(demoOptions{objects: 200, seed: 1}, show.NewTeller(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// perfect are the rows of a run in which each object ended as it must.
func (w *demoWorld) perfect() (run demoRun) {
	for _, o := range w.objects {
		r := demoRow{key: o.Key, state: o.want.state, proof: o.want.proof, reason: o.want.reason}
		if r.state == ledger.Copied {
			r.verdict = ledger.Verified
		}
		run.rows = append(run.rows, r)
	}
	return run
}

func TestDemoSeesRowsThatDiffer(t *testing.T) {
	w := stage(t)
	for name, tc := range map[string]struct {
		spoil func(*demoRun)
		want  string
	}{
		"all is well":            {func(*demoRun) {}, ""},
		"a row is missing":       {func(r *demoRun) { r.rows = r.rows[1:] }, "has no row"},
		"a row is there twice":   {func(r *demoRun) { r.rows = append(r.rows, r.rows[0]) }, "has two rows"},
		"a row is of no object":  {func(r *demoRun) { r.rows = append(r.rows, demoRow{key: "stranger"}) }, "never was in the source"},
		"a row is not verified":  {func(r *demoRun) { r.rows[0].verdict = "" }, "want copied, verified"},
		"a row is proved worse":  {func(r *demoRun) { r.rows[0].proof = ledger.ByTime }, "want copied, verified"},
		"a reason names no cure": {func(r *demoRun) { r.rows[at(r, life.LeadingSlash)].reason = "no" }, "want failed"},
	} {
		t.Run(name, func(t *testing.T) {
			run := w.perfect()
			tc.spoil(&run)
			var found findings
			w.checkRows(run, &found)
			if got := strings.Join(found, "\n"); (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}

func at(r *demoRun, key string) int {
	for i, row := range r.rows {
		if row.key == key {
			return i
		}
	}
	return -1
}

func TestDemoSeesBytesThatDiffer(t *testing.T) {
	w := stage(t)
	o := w.objects[0]
	body := make([]byte, o.Size)
	if _, err := io.ReadFull(o.Content(), body); err != nil {
		t.Fatal(err)
	}
	if got := digest.CRC64(0, body); got != o.sum {
		t.Fatalf("CRC64 of the content = %d, want %d", got, o.sum)
	}
	w.stored(demoTarget, oss.Object{Key: o.Key, Body: body})
	if len(w.wrong) > 0 {
		t.Errorf("right bytes were taken for wrong ones: %v", w.wrong)
	}
	body[len(body)/2] ^= 1
	w.stored(demoTarget, oss.Object{Key: o.Key, Body: body})
	if len(w.wrong) != 1 {
		t.Errorf("wrong = %v, want the key of the flipped bit", w.wrong)
	}
	if err := w.oss.Put(demoTarget, oss.Object{Key: o.Key, Body: body}); err != nil {
		t.Fatal(err)
	}
	if err := w.oss.Put(demoTarget, oss.Object{Key: "stranger", Body: body}); err != nil {
		t.Fatal(err)
	}
	var found findings
	w.checkBytes(&found)
	got := strings.Join(found, "\n")
	for _, want := range []string{"has other bytes in the target", `"stranger" is in the target`, "is not in the target"} {
		if !strings.Contains(got, want) {
			t.Errorf("what was found lacks %q", want)
		}
	}
}

func TestNumbersReadAsPeopleWriteThem(t *testing.T) {
	for got, want := range map[string]string{
		words.Size(0): "0 B", words.Size(68 << 10): "68 KiB", words.Size(-1): "0 B",
		words.Count(1, "object", "objects"): "1 object", words.Count(2000, "object", "objects"): "2,000 objects",
		words.Key("a/b 照片.jpg"): "a/b 照片.jpg", words.Key("a\x1b[31m"): `"a\x1b[31m"`, words.Key("rtl/\u202egpj.exe"): `"rtl/\u202egpj.exe"`, words.Key(" a"): `" a"`,
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
