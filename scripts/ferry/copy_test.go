package main

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// summaryOf reads the last line of standard output.
func summaryOf(t *testing.T, out string) report.Summary {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var s report.Summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatalf("the last line of standard output is %q: %v", lines[len(lines)-1], err)
	}
	return s
}

func TestCopyMovesABucketAndTellsAllAboutIt(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 120)
	args := []string{"copy", c.src, c.dst, "--json", "--log", filepath.Join(t.TempDir(), "log")}
	out, said, code := execute(t, c.env, args...)
	s := summaryOf(t, out)
	want := report.Totals{Listed: 120, Copied: 120, Verified: 120}
	if code != 0 || s.Result != report.Verified || s.Objects != want || strings.Count(out, "\n") != 1 {
		t.Fatalf("exit code %d, %q, want 0 and one line with %+v\n%s", code, out, want, said)
	}
	for _, o := range []string{"photos/00000.jpg", "photos/00119.jpg"} {
		if _, ok := c.oss.Get(standins.Target, o); !ok {
			t.Errorf("%s is not in the target", o)
		}
	}
	logged, err := os.ReadFile(args[len(args)-1])
	if err != nil || strings.Contains(string(logged), emulation.SecretKey) {
		t.Errorf("the log tells a secret, or is none: %v", err)
	}

	// A new run finds the bucket as it is. The summary tells which run it was.
	out, said, code = execute(t, append(c.env, "FERRY_LEDGER="+c.ledger), "copy", c.src, c.dst)
	if code != 0 || !strings.Contains(out, "VERIFIED") || !strings.Contains(out, "120 listed = 120 unchanged") {
		t.Errorf("the second copy: exit code %d, %s%s", code, out, said)
	}

	// The record of the first, for people and for programs.
	env, name := append(c.env, "FERRY_LEDGER="+c.ledger), s.Run
	out, said, code = execute(t, env, "status", name)
	if code != 0 || !strings.Contains(out, "verified: all 120 objects") || !strings.Contains(out, "verified  120 objects") {
		t.Errorf("status: exit code %d, %s%s", code, out, said)
	}
	dir := t.TempDir()
	out, said, code = execute(t, env, "report", name, "--out", dir)
	if code != 0 || !strings.Contains(out, "120 listed = 120 copied") {
		t.Errorf("report: exit code %d, %s%s", code, out, said)
	}
	for _, name := range []string{"report.html", "report.json", "manifest.json", "objects/*.csv.gz"} {
		if found, err := filepath.Glob(filepath.Join(dir, name)); err != nil || len(found) == 0 {
			t.Errorf("report --out left no %s (%v)", name, err)
		}
	}
	var rep report.Report
	out, _, code = execute(t, env, "report", name, "--json")
	if err := json.Unmarshal([]byte(out), &rep); err != nil || code != 0 || rep.Summary != s {
		t.Errorf("report --json: exit code %d, %v, %+v, want %+v", code, err, rep.Summary, s)
	}
	out, said, code = execute(t, env, "why", name, "photos/00007.jpg")
	for _, want := range []string{"photos/00007.jpg", "listed", "batch", "hash F", "ETag", "CRC64", "proved by qetag"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("why: exit code %d, it does not say %q: %s%s", code, want, out, said)
		}
	}
	if _, said, code = execute(t, env, "why", name, "photos/none.jpg"); code != 2 || !strings.Contains(said, "photos/none.jpg") {
		t.Errorf("why of no object: exit code %d, %s, want 2 and its name", code, said)
	}
}

func TestCopyEndsWithThreeWhereSomethingNeedsAPerson(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 10)
	theirs := []byte("the application wrote this")
	if err := c.oss.Put(standins.Target, oss.Object{Key: "photos/00003.jpg", Body: theirs, LastModified: time.Now()}); err != nil {
		t.Fatal(err)
	}
	out, said, code := execute(t, c.env, "copy", c.src, c.dst, "--json")
	want := report.Totals{Listed: 10, Copied: 9, Conflict: 1, Verified: 9}
	if s := summaryOf(t, out); code != 3 || s.Result != report.Incomplete || s.Objects != want {
		t.Errorf("exit code %d, %+v, want 3 and %+v\n%s", code, s, want, said)
	}
	if o, _ := c.oss.Get(standins.Target, "photos/00003.jpg"); string(o.Body) != string(theirs) {
		t.Errorf("the application's object is %q, want %q", o.Body, theirs)
	}
}

func TestDeletionsAreMirroredAndRefusedWhereTheSourceIsEmpty(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 40)
	env := append(c.env, "FERRY_LEDGER="+c.ledger)
	if _, said, code := execute(t, env, "copy", c.src, c.dst); code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	c.kodo.Remove(standins.Source, keyOf(7))
	out, said, code := execute(t, env, "copy", c.src, c.dst, "--delete")
	if _, ok := c.oss.Get(standins.Target, keyOf(7)); code != 0 || ok || !strings.Contains(out, "1 object deleted from the target") {
		t.Errorf("exit code %d, still there %v\n%s%s", code, ok, out, said)
	}
	for name, prefix := range map[string]string{"a wrong prefix": "/wrong/?", "an empty source": "/?"} {
		if name == "an empty source" {
			for i := range 40 {
				c.kodo.Remove(standins.Source, keyOf(i))
			}
		}
		out, said, code = execute(t, env, "copy", strings.Replace(c.src, "/?", prefix, 1), c.dst, "--delete")
		if _, ok := c.oss.Get(standins.Target, keyOf(8)); code != 3 || !ok || !strings.Contains(out, "nothing deleted from the target: the source is empty") {
			t.Errorf("%s: exit code %d, kept %v\n%s%s", name, code, ok, out, said)
		}
	}
}

func TestCtrlCLeavesNothingBroken(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 600)
	c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 20 * time.Millisecond})
	args := []string{"copy", c.src, c.dst, "--parallel", "8", "--batch-objects", "50"}
	said, code := signalled(t, c.env, syscall.SIGINT, func() bool { return c.oss.Desk().Counts()["put"] > 200 }, args...)
	if code != cli.ExitInterrupted || !strings.Contains(said, "interrupted") || strings.Contains(said, "goroutine ") {
		t.Errorf("exit code %d, %s, want %d and a word", code, said, cli.ExitInterrupted)
	}
	c.oss.Desk().Inject()
	out, said, code := execute(t, c.env, append(args, "--bandwidth", "1GiB/s")...)
	if code != 0 || !strings.Contains(out, "going on with run") || !strings.Contains(out, "600 verified") {
		t.Errorf("started again: exit code %d, %s%s", code, out, said)
	}
	if !strings.Contains(out, "ferry limits photos") { // or the limit would be thought to count
		t.Errorf("%s says nothing of the limits that stand", out)
	}
}

// TestAClosedTerminalEndsACommandAsCtrlCDoes, unless nohup has it outlive that.
func TestAClosedTerminalEndsACommandAsCtrlCDoes(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 600)
	c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 20 * time.Millisecond})
	copying := func() bool { return c.oss.Desk().Counts()["put"] > 20 }
	args := []string{"copy", c.src, c.dst, "--parallel", "2"}
	if signal.Ignored(syscall.SIGHUP) {
		t.Log("the tests are run by nohup, or as it does: no command of theirs ends with its terminal")
	} else {
		closed, _, stderr := command(t, c.env, args...)
		if err := closed.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it copies", copying)
		over := make(chan error, 1)
		go func() { over <- closed.Wait() }()
		for ended := false; !ended; { // the terminal tells it, and so does the shell
			_ = closed.Process.Signal(syscall.SIGHUP)
			select {
			case <-over:
				ended = true
			case <-time.After(time.Millisecond):
			}
		}
		if code := closed.ProcessState.ExitCode(); code != cli.ExitInterrupted || !strings.Contains(stderr.String(), "interrupted") {
			t.Errorf("exit code %d, %s, want %d and a word", code, stderr, cli.ExitInterrupted)
		}
	}
	nohup, _, stderr := command(t, c.env, args...)
	nohup.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, nohup.Path}, nohup.Args[1:]...)
	nohup.Path = "/bin/sh"
	if err := nohup.Start(); err != nil {
		t.Fatal(err)
	}
	before := c.oss.Desk().Counts()["put"]
	eventually(t, "it copies", func() bool { return c.oss.Desk().Counts()["put"] > before+20 })
	_ = nohup.Process.Signal(syscall.SIGHUP)
	c.oss.Desk().Inject()
	if err := nohup.Wait(); err != nil {
		t.Errorf("by nohup: %v, %s, want it to go on to its end", err, stderr)
	}
}

// traffic counts requests for objects, by operation and key, and all of them.
type traffic struct {
	mu   sync.Mutex
	puts map[string]int
	all  int
}

func (c *clouds) watch() *traffic {
	tr := &traffic{puts: map[string]int{}}
	c.oss.OnRequest(func(r oss.Request) {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.all++
		if r.Op == "put" && !strings.HasPrefix(r.Key, standins.Ledger) {
			tr.puts[r.Key]++
		}
	})
	return tr
}

func (tr *traffic) seen() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.all
}

func (tr *traffic) putsNow() map[string]int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return maps.Clone(tr.puts)
}

// writtenOff returns the keys of all objects that the ledger has written off.
func (c *clouds) writtenOff(t *testing.T) map[string]bool {
	t.Helper()
	at, err := job.ParseLocation(c.ledger)
	if err != nil {
		t.Fatal(err)
	}
	led, err := app.Config{OSSAccessKeyID: emulation.AccessKey, OSSAccessSecret: emulation.SecretKey}.Ledger(at)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, key := range c.oss.Keys(standins.Target) {
		// .ferry/runs/<job>/<time>/copied/<batch>, found without the code that resumes.
		path, batch, ok := strings.Cut(strings.TrimPrefix(key, standins.Ledger+"runs/"), "/copied/")
		if !ok {
			continue
		}
		done, err := led.Run(path).Batches().ReadWriteOff(t.Context(), strings.TrimSuffix(batch, ".csv.gz"))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		for _, r := range done.Rows {
			if r.State == ledger.Copied {
				keys[r.Key()] = true
			}
		}
	}
	return keys
}

func TestKilledFiveTimesNothingWrittenOffIsCopiedAgain(t *testing.T) {
	t.Parallel()
	const objects, seed = 5000, 20261123
	c := newClouds(t)
	c.fill(t, objects)
	tr := c.watch()
	r := rand.New(rand.NewPCG(seed, 0))
	var moments []int // counted in requests to the target, of which a run makes a little more than one for each object
	for range 5 {
		moments = append(moments, 10+r.IntN(objects))
	}
	slices.Sort(moments)
	args := []string{"copy", c.src, c.dst, "--batch-objects", "25", "--json"}
	puts := map[string]int{}
	for i, moment := range moments {
		_, code := signalled(t, c.env, syscall.SIGKILL, func() bool { return tr.seen() >= moment }, args...)
		if code != -1 {
			t.Fatalf("kill %d: exit code %d, want it killed", i+1, code)
		}
		done := c.writtenOff(t)
		now := tr.putsNow()
		for key := range done {
			if _, known := puts[key]; !known {
				puts[key] = now[key]
			}
		}
		t.Logf("kill %d at request %d: %d objects stored, %d of them written off", i+1, moment, len(now), len(done))
	}
	if len(puts) == 0 || len(puts) == objects {
		t.Errorf("%d of %d objects were written off at a kill (seed %d), want some", len(puts), objects, seed)
	}
	out, said, code := execute(t, c.env, args...)
	want := report.Totals{Listed: objects, Copied: objects, Verified: objects}
	if s := summaryOf(t, out); code != 0 || s.Result != report.Verified || s.Objects != want {
		t.Fatalf("exit code %d, %+v, want 0 and %+v (seed %d)\n%s", code, s, want, seed, said)
	}
	end, again := tr.putsNow(), 0
	for key, n := range puts {
		if end[key] != n {
			t.Errorf("%s was put %d times more after it was written off (seed %d)", key, end[key]-n, seed)
		}
	}
	for _, n := range end {
		again += n - 1
	}
	t.Logf("%d of %d objects, in flight at a kill or not written off yet, were put again", again, objects)
	for i := range objects {
		if o, ok := c.oss.Get(standins.Target, keyOf(i)); !ok || string(o.Body) != bodyOf(i) {
			t.Fatalf("%s is %q (%v), want %q", keyOf(i), o.Body, ok, bodyOf(i))
		}
	}
}

func TestEmulateServesWhatItSays(t *testing.T) {
	for name, fill := range map[string][]string{
		"like life": {"--objects", "60", "--seed", "3"},
		"generated": {"--synthetic", "2500", "--max-size", "300", "--attributes-only"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, _ := command(t, nil, append([]string{"emulate", "--json"}, fill...)...)
			c.Stdout = nil
			pipe, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			var d emulation.Description
			if err := json.NewDecoder(pipe).Decode(&d); err != nil {
				t.Fatal(err)
			}
			var env []string
			for k, v := range d.Env {
				env = append(env, k+"="+v)
			}
			src := "kodo://" + d.Kodo.Buckets[0] + "/?region=z0&insecure=true&endpoint=" + url.QueryEscape(d.Kodo.Endpoint)
			dst := "oss://" + d.OSS.Buckets[0] + "/?insecure=true&region=" + d.OSS.Region + "&endpoint=" + url.QueryEscape(d.OSS.Endpoint)
			text, said, code := execute(t, env, "copy", src, dst, "--json")
			s := summaryOf(t, text)
			switch name {
			case "generated":
				if code != 0 || s.Objects.Verified != 2500 {
					t.Errorf("exit code %d, %+v, want 0 and 2,500 verified\n%s", code, s, said)
				}
			case "like life": // two that cannot be read, one that OSS cannot hold
				if code != 3 || s.Objects.Verified != 57 || s.Objects.Skipped != 2 || s.Objects.Failed != 1 {
					t.Errorf("exit code %d, %+v, want 3 and 57 verified, 2 skipped, 1 failed\n%s", code, s, said)
				}
			}
			_ = c.Process.Signal(syscall.SIGINT)
			if err := c.Wait(); err != nil {
				t.Errorf("interrupted, it ended with %v, want 0", err)
			}
		})
	}
}

// TestCopyTellsOfALogThatCannotBeWritten logs to a device without room.
func TestCopyTellsOfALogThatCannotBeWritten(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	c := newClouds(t)
	c.fill(t, 3)
	_, errOut, code := execute(t, c.env, "copy", c.src, c.dst, "--quiet", "--log", "/dev/full")
	if code != 0 || strings.Count(errOut, "--log: lines are lost: write /dev/full: no space left on device") != 1 {
		t.Errorf("exit code %d, standard error %q, want 0 and the log told once", code, errOut)
	}
}

// TestCopyOutlastsTroubleAtItsStart lets the first requests of every kind fail,
// at either side, some times each.
func TestCopyOutlastsTroubleAtItsStart(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]chaos.Rule{
		"a 500":        {Kind: chaos.Status, Status: 500},
		"a 502":        {Kind: chaos.Status, Status: 502},
		"a reset":      {Kind: chaos.Reset},
		"no answer":    {Kind: chaos.Lost},
		"to slow down": {Kind: chaos.Throttle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			c.fill(t, 5)
			rule.Op, rule.Rate, rule.Limit = "*", 1, 2
			c.kodo.Desk().Inject(rule)
			c.oss.Desk().Inject(rule)
			if _, errOut, code := execute(t, c.env, "copy", c.src, c.dst, "--quiet"); code != 0 {
				t.Errorf("exit code %d, want 0\n%s", code, errOut)
			}
		})
	}
}

// TestCopyServesItsCountsOrSaysWhyNot: at an address that is taken it copies nothing.
func TestCopyServesItsCountsOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 3)
	taken := strings.TrimPrefix(c.kodo.Endpoint(), "http://")
	_, said, code := execute(t, c.env, "copy", c.src, c.dst, "--listen", taken)
	if code != cli.ExitUsage || !strings.Contains(said, "--listen "+taken) {
		t.Errorf("exit code %d, %s, want 2 and the address", code, said)
	}
	if _, there := c.oss.Get(standins.Target, keyOf(0)); there {
		t.Error("something was copied")
	}
	if out, said, code := execute(t, c.env, "copy", c.src, c.dst, "--listen", "127.0.0.1:0"); code != 0 {
		t.Errorf("at a free address: exit code %d, %s%s", code, out, said)
	}
}

// TestCopyCountsItsTasksWhileTheyRun reads the counts in mid-copy.
func TestCopyCountsItsTasksWhileTheyRun(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fill(t, 40)
	c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Latency, Rate: 1, Delay: 50 * time.Millisecond})
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free, for the copy
	if err != nil {
		t.Fatal(err)
	}
	at := &agentProcess{addr: l.Addr().String()}
	_ = l.Close()
	counted := func() bool { return at.metric(`ferry_tasks_running{kind="copy"}`) > 0 }
	said, code := signalled(t, c.env, syscall.SIGINT, counted, "copy", c.src, c.dst, "--quiet", "--parallel", "1", "--listen", at.addr)
	if code != cli.ExitInterrupted {
		t.Errorf("exit code %d, %s, want it interrupted", code, said)
	}
}
