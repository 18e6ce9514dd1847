package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/journal"
	"kodoferry/shared/emulator/kodo"
)

// TestNothingThatIsWrittenTellsASecret has every command, an agent and the functions
// work for clouds whose secrets are canaries, while answers are lost, refused and
// repeat the request that was signed. Then it looks through all that was written: what
// was printed, logs, the ledger, the target's metadata, messages, alerts, metrics,
// reports and their files.
func TestNothingThatIsWrittenTellsASecret(t *testing.T) {
	t.Parallel()
	for _, control := range []string{"x " + canarySign, "http://h/k?e=1&token=ak:s", "Authorization: Qiniu ak:abcdefgh", "Credential=id, Signature=0123456789"} {
		if leak(control) == "" {
			t.Fatalf("%q counts for nothing", control)
		}
	}
	for name, work := range map[string]func(t *testing.T, g *guarded, dir, file string) (wrote []string){
		"commands of this machine": fromThisMachine, "a contract that is tried": tryTheContract, "a deployment": deployGuarded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t)
			dir := t.TempDir()
			g.fill(t, 40)
			for _, by := range []string{"kodo", "oss"} {
				o := kodo.Object{Key: "photos/" + repeats + by + ".jpg", Body: []byte("x"), PutTime: time.Now().Add(-24 * time.Hour), Meta: map[string]string{"a": "b"}}
				if _, err := g.kodo.Put(standins.Source, o); err != nil {
					t.Fatal(err)
				}
			}
			wrote := work(t, g, dir, g.jobFile(t, dir))
			g.tellNothing(t, dir, wrote)
		})
	}
}

// jobFile writes the file with the job of the deployment and of this machine, and returns its path.
func (g *guarded) jobFile(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "ferry.yaml")
	text := "jobs:\n  photos:\n    source: '" + g.src + "'\n    target: '" + g.dst + "'\n    delete: true\n    events: {window: 1s}\n    limits: {attempts: 2, batchObjects: 10}\n" +
		"    alerts: [{to: FERRY_ALERT_OPS, kind: dingtalk, sign: FERRY_ALERT_OPS_SIGN, insecure: true}, {to: FERRY_ALERT_OPS, kind: json, insecure: true}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// disturb has every service refuse, lose and spoil some answers.
func (g *guarded) disturb() {
	g.kodo.Desk().Inject(chaos.Rule{Op: "*", Kind: chaos.Status, Rate: 0.05, Status: 500}, chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: 0.1, Limit: 3}, chaos.Rule{Op: "get", Kind: chaos.Reset, Rate: 0.05}, chaos.Rule{Op: "*", Kind: chaos.Throttle, Rate: 0.03})
	g.oss.Desk().Inject(chaos.Rule{Op: "*", Kind: chaos.Lost, Rate: 0.03}, chaos.Rule{Op: "*", Kind: chaos.Status, Rate: 0.03, Status: 503}, chaos.Rule{Op: "put", Kind: chaos.Cut, Rate: 0.03})
	g.queues.Desk().Inject(chaos.Rule{Op: "*", Kind: chaos.Status, Rate: 0.05, Status: 500})
}

// fromThisMachine works the commands of one process, the services in good order and not.
func fromThisMachine(t *testing.T, g *guarded, dir, file string) (wrote []string) {
	g.do(t, g.env, "check", "photos", "--file", file)
	g.do(t, g.env, "plan", "photos", "--file", file)
	g.do(t, g.env, "plan", g.src, g.dst, "--quick")
	out, said, code := g.do(t, g.env, "copy", "photos", "--file", file, "--json", "--log", filepath.Join(dir, "copy.log"))
	if code != 3 {
		t.Fatalf("copy: exit code %d, want 3: what is repeated cannot be read\n%s", code, said)
	}
	run := summaryOf(t, out).Run
	g.disturb()
	g.fill(t, 80)
	g.do(t, g.env, "copy", "photos", "--file", file, "--log", filepath.Join(dir, "faults.log"))
	for _, args := range [][]string{
		{"status", run}, {"report", run, "--out", filepath.Join(dir, "proof"), "--csv", "safe"}, {"report", run, "--json"}, {"limits", run}, {"diff", g.src, g.dst},
		{"why", run, "photos/" + repeats + "kodo.jpg"}, {"why", run, "photos/" + repeats + "oss.jpg"}, {"why", run, keyOf(1)}, {"policy", g.src, g.dst}, {"clean", run},
	} {
		g.do(t, g.env, args...)
	}

	// Keys that are wrong, temporary ones that are over, and a proxy with a password.
	for name, value := range map[string]string{"QINIU_SECRET_KEY": canaryWrong, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": canaryWrong, "ALIBABA_CLOUD_SECURITY_TOKEN": canaryWrong} {
		for _, args := range [][]string{{"check", g.src, g.dst}, {"copy", g.src, g.dst, "--quiet"}, {"status", run}} {
			g.do(t, append(slices.Clone(g.env), name+"="+value), args...)
		}
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
		_, _ = io.WriteString(w, repeating(r))
	}))
	t.Cleanup(proxy.Close)
	by := "HTTPS_PROXY=http://user:" + canaryProxy + "@" + strings.TrimPrefix(proxy.URL, "http://")
	g.do(t, append(slices.Clone(g.env), by, "FERRY_QUEUES="), "check", "kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou")
	for by, want := range map[string]string{"kodo": "refused: /photos/" + repeats + "kodo.jpg?e=…&token=…", "oss": "refused: /"} {
		if text := g.told.text["ferry why "+run+" photos/"+repeats+by+".jpg"]; !strings.Contains(text, want) {
			t.Errorf("why of the object that %s refuses does not say %q:\n%s", by, want, text)
		}
	}
	g.hasRepeated(t)
	return []string{filepath.Join(dir, "copy.log"), filepath.Join(dir, "proof", "report.html")}
}

// tryTheContract has all that the services promise tried, with the file of what they answered.
func tryTheContract(t *testing.T, g *guarded, dir, _ string) (wrote []string) {
	saved := filepath.Join(dir, "contract.json")
	g.do(t, g.env, "check", g.src, g.dst, "--contract", "--yes", "--save", saved)
	return []string{saved}
}

// noticed is how long those at work are given to notice: long enough that the wait is told.
const noticed = "3s"

// deployGuarded works functions and an agent, while messages are refused.
func deployGuarded(t *testing.T, g *guarded, _, file string) (wrote []string) {
	g.disturb()
	log := &journal.Journal{}
	g.withFunctions(t, g.queues, log)
	agent := startAgent(t, g.env, "--sweep", "1s")
	for _, args := range [][]string{
		{"jobs", "apply", "--file", file, "--wait", "0s"}, {"jobs", "list"}, {"jobs", "show", "photos"}, {"jobs", "show", "photos", "--json"},
		{"events", "install", "photos", "--url", notifyURL}, {"events", "show", "photos"}, {"events", "remove", "photos"},
	} {
		g.do(t, g.env, args...)
	}
	out, said, code := g.do(t, g.env, "start", "photos", "--file", file, "--json")
	var began struct{ Run string }
	if err := json.Unmarshal([]byte(out), &began); code != 0 || err != nil {
		t.Fatalf("start: exit code %d, %v\n%s", code, err, said)
	}
	g.do(t, g.env, "pause", began.Run)
	g.do(t, g.env, "resume", began.Run)
	for _, name := range g.queues.Queues() { // what is there now, seen as a consumer sees it
		all, err := g.queues.Receive(t.Context(), name, 16, 0)
		if err != nil {
			continue // nothing is there
		}
		for _, m := range all {
			g.told.add("the queue "+name, string(m.Body))
			_, _ = g.queues.ChangeVisibility(name, m.Receipt, time.Second) // else it comes later
		}
	}
	eventually(t, "the run ends\n"+agent.log.String(), func() bool {
		for _, path := range []string{"/metrics", "/healthz"} {
			if answer, err := http.Get("http://" + agent.addr + path); err == nil {
				body, _ := io.ReadAll(answer.Body) // as much as came
				_ = answer.Body.Close()
				g.told.add("the agent's "+path, string(body))
			}
		}
		g.do(t, g.env, "status", began.Run)
		out, _, _ := g.do(t, g.env, "status", began.Run, "--json")
		time.Sleep(100 * time.Millisecond)
		var is struct{ State string }
		return json.Unmarshal([]byte(out), &is) == nil && is.State == "over"
	})
	for _, args := range [][]string{{"report", began.Run}, {"retry", began.Run}, {"cancel", began.Run}, {"seal", "photos", "--wait", noticed}, {"jobs", "remove", "photos", "--wait", noticed}} {
		g.do(t, g.env, args...)
	}
	agent.end(t, syscall.SIGTERM)
	g.told.add("the agent", agent.out.String()+agent.log.String())
	g.told.add("the functions", log.String())
	g.hasRepeated(t)
	return []string{"the alerts", "the functions", "the agent", "the agent's /metrics", "the answers of the queues"}
}

// tellNothing looks through all that was written, the target's objects and dir's files
// included. Something must be of each place of wrote: a search in nothing proves nothing.
func (g *guarded) tellNothing(t *testing.T, dir string, wrote []string) {
	t.Helper()
	for _, bucket := range []string{standins.Target} {
		for _, key := range g.oss.Keys(bucket) {
			o, _ := g.oss.Get(bucket, key)
			g.told.add("the object "+key, fmt.Sprint(key, o.Meta, o.Header, unpacked(o.Body)))
		}
	}
	g.told.directory(t, dir)
	for where, text := range g.told.text {
		if l := leak(text); l != "" {
			t.Errorf("%s tells %s", where, l)
		}
	}
	for _, place := range wrote {
		if g.told.text[place] == "" {
			t.Errorf("nothing was written by, or at, %s", place)
		}
	}
	t.Logf("%d places", len(g.told.text))
}

// hasRepeated holds that both services repeated requests to what was run.
func (g *guarded) hasRepeated(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.repeated["kodo"] == 0 || g.repeated["oss"] == 0 {
		t.Errorf("requests were repeated %v times, want some of each service", g.repeated)
	}
}
