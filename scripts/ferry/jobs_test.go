package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/registry"
	"kodoferry/shared/report"
)

// desk is both clouds, queues, and a file of jobs.
type desk struct {
	*clouds
	t    *testing.T
	file string
}

func newDesk(t *testing.T) *desk {
	c := newClouds(t)
	c.fill(t, 30)
	c.withQueues(t)
	return &desk{c, t, filepath.Join(t.TempDir(), "ferry.yaml")}
}

// jobs writes the file.
func (d *desk) jobs(text string) {
	d.t.Helper()
	text = strings.NewReplacer("SRC", "'"+d.src+"'", "DST/old", "'"+strings.Replace(d.dst, "photos-new/", "photos-new/old/", 1)+"'", "DST", "'"+d.dst+"'").Replace(text)
	if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// do does a command line and holds its exit code and all that it says against
// what is wanted.
func (d *desk) do(code int, want []string, args ...string) (out string) {
	d.t.Helper()
	out, said, got := execute(d.t, d.env, args...)
	if got != code {
		d.t.Errorf("ferry %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, said)
	}
	for _, w := range want {
		if !strings.Contains(out+said, w) {
			d.t.Errorf("ferry %s does not say %q:\n%s%s", strings.Join(args, " "), w, out, said)
		}
	}
	if strings.Contains(said, "goroutine ") || strings.Contains(out+said, emulation.SecretKey) {
		d.t.Errorf("ferry %s shows a stack or a secret: %s", strings.Join(args, " "), said)
	}
	return out
}

func (d *desk) apply(code int, want []string, args ...string) string {
	d.t.Helper()
	return d.do(code, want, append([]string{"jobs", "apply", "--file", d.file}, args...)...)
}

func TestJobsOfAFileAreKeptShownAndRemoved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(0, []string{"no jobs are kept"}, "jobs", "list")
	d.jobs("jobs:\n  photos: {source: SRC, target: DST}\n  keys: {source: SRC, target: 'oss://other/?region=cn-hangzhou', keyList: keys.txt}\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(d.file), "keys.txt"), []byte(keyOf(1)+"\n"+keyOf(2)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.apply(0, []string{"new      photos"}, "photos")
	d.apply(0, []string{"same     photos", "new      keys"})
	d.jobs("jobs:\n  photos: {source: SRC, target: DST, delete: true, overlap: allow, limits: {parallel: 9}}\n")
	d.apply(0, []string{"changed  photos", "delete: not set -> true", `overlap: "skip" -> "allow"`, "limits.parallel: auto -> 9"})
	d.jobs("jobs:\n  photos: {source: SRC, target: DST, overlap: allow, limits: {parallel: 9}}\n")
	d.apply(0, []string{"delete: true -> not set"}, "--wait", "0s") // as one that is interrupted
	began := time.Now()
	d.apply(0, []string{"same     photos"}, "--wait", "2500ms")
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("applying again took %v, want it to wait for what the first one took back", took)
	}
	var list []registry.Kept
	if err := json.Unmarshal([]byte(d.do(0, nil, "jobs", "list", "--json")), &list); err != nil || len(list) != 2 || list[0].Job != "keys" || list[0].Keys != 2 || list[1].Newest != nil {
		t.Errorf("the list is %+v, %v, want both jobs, one of two keys, none with a run", list, err)
	}
	d.do(0, []string{"photos: kept since", `"parallel": 9`, "no run yet"}, "jobs", "show", "photos")
	d.do(2, []string{`no job "fotos"`, "it has keys, photos"}, "jobs", "show", "fotos")
	d.do(0, []string{"not kept any more: keys"}, "jobs", "remove", "keys")
	d.do(0, nil, "jobs", "remove", "keys") // removing twice is no error
	d.do(2, []string{"JOB"}, "jobs", "remove")
	d.do(0, []string{"Usage:", "apply", "list", "remove", "show"}, "jobs")
	if out := d.do(0, nil, "jobs", "list"); strings.Contains(out, "keys") {
		t.Errorf("the removed job is listed: %s", out)
	}
}

func TestWhatIsWrongWithJobsIsToldByLineAndNothingIsKept(t *testing.T) {
	for name, tc := range map[string]struct {
		file string
		args []string
		want []string
	}{
		"mistakes of the file": {"jobs:\n  photos: {source: SRC, target: DST, overlap: never, delete: perhaps}\n  other:\n    source: SRC\n", nil,
			[]string{"ferry.yaml:2: overlap", "ferry.yaml:2: delete: \"perhaps\"", "ferry.yaml:3: target: no location"}},
		"two jobs of one place": {"jobs:\n  a: {source: SRC, target: DST}\n  b:\n    source: SRC\n    target: DST/old\n", nil,
			[]string{"ferry.yaml:5: the jobs b and a write to one place", "ferry jobs remove a"}},
		"a place of a kept job": {"jobs:\n  a: {source: SRC, target: DST/old}\n", nil, []string{"ferry.yaml:2: the jobs a and kept write to one place"}},
		"a ledger elsewhere":    {"jobs:\n  a: {source: SRC, target: 'oss://other/?region=cn-hangzhou', ledger: 'oss://elsewhere/?region=cn-hangzhou'}\n", nil, []string{"ferry.yaml:2: the job a keeps its ledger in oss://elsewhere/"}},
		"a name nobody has":     {"jobs:\n  a: {source: SRC, target: 'oss://other/?region=cn-hangzhou'}\n", []string{"b"}, []string{"has no job b: it has a"}},
		"a sealed job":          {"jobs:\n  done: {source: SRC, target: 'oss://other/?region=cn-hangzhou'}\n", nil, []string{"ferry.yaml:2: the job done was ended for good"}},
		"a missing list":        {"jobs:\n  a: {source: SRC, target: 'oss://other/?region=cn-hangzhou', keyList: none.txt}\n", nil, []string{"keyList: ", "none.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.jobs("jobs:\n  kept: {source: SRC, target: DST}\n  done: {source: SRC, target: 'oss://done/?region=cn-hangzhou'}\n")
			if name == "two jobs of one place" {
				d.apply(0, nil, "done")
			} else {
				d.apply(0, nil)
			}
			d.do(0, nil, "seal", "done", "--wait", "0s")
			before := len(d.oss.Keys(standins.Target))
			d.jobs(tc.file)
			d.apply(2, tc.want, tc.args...)
			if after := len(d.oss.Keys(standins.Target)); after != before {
				t.Errorf("%d files in the ledger, before %d: want nothing kept", after, before)
			}
		})
	}
}

func TestAKeptJobIsStartedPausedResumedAndCancelled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.jobs("jobs:\n  photos: {source: SRC, target: DST, limits: {batchObjects: 5}}\n")
	d.apply(0, nil)
	d.do(2, []string{"no file", `keeps no job "fotos", but photos`}, "start", "fotos")
	d.do(2, []string{"--parallel: what the job photos is to be is kept in the ledger"}, "start", "photos", "--parallel", "9")
	var began struct{ Run string }
	if err := json.Unmarshal([]byte(d.do(0, nil, "start", "photos", "--json")), &began); err != nil || !strings.HasPrefix(began.Run, "photos/") {
		t.Fatalf("begun is %+v, %v, want a run of the job", began, err)
	}
	d.do(2, []string{"the jobs", "and photos write to one place"}, "start", d.src, strings.Replace(d.dst, "photos-new/", "photos-new/old/", 1))
	for range 2 { // pausing is idempotent
		d.do(0, []string{began.Run + " is paused", "ferry resume " + began.Run}, "pause", "photos")
	}
	d.do(0, []string{"paused since", "Next: ferry resume", "  queues    list 1; copy unknown"}, "status", "photos")
	d.do(0, []string{`"goes":"paused"`}, "status", began.Run, "--json")
	d.do(0, []string{`"standing":"going"`, `"sent":2`}, "resume", "photos", "--json")
	d.do(0, []string{"0 tasks sent"}, "resume", "photos")
	d.do(1, []string{"not over yet"}, "report", "photos")
	d.do(2, []string{"is not over", "ferry cancel"}, "retry", "photos")
	d.do(2, []string{"is not over (going)", "ferry cancel"}, "clean", "photos")
	d.do(2, []string{"is not over (going)"}, "clean", "photos", "--force")
	for range 2 { // so is cancelling
		d.do(0, []string{"CANCELLED", "1 stretch of the listing not known", "Next: ferry report " + began.Run}, "cancel", "photos", "--wait", "0s")
	}
	d.do(0, []string{`"result":"cancelled"`}, "cancel", "photos", "--wait", "0s", "--json")
	d.do(3, []string{"CANCELLED", "not listed: the run was cancelled before"}, "report", "photos")
	d.do(2, []string{"is over", "ferry report"}, "pause", "photos")
	d.do(2, []string{"is over", "ferry report"}, "resume", "photos")
	d.do(0, []string{"nothing of run " + began.Run, "1 stretch of the source was not listed"}, "retry", "photos")
	d.do(0, []string{"newest run " + began.Run + " cancelled"}, "jobs", "list")
	for range 2 {
		d.do(0, []string{"aborted  0 uploads", "billed until", "report.json"}, "clean", "photos")
	}
	d.do(0, nil, "start", "photos")
	d.do(0, []string{"ended for good", "cancelled"}, "seal", "photos", "--wait", "0s")
	d.do(0, []string{`"job":"photos"`, `"ended":[]`}, "seal", "photos", "--json")
	d.do(2, []string{"was ended for good"}, "start", "photos")
	d.do(2, []string{"was ended for good"}, "copy", "photos", "--file", d.file)
	d.do(2, []string{`no job "fotos"`}, "seal", "fotos")
	d.do(2, []string{`"photos/1" is no name of a job`}, "seal", "photos/1")
}

func TestARunOfThisMachineIsPausedAndCancelledWhileItCopies(t *testing.T) {
	t.Parallel() // most of it is waiting
	d := newDesk(t)
	d.fill(t, 200)
	d.kodo.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: 300 * time.Millisecond}) // it would take a minute
	// With a limit it looks into the ledger from the beginning.
	d.jobs("jobs:\n  photos: {source: SRC, target: DST, limits: {batchObjects: 10, parallel: 1, requests: 100000}}\n")
	copied := func() bool {
		return slices.ContainsFunc(d.oss.Keys(standins.Target), func(key string) bool { return strings.HasPrefix(key, "photos/") })
	}
	c, out, said := command(t, d.env, "copy", "photos", "--file", d.file)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	for !copied() {
		time.Sleep(time.Millisecond) // its own process: there is no other sign
	}
	d.do(0, []string{"is paused"}, "pause", "photos")
	_ = c.Wait() // its exit code tells
	if code := c.ProcessState.ExitCode(); code != 1 || !strings.Contains(said.String(), "is paused, and nothing is lost: ferry resume photos/") {
		t.Fatalf("the paused copy ends with %d, want 1 and how to go on\n%s%s", code, out, said)
	}
	d.do(1, []string{"is paused"}, "copy", "photos", "--file", d.file)
	d.do(0, []string{"may go on: the ferry copy that began it"}, "resume", "photos")
	d.do(0, []string{"CANCELLED"}, "cancel", "photos", "--wait", "0s")
	d.do(3, []string{"CANCELLED", "open"}, "report", "photos")
	var began report.Report
	if err := json.Unmarshal([]byte(d.do(3, nil, "report", "photos", "--json")), &began); err != nil {
		t.Fatal(err)
	}
	d.kodo.Desk().Inject()
	rep := summaryOf(t, d.do(0, nil, "retry", "photos", "--json"))
	if rep.Objects.Listed != began.Objects.Open || rep.Result != report.Verified || began.Objects.Open == 0 {
		t.Errorf("%+v, want the %d that were open verified", rep.Objects, began.Objects.Open)
	}
}

func TestAJobThatCannotBeReadIsListedReplacedAndRemoved(t *testing.T) {
	d := newDesk(t)
	d.jobs("jobs:\n  photos: {source: SRC, target: DST}\n")
	d.apply(0, nil)
	spoil := func(name, record string) {
		t.Helper()
		if err := d.oss.Put(standins.Target, oss.Object{Key: ".ferry/jobs/" + name, Body: []byte(record)}); err != nil {
			t.Fatal(err)
		}
	}
	spoil("half.json", `{"v":2,"name":"half","job":{"v"`)
	spoil("newer.json", `{"v":99,"name":"newer","job":{}}`)
	spoil("photos/stray.json", "what is this")
	d.do(0, []string{"photos", "half\n  cannot be read", "ferry jobs apply half", "newer version of Ferry", "upgrade"}, "jobs", "list")
	var list []registry.Kept
	if err := json.Unmarshal([]byte(d.do(0, nil, "jobs", "list", "--json")), &list); err != nil || len(list) != 3 || list[0].Problem == "" || list[1].Problem == "" || list[2].Problem != "" {
		t.Errorf("the list is %+v, %v, want three jobs, of which two cannot be read", list, err)
	}
	d.do(0, []string{"half: cannot be read", "cut off or no JSON"}, "jobs", "show", "half")
	d.do(2, []string{"the kept job half cannot be read", "ferry jobs remove half"}, "start", "half")
	d.do(0, nil, "start", "photos")
	elsewhere := "{source: SRC, target: 'oss://elsewhere/?region=cn-hangzhou'}"
	d.jobs("jobs:\n  half: " + elsewhere + "\n")
	d.apply(0, []string{"replaced half", "could not be read"}, "--wait", "0s")
	d.apply(0, []string{"same     half"}, "--wait", "0s")
	d.do(0, nil, "jobs", "remove", "half", "--wait", "0s")
	d.jobs("jobs:\n  newer: " + elsewhere + "\n")
	d.apply(1, []string{"kept by a newer version", "ferry jobs remove newer"})
	d.do(0, []string{"not kept any more: newer"}, "jobs", "remove", "newer", "--wait", "0s")
	d.apply(0, []string{"new      newer"})
	spoil("half.json", "")
	d.do(0, []string{"not kept any more: half"}, "jobs", "remove", "half", "--wait", "0s")
}

// TestOfTwoJobsOfOnePlaceThatAreKeptAtOneMomentOneIs applies each by a process of
// its own, to a ledger that answers slowly, so that both look before either keeps.
func TestOfTwoJobsOfOnePlaceThatAreKeptAtOneMomentOneIs(t *testing.T) {
	for range 3 {
		d := newDesk(t)
		d.jobs("jobs:\n  a: {source: SRC, target: DST}\n  b: {source: SRC, target: DST/old}\n")
		d.oss.Desk().Inject(chaos.Rule{Kind: chaos.Latency, Rate: 1, Delay: 20 * time.Millisecond})
		var codes [2]int
		var said [2]string
		var all sync.WaitGroup
		for i, name := range []string{"a", "b"} {
			all.Go(func() {
				_, said[i], codes[i] = execute(t, d.env, "jobs", "apply", name, "--file", d.file)
			})
		}
		all.Wait()
		kept := 0
		for _, key := range d.oss.Keys(standins.Target) {
			if strings.HasPrefix(key, ".ferry/jobs/") {
				kept++
			}
		}
		if kept != 1 || codes[0]+codes[1] != 2 || !strings.Contains(said[0]+said[1], "write to one place") {
			t.Errorf("%d were kept, the exit codes are %v: %q, want one kept and the other refused", kept, codes, said)
		}
	}
}
