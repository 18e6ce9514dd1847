package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/scripts/ferry/checks"
	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
	"kodoferry/shared/check/contract"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/queue/queuetest"
	"kodoferry/shared/store/storetest"
)

// held runs the contract, and returns what it wrote to its file.
func (c *clouds) held(t *testing.T, args ...string) (res contract.Result, raw, said string, code int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "contract.json")
	out, errOut, code := execute(t, c.env, append([]string{"check", c.src, c.dst, "--contract", "--yes", "--save", path}, args...)...)
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &res)
	}
	if err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, out, errOut)
	}
	return res, string(data), out + errOut, code
}

// below makes the job's source a prefix of its bucket, and returns another that may be written.
func (c *clouds) below(t *testing.T, n int) (scratch string) {
	t.Helper()
	c.fill(t, n)
	scratch = strings.Replace(c.src, "kodo://photos/", "kodo://photos/scratch/", 1)
	c.src = strings.Replace(c.src, "kodo://photos/", "kodo://photos/photos/", 1)
	return scratch
}

// atSource counts what Kodo holds.
func (c *clouds) atSource() (n int) {
	for range c.kodo.Objects(standins.Source) {
		n++
	}
	return n
}

func (c *clouds) swept(t *testing.T, n int) {
	t.Helper()
	c.untouched(t)
	if got := c.atSource(); got != n {
		t.Errorf("Kodo holds %d objects, want the %d that were there", got, n)
	}
}

// givesAwayNothing looks for names that are the user's alone.
func givesAwayNothing(t *testing.T, raw string, c *clouds, more ...string) {
	t.Helper()
	for _, name := range append(more, standins.Target, "127.0.0.1", emulation.AccessKey, emulation.SecretKey, ".ferry/", "contract-", strings.TrimPrefix(c.oss.Endpoint(), "http://"), keyOf(1)) {
		if strings.Contains(raw, name) {
			t.Errorf("the file names %q", name)
		}
	}
}

func TestTheStandInsKeepTheWholeContract(t *testing.T) {
	t.Parallel() // queues take their time
	c := newClouds(t)
	scratch := c.below(t, 30)
	queues, at := madeQueues(t, 30*time.Minute, app.QueueNames...)
	res, raw, said, code := c.held(t, "--scratch", scratch, "--queues", at)
	if code != 0 || res.Failed != 0 || res.Passed < 60 || res.V != 1 || res.Ferry == "" || time.Since(res.Date) > time.Hour {
		t.Errorf("exit code %d, %d failed, %d passed, want 0, none and all\n%s", code, res.Failed, res.Passed, said)
	}
	for cloud, cases := range map[string][]string{"kodo": nil, "oss": nil, "mns": nil} {
		for _, s := range storetest.SourceCases() {
			cases = append(cases, s.Name)
		}
		switch cloud {
		case "oss":
			for _, s := range slices.Concat(storetest.TargetCases(), storetest.MultipartCases(), storetest.ListerCases()) {
				cases = append(cases, s.Name)
			}
		case "mns":
			cases = nil
			for _, s := range queuetest.Cases() {
				cases = append(cases, s.Name)
			}
		}
		for _, sentence := range cases {
			i := slices.IndexFunc(res.Rows, func(r contract.Row) bool { return r.Cloud == cloud && r.Sentence == sentence })
			switch {
			case i < 0:
				t.Errorf("%s: %q was not put", cloud, sentence)
			case res.Rows[i].Verdict == contract.Skipped && !strings.Contains(res.Rows[i].Reason, "nobody can make it so"):
				t.Errorf("%s: %q was skipped: %s", cloud, sentence, res.Rows[i].Reason)
			}
		}
	}
	for sentence, want := range map[string]string{
		"GetQueueAttributes tells how many messages a queue holds": "numbers: 2 ready, 0 at work, 1 waiting",
		"an internal address of the region speaks https":           "leave endpoint= out",
		"the hosts of a source have certificates for their names":  "plain http",
	} {
		i := slices.IndexFunc(res.Rows, func(r contract.Row) bool { return r.Sentence == sentence })
		if i < 0 || !strings.Contains(res.Rows[i].Found+res.Rows[i].Reason, want) {
			t.Errorf("%q is not answered by %q: %+v", sentence, want, res.Rows)
		}
	}
	givesAwayNothing(t, raw, c, queues.Account())
	c.swept(t, 30)
	if n := len(queues.Queues()); n != len(app.QueueNames) {
		t.Errorf("%d queues are left, want the deployment's own", n)
	}
	if n := queues.Desk().Counts()["create"]; int(n) != len(queuetest.Cases()) {
		t.Errorf("%d queues were made, want one a sentence", n)
	}
}

func TestWhatACloudDoesNotKeepIsARowThatNamesNothing(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.below(t, 30)
	c.kodo.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: 1})
	c.oss.Desk().Inject(chaos.Rule{Op: "abort", Kind: chaos.Status, Status: 403, Rate: 0.4})
	res, raw, said, code := c.held(t)
	fails := map[string]string{}
	for _, r := range res.Rows {
		if r.Verdict == contract.Fail {
			fails[r.Sentence] = r.Reason
		}
		if r.Cloud == "mns" && r.Verdict != contract.Skipped {
			t.Errorf("a queue was asked that nobody named: %+v", r)
		}
	}
	if !strings.Contains(fails["objects have the bytes whose hashes are listed"], "others than those listed") || code == 0 || !strings.Contains(said, "FAIL  kodo") {
		t.Errorf("exit code %d, failed: %q, want the bytes among them", code, fails)
	}
	if i := slices.IndexFunc(res.Rows, func(r contract.Row) bool { return r.Cloud == "kodo" && r.Of == "source" }); !strings.Contains(res.Rows[i].Reason, "--scratch") {
		t.Errorf("without a place to write at Kodo the row says %q, want what to name", res.Rows[i].Reason)
	}
	givesAwayNothing(t, raw, c)
}

func TestAContractThatIsInterruptedRemovesWhatItWrote(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	scratch := c.below(t, 30)
	queues, at := madeQueues(t, 30*time.Minute, app.QueueNames...)
	path := filepath.Join(t.TempDir(), "contract.json")
	said, code := signalled(t, c.env, syscall.SIGINT, func() bool {
		return len(c.oss.Keys(standins.Target)) > 300 && c.atSource() > 300 && len(queues.Queues()) > len(app.QueueNames)
	}, "check", c.src, c.dst, "--contract", "--yes", "--scratch", scratch, "--queues", at, "--save", path)
	if code != 130 {
		t.Errorf("exit code %d, want 130\n%s", code, said)
	}
	c.swept(t, 30)
	if n := len(queues.Queues()); n != len(app.QueueNames) {
		t.Errorf("%d queues are left, want the deployment's own", n)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("what was found until then is lost: %v", err)
	}
}

// TestEveryKeyOfTheEnvironmentIsPrivate sets each variable to its own name.
func TestEveryKeyOfTheEnvironmentIsPrivate(t *testing.T) {
	known := checks.Private(app.Load(func(name string) string { return name }))
	for _, name := range []string{
		"QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	} {
		if !slices.Contains(known, name) {
			t.Errorf("a row may contain the value of %s", name)
		}
	}
}

func TestAContractIsNotRunByMistake(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 3)
	if err := c.oss.CreateBucket("kept-for-long"); err != nil {
		t.Fatal(err)
	}
	if err := c.oss.SetRetention("kept-for-long", 30); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"without a word":             {[]string{"--contract"}, []string{"--yes"}},
		"a flag without its other":   {[]string{"--yes", "--scratch", c.src}, []string{"--yes goes with --contract", "--scratch goes with --contract"}},
		"a scratch in the source":    {[]string{"--contract", "--yes", "--scratch", strings.Replace(c.src, "photos/", "photos/x/", 1)}, []string{"--scratch lies inside the source"}},
		"a scratch of a whole":       {[]string{"--contract", "--yes", "--scratch", strings.Replace(c.src, "photos/", "other/", 1)}, []string{"--scratch", "ends in a slash"}},
		"a ledger kept for long":     {[]string{"--contract", "--yes", "--ledger", strings.Replace(c.ledger, standins.Target, "kept-for-long", 1)}, []string{"30 days", "--ledger"}},
		"a ledger that is not there": {[]string{"--contract", "--yes", "--ledger", strings.Replace(c.ledger, standins.Target, "no-ledger", 1)}, []string{`"no-ledger" does not exist`}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"check", c.src, c.dst, "--save", filepath.Join(t.TempDir(), "contract.json")}, tc.args...)
			if !slices.Contains(tc.args, "--contract") {
				args = slices.DeleteFunc(args, func(a string) bool { return strings.HasSuffix(a, "contract.json") || a == "--save" })
			}
			_, said, code := execute(t, c.env, args...)
			if code != 2 {
				t.Errorf("exit code %d, want 2\n%s", code, said)
			}
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q: %s", want, said)
				}
			}
			if keys := append(c.oss.Keys(standins.Target), c.oss.Keys("kept-for-long")...); len(keys) > 0 {
				t.Errorf("something was written: %q", keys)
			}
		})
	}
}

// TestThePagesListWhatIsNotKnown holds the lists against the questions that the command has.
func TestThePagesListWhatIsNotKnown(t *testing.T) {
	for file, words := range map[string]struct{ heading, byHand string }{
		"shared/README.md":       {"### The contract: ", "by hand: "},
		"shared/README.zh-CN.md": {"### 契约：", "需手工询问："},
	} {
		_, section, _ := strings.Cut(page(t, file), words.heading)
		section, _, _ = strings.Cut(section, "\n## ")
		var listed []contract.Question
		cloud := ""
		for line := range strings.SplitSeq(section, "\n") {
			if name, is := strings.CutPrefix(line, "- **"); is {
				cloud = strings.TrimSuffix(name, "**")
			}
			if item, is := strings.CutPrefix(line, "  - "); is {
				sentence, byHand := strings.CutPrefix(item, words.byHand)
				q := contract.Question{Cloud: cloud, Sentence: strings.Trim(sentence, "`")}
				if byHand {
					q.ByHand = "x"
				}
				listed = append(listed, q)
			}
		}
		var want []contract.Question
		for _, q := range contract.Questions() {
			if q.ByHand != "" && len(strings.Fields(q.ByHand)) < 4 {
				t.Errorf("%s: %q: by hand says nothing: %q", q.Cloud, q.Sentence, q.ByHand)
			}
			q.ByHand = strings.Repeat("x", min(len(q.ByHand), 1))
			want = append(want, q)
		}
		for _, q := range want {
			if !slices.Contains(listed, q) {
				t.Errorf("%s does not list %+v", file, q)
			}
		}
		for _, q := range listed {
			if !slices.Contains(want, q) {
				t.Errorf("%s lists %+v, which the command has not", file, q)
			}
		}
		if len(listed) < 20 {
			t.Errorf("%s lists %d questions: its section was not found", file, len(listed))
		}
	}
}
