package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/events"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/store"
)

// keeps applies a file with one job, photos, whose further fields are more.
func (c *clouds) keeps(t *testing.T, more string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ferry.yaml")
	if err := os.WriteFile(file, []byte("jobs:\n  photos: {source: '"+c.src+"', target: '"+c.dst+"'"+more+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, said, code := execute(t, c.env, "jobs", "apply", "--file", file, "--wait", "0s"); code != 0 {
		t.Fatalf("jobs apply: exit code %d, %s%s", code, out, said)
	}
}

const notifyURL = "https://notify-abc.cn-hangzhou.fcapp.run"

func TestTheRuleOfAJobIsInstalledShownAndRemoved(t *testing.T) {
	c := newClouds(t)
	c.env = append(c.env, "FERRY_LEDGER="+c.ledger)
	c.keeps(t, ", delete: true, events: {window: 5s}, filter: {suffix: .jpg}")
	rule := func(want int, args ...string) (r events.Rule) {
		t.Helper()
		out, said, code := execute(t, c.env, append(append([]string{"events"}, args...), "--json")...)
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != want {
			t.Errorf("events %q: exit code %d, %q, want %d\n%s", args, code, out, want, said)
		}
		return r
	}
	if r := rule(cli.ExitIncomplete, "show", "photos"); r.Installed {
		t.Errorf("shown before it is there: %+v", r)
	}
	if r := rule(0, "install", "photos", "--url", notifyURL); !r.Installed || !r.Changed || r.Suffix != ".jpg" || r.URLs[0] != notifyURL+"/" {
		t.Errorf("installed: %+v, want a change", r)
	}
	if r := rule(0, "install", "photos", "--url", notifyURL+"/"); r.Changed {
		t.Errorf("installed again: %+v, want no change", r)
	}
	if r := rule(0, "show", "photos"); !r.Installed || len(r.Problems) > 0 || strings.Join(r.Events, " ") == "" {
		t.Errorf("shown: %+v, want it to fit", r)
	}
	c.keeps(t, ", delete: true, events: {}")
	if r := rule(cli.ExitIncomplete, "show", "photos"); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], ".jpg") {
		t.Errorf("shown for the job as it is now: %q, want it to say that the suffix leaves something out", r.Problems)
	}
	if out, said, code := execute(t, c.env, "events", "show", "photos"); code != cli.ExitIncomplete || !strings.Contains(out, "Next: ferry events install photos") || strings.Contains(out, emulation.AccessKey) {
		t.Errorf("events show: exit code %d, %s%s, want the next command and no key", code, out, said)
	}
	if r := rule(0, "remove", "photos"); !r.Changed {
		t.Errorf("removed: %+v", r)
	}
	if r := rule(0, "remove", "photos"); r.Changed {
		t.Errorf("removed again: %+v", r)
	}
}

func TestMistakesWithEventsAreNamed(t *testing.T) {
	c := newClouds(t)
	c.env = append(c.env, "FERRY_LEDGER="+c.ledger)
	c.keeps(t, "")
	install := func(args ...string) []string { return append([]string{"events", "install", "photos"}, args...) }
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"a job that follows none": {install("--url", notifyURL), "follows no events"},
		"a job that is not kept":  {[]string{"events", "show", "fotos"}, "photos"},
		"no address":              {install(), "--url is missing"},
		"too many words":          {[]string{"events", "show", "photos", "x"}, "takes JOB"},
	} {
		if out, said, code := execute(t, c.env, tc.args...); code != cli.ExitUsage || !strings.Contains(said, tc.says) {
			t.Errorf("%s: exit code %d, %s%s, want %d and %q", name, code, out, said, cli.ExitUsage, tc.says)
		}
	}
	c.keeps(t, ", events: {}")
	for name, tc := range map[string]struct{ url, says string }{
		"parameters":     {notifyURL + "/?a=1", "parameters"},
		"no host":        {"notify", "no address"},
		"another scheme": {"ftp://x/", "https"},
	} {
		if out, said, code := execute(t, c.env, install("--url", tc.url)...); code != cli.ExitUsage || !strings.Contains(said, tc.says) {
			t.Errorf("%s: exit code %d, %s%s, want %d and %q", name, code, out, said, cli.ExitUsage, tc.says)
		}
	}
	c.kodo.Desk().Inject(chaos.Rule{Op: "events", Kind: chaos.Status, Status: 403, Rate: 1})
	if out, said, code := execute(t, c.env, install("--url", notifyURL)...); code != cli.ExitUsage || !strings.Contains(said, "may not manage the event rules") {
		t.Errorf("keys without the right: exit code %d, %s%s, want %d and what to do", code, out, said, cli.ExitUsage)
	}
}

func TestADayOfEventsIsShown(t *testing.T) {
	c := newClouds(t)
	c.env = append(c.env, "FERRY_LEDGER="+c.ledger)
	env := map[string]string{}
	for _, v := range c.env {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	at, err := job.ParseLocation(c.ledger)
	if err != nil {
		t.Fatal(err)
	}
	led, err := app.Load(func(name string) string { return env[name] }).Ledger(at)
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.New(c.src, c.dst, c.ledger, func(j *job.Job) { j.Name, j.Events.Window = "photos", job.Span(time.Second) })
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	run := led.Run(eventnames.Run("photos", now, 1))
	if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: frozen, At: now, Events: true, Deployed: true}); err != nil {
		t.Fatal(err)
	}
	_, batch := eventnames.Batch("a.jpg", now)
	row := ledger.Row{Src: store.Object{Key: "a.jpg", Size: 1, Modified: now}, State: ledger.Gone, Reason: "the source does not have it", At: now}
	if _, err := run.Batches().CreateWriteOff(t.Context(), batch, ledger.WriteOff{Rows: []ledger.Row{row}}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
		code int
	}{
		"status":        {[]string{"status", run.Name}, "1 looked at, 0 not through", 0},
		"why":           {[]string{"why", run.Name, "a.jpg"}, "gone after 0 failed tries", 0},
		"why another":   {[]string{"why", run.Name, "b.jpg"}, "no event of it", cli.ExitUsage},
		"report, early": {[]string{"report", run.Name}, "not over yet", cli.ExitOther},
		"the newest of the job's runs is none of events": {[]string{"status", "photos"}, "no run of a job", cli.ExitUsage},
	} {
		out, said, code := execute(t, c.env, tc.args...)
		if code != tc.code || !strings.Contains(out+said, tc.want) {
			t.Errorf("%s: exit code %d, %s%s, want %d and %q", name, code, out, said, tc.code, tc.want)
		}
	}
}
