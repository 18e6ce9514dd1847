package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/emulator/ram"
)

const (
	policySrc    = "kodo://photos/2019/?region=z0"
	policyDst    = "oss://photos-new/2019/?region=cn-hangzhou"
	policyQueues = "mns://1234567890123456/ferry-?region=cn-hangzhou"
)

func TestPoliciesAreWhatRAMTakes(t *testing.T) {
	for name, tc := range map[string]struct {
		env   []string
		roles string
	}{
		"of one process":  {nil, "here"},
		"of a deployment": {[]string{"FERRY_QUEUES=" + policyQueues, "FERRY_LEDGER=oss://my-ledger/.ferry/?region=cn-hangzhou"}, "list copy verify delete notify pull console operator"},
	} {
		t.Run(name, func(t *testing.T) {
			out, said, code := execute(t, tc.env, "policy", policySrc, policyDst, "--json")
			var p struct {
				Grants []struct {
					Role   string
					For    string
					Policy json.RawMessage
				}
				Kodo struct {
					Statement []struct{ Action, Resource []string }
				}
			}
			if err := json.Unmarshal([]byte(out), &p); code != 0 || err != nil {
				t.Fatalf("exit code %d, %v: %s", code, err, said)
			}
			var roles []string
			for _, g := range p.Grants {
				roles = append(roles, g.Role)
				if _, err := ram.Parse(g.Policy); err != nil || g.For == "" {
					t.Errorf("%s (%q): %v", g.Role, g.For, err)
				}
				one, said, code := execute(t, tc.env, "policy", policySrc, policyDst, "--role", g.Role)
				if _, err := ram.Parse([]byte(one)); code != 0 || err != nil {
					t.Errorf("--role %s: exit code %d, %v: %s", g.Role, code, err, said)
				}
			}
			if got := strings.Join(roles, " "); got != tc.roles {
				t.Errorf("roles %s, want %s", got, tc.roles)
			}
			if s := p.Kodo.Statement; len(s) != 2 || s[0].Resource[0] != "qrn:kodo:::photos/*" || s[1].Resource[0] != "qrn:kodo:::photos/2019/*" {
				t.Errorf("Kodo's policy %+v, want to list the bucket and to read below the prefix", s)
			}
		})
	}
}

func TestPoliciesOfAJobByItsName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ferry.yaml")
	if err := os.WriteFile(file, []byte("jobs:\n  photos: {source: '"+policySrc+"', target: '"+policyDst+"', keyList: not-read.txt}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, said, code := execute(t, nil, "policy", "photos", "--file", file, "--queues", policyQueues, "--ledger", "oss://my-ledger/f/?region=cn-hangzhou", "--logs", "logs/functions")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	for _, want := range []string{
		"kodo://photos/2019/ -> oss://photos-new/2019/\nkept in oss://my-ledger/f/\n", "copy: the role of function copy, which may not delete",
		`"acs:oss:*:*:photos-new/2019/*"`, `"acs:oss:*:*:my-ledger/f/*"`, `"acs:mns:cn-hangzhou:1234567890123456:/queues/ferry-copy/messages"`,
		`"acs:log:cn-hangzhou:1234567890123456:project/logs/logstore/functions"`, `"kodo/Get"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "oss:DeleteObject"); n != 3 {
		t.Errorf("%d statements on deletions, want the delete function's two and, for cleaning the ledger, the operator's", n)
	}
}

func TestMistakesInAQuestionForPolicies(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"everything wrong at once": {[]string{policyDst, policySrc, "--queues", "oss", "--logs", "functions", "--role", "root"}, []string{"the wrong way round", "--queues", "--logs", `--role "root"`}},
		"queues at another cloud":  {[]string{policySrc, policyDst, "--queues", policySrc}, []string{"mns:// queues"}},
		"a role of a deployment":   {[]string{policySrc, policyDst, "--role", "copy"}, []string{"--queues"}},
		"a role of no deployment":  {[]string{policySrc, policyDst, "--role", "here", "--queues", policyQueues}, []string{"leave --queues out"}},
		"no job of that name":      {[]string{"photos", "--file", "/nowhere/ferry.yaml"}, []string{"/nowhere/ferry.yaml"}},
		"one place too few":        {[]string{policySrc}, []string{"SRC and DST"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, said, code := execute(t, nil, append([]string{"policy"}, tc.args...)...)
			if code != 2 || out != "" {
				t.Errorf("exit code %d, printed %q, want 2 and nothing", code, out)
			}
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("said %q, want %q in it", said, want)
				}
			}
		})
	}
}

// TestTheFirstStepsTakeTheRightsThatPolicyPrintsAndNoOthers, in the order of the README, with
// what may follow them.
func TestTheFirstStepsTakeTheRightsThatPolicyPrintsAndNoOthers(t *testing.T) {
	for name, prefix := range map[string]string{"a prefix": "2019/", "a bucket": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			c.fill(t, 30)
			dst := strings.Replace(c.dst, "/?", "/"+prefix+"?", 1)
			document, said, code := execute(t, c.env, "policy", c.src, dst, "--role", "here")
			policy, err := ram.Parse([]byte(document))
			if code != 0 || err != nil {
				t.Fatalf("exit code %d, %v: %s", code, err, said)
			}
			c.oss.AddCredential(oss.Credential{ID: "here", Secret: "of-that-role", Policy: policy})
			env := append(slices.Clone(c.env), "ALIBABA_CLOUD_ACCESS_KEY_ID=here", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=of-that-role", "FERRY_LEDGER="+c.ledger)
			file := filepath.Join(t.TempDir(), "ferry.yaml")
			for _, args := range [][]string{
				{"init", c.src, dst, "--name", "photos", "--file", file},
				{"check", "photos", "--file", file},
				{"plan", "photos", "--file", file, "--quick"},
				{"copy", "photos", "--file", file},
				{"status", "photos"},
				{"verify", "photos", "--mode", "read"},
				{"diff", c.src, dst},
				{"clean", "photos"},
			} {
				out, said, code := execute(t, env, args...)
				if code != 0 || strings.Contains(out, "note ") || strings.Contains(out, "FAIL") || strings.Contains(said, "grant") {
					t.Errorf("ferry %s: exit code %d, the least rights do not do\n%s%s", args[0], code, out, said)
				}
			}
			if denied := policy.Denied(); len(denied) > 0 {
				t.Errorf("denied: %q", denied)
			}
		})
	}
}
