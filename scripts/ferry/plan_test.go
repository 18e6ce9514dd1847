package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/life"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/plan/forecast"
	"kodoferry/shared/report"
)

// fillAlive puts a bucket like life into the source.
func (c *clouds) fillAlive(t *testing.T, n int, seed uint64) {
	t.Helper()
	for it := range life.Bucket(n, seed) {
		var body bytes.Buffer
		if _, err := io.Copy(&body, it.Content()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.kodo.Put(standins.Source, standins.AtKodo(it, body.Bytes())); err != nil {
			t.Fatal(err)
		}
	}
}

// requests are the operations that both stand-ins were asked for.
type requests struct {
	mu  sync.Mutex
	ops map[string]int
}

func (c *clouds) listen() *requests {
	r := &requests{ops: map[string]int{}}
	add := func(op string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ops[op]++
	}
	c.kodo.OnRequest(func(e kodo.Event) { add("kodo " + e.Op) })
	c.oss.OnRequest(func(e oss.Request) { add("oss " + e.Op) })
	return r
}

// harmless are the operations that change nothing. A batch of Kodo's is a POST;
// the only one that the driver knows asks for attributes.
var harmless = []string{"kodo list", "kodo stat", "kodo batch", "kodo query", "kodo stats", "kodo get", "kodo head", "oss list", "oss head", "oss get"}

// changing returns the operations that may have changed something.
func (r *requests) changing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.ops)), func(op string) bool { return slices.Contains(harmless, op) })
}

func forecastOf(t *testing.T, out string) forecast.Forecast {
	t.Helper()
	var f forecast.Forecast
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return f
}

func TestAPlanSaysWhatTheCopyAfterItDoesAndWritesNothing(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.fillAlive(t, 300, 7)
	seen := c.listen()
	if out, _, _ := execute(t, c.env, "plan", c.src, c.dst, "--quick"); !strings.Contains(out, "every one of the source's 300 objects") || strings.Contains(out, "holds objects already") {
		t.Errorf("a quick plan of a small bucket is not exact, or takes an empty target for a full one:\n%s", out)
	}
	for queues, deployed := range map[string]bool{"": false, "mns://1234567890123456/ferry-?region=cn-hangzhou": true} {
		out, _, _ := execute(t, append(slices.Clone(c.env), "FERRY_QUEUES="+queues), "plan", c.src, c.dst, "--quick")
		if strings.Contains(out, "queues, a day each") != deployed || strings.Contains(out, "function instances") != deployed || strings.Contains(out, "this machine") == deployed {
			t.Errorf("with FERRY_QUEUES=%q a plan is of a deployment, or without it is not of this machine:\n%s", queues, out)
		}
	}
	out, said, code := execute(t, c.env, "plan", c.src, c.dst, "--json")
	if code != 0 || said != "" {
		t.Fatalf("exit code %d, %s", code, said)
	}
	// A list of keys is looked up, and what the source does not have is left out.
	list := filepath.Join(t.TempDir(), "keys.txt")
	if err := os.WriteFile(list, []byte(life.Empty+"\n"+life.Archived+"\nnone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	listed, _, _ := execute(t, c.env, "plan", c.src, c.dst, "--keys", list)
	if !strings.Contains(listed, "2 listed = 1 to copy + 1 to skip") {
		t.Errorf("a plan of three keys, one of them unknown:\n%s", listed)
	}
	if ops := seen.changing(); len(ops) > 0 || len(c.oss.Keys(standins.Target)) > 0 {
		t.Errorf("the plan asked for %q and left %q, want neither", ops, c.oss.Keys(standins.Target))
	}
	p := forecastOf(t, out).Plan
	text, said, code := execute(t, c.env, "plan", c.src, c.dst)
	for _, want := range []string{"nothing was written", "PLAN: copy 297 objects", "300 listed = 297 to copy + 2 to skip + 1 would fail", "to 64 KiB", life.Archived, life.HugeMeta, life.LeadingSlash} {
		if !strings.Contains(text, want) {
			t.Errorf("exit code %d, it does not say %q:\n%s%s", code, want, text, said)
		}
	}

	out, said, code = execute(t, c.env, "copy", c.src, c.dst, "--json")
	s := summaryOf(t, out)
	got := report.Totals{Listed: p.Listed.Objects, Copied: p.Sum(plan.ToCopy, "", "").Objects}
	got.Skipped, got.Failed = p.Sum(plan.Fate(ledger.Skipped), "", "").Objects, p.Sum(plan.Fate(ledger.Failed), "", "").Objects
	got.Verified = got.Copied
	if got != s.Objects || p.Sum(plan.ToCopy, "", "").Bytes != s.Bytes.Copied {
		t.Errorf("planned %+v, done %+v (exit code %d)\n%s", got, s.Objects, code, said)
	}
	// Afterwards the target holds the copies and a ledger, which a quick plan says.
	if out, _, _ := execute(t, c.env, "plan", c.src, c.dst, "--quick"); !strings.Contains(out, "the target holds objects already") {
		t.Errorf("a quick plan says nothing of what the target holds:\n%s", out)
	}
	warned := int64(0)
	for _, r := range p.Reasons {
		if r.Will == plan.Warned {
			warned += r.Objects
		}
	}
	var rep report.Report
	out, _, _ = execute(t, c.env, "report", s.Run, "--json", "--ledger", c.ledger)
	if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.Warned != warned || warned == 0 {
		t.Errorf("planned %d warnings, the copy had %d (%v)", warned, rep.Warned, err)
	}
}

func TestAQuickPlanOfAMillionObjectsIsAboutRightAndSaysSo(t *testing.T) {
	t.Parallel()
	const objects, size = 1_000_000, 50_000
	c := newClouds(t)
	if err := c.kodo.Synthesize(standins.Source, kodo.Synthetic{Count: objects, Seed: 5, MinSize: size, Depth: 1}); err != nil {
		t.Fatal(err)
	}
	seen := c.listen()
	for name, tc := range map[string]struct {
		faults []chaos.Rule
		how    string
	}{
		"with the bucket's statistics": {how: "counted by the service itself"},
		"without":                      {faults: []chaos.Rule{{Op: "stats", Kind: chaos.Status, Status: 403, Rate: 1}}, how: "guessed"},
	} {
		t.Run(name, func(t *testing.T) {
			c.kodo.Desk().Inject(tc.faults...)
			before := c.kodo.Desk().Counts()["list"]
			out, said, code := execute(t, c.env, "plan", c.src, c.dst, "--quick", "--json")
			p := forecastOf(t, out).Plan
			if n := p.Sum(plan.ToCopy, "", "").Objects; code != 0 || n < objects*8/10 || n > objects*12/10 {
				t.Errorf("exit code %d, %d objects, want %d or a fifth more or less\n%s", code, n, objects, said)
			}
			if n := p.Listed.Bytes; n < objects*size*8/10 || n > objects*size*12/10 {
				t.Errorf("%d bytes, want %d or a fifth more or less", n, objects*size)
			}
			if how := strings.Join(p.How, "\n"); !p.Estimated || !strings.Contains(how, tc.how) || !strings.Contains(how, "spread over all names") {
				t.Errorf("estimated %v, how %q; want it marked, and %q", p.Estimated, how, tc.how)
			}
			if n := c.kodo.Desk().Counts()["list"] - before; n > 210 {
				t.Errorf("%d listings, want 200 and a few", n)
			}
			text, _, _ := execute(t, c.env, "plan", c.src, c.dst, "--quick")
			if !strings.Contains(text, "PLAN: copy about ") || !strings.Contains(text, "every number is an estimate") {
				t.Errorf("it does not say that it estimates:\n%s", text)
			}
		})
	}
	if ops := seen.changing(); len(ops) > 0 || len(c.oss.Keys(standins.Target)) > 0 {
		t.Errorf("the plans asked for %q and left %q, want neither", ops, c.oss.Keys(standins.Target))
	}
}

func TestCtrlCPrintsWhatThePlanHasFound(t *testing.T) {
	c := newClouds(t)
	if err := c.kodo.Synthesize(standins.Source, kodo.Synthetic{Count: 1_000_000, Seed: 5}); err != nil {
		t.Fatal(err)
	}
	c.kodo.Desk().Inject(chaos.Rule{Op: "list", Kind: chaos.Latency, Rate: 1, Delay: 10 * time.Millisecond})
	cmd, out, said := command(t, c.env, "plan", c.src, c.dst)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for c.kodo.Desk().Counts()["list"] < 20 {
		time.Sleep(time.Millisecond)
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait() // its exit code tells
	if code := cmd.ProcessState.ExitCode(); code != cli.ExitInterrupted || !strings.Contains(out.String(), "interrupted: a plan of what was found") || !strings.Contains(out.String(), ",000 to copy") {
		t.Errorf("exit code %d, want %d and what was found:\n%s%s", code, cli.ExitInterrupted, out, said)
	}
}
