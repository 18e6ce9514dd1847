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

	"kodoferry/scripts/ferry/emulation"
	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
)

// untouched fails where a check left something behind.
func (c *clouds) untouched(t *testing.T) {
	t.Helper()
	if keys, uploads := c.oss.Keys(standins.Target), c.oss.Uploads(standins.Target); len(keys) > 0 || uploads > 0 {
		t.Errorf("it left %q and %d uploads", keys, uploads)
	}
}

func TestACheckOfWhatIsRightLeavesNothingBehind(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 30)
	queues, at := madeQueues(t, 30*time.Minute, app.QueueNames...)
	c.env = append(c.env, "FERRY_QUEUES="+at)
	out, said, code := execute(t, c.env, "check", c.src, c.dst)
	t.Logf("%s", out)
	if code != 0 || said != "" || strings.Contains(out, "FAIL") || strings.Contains(out, "note") || strings.Contains(out, "\x1b") {
		t.Errorf("exit code %d, %s%s, want 0, nothing but ok, and no escapes outside a terminal", code, out, said)
	}
	for _, want := range []string{
		"source  kodo://photos/\n  ok    reachable", "  ok    clock         this machine's clock is right", "30 objects in the bucket", "  ok    start keys",
		"20 objects have the bytes whose hashes are listed", "target  oss://photos-new/\n", "never versioned", "no retention policy",
		"  ok    writable", "  ok    in parts", "  ok    deletable", "  ok    once only", "ferry-dead    holds an unknown number of messages", "hides a message for 30m0s", "All is well",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	c.untouched(t)
	if n := queues.Desk().Counts()["send"]; n > 0 {
		t.Errorf("%d messages were sent, which functions would take for tasks", n)
	}
}

// TestACheckNamesWhatMustBeCured spoils one thing each.
func TestACheckNamesWhatMustBeCured(t *testing.T) {
	const nobody = "127.0.0.1:1"
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, c *clouds)
		args  []string
		code  int
		want  []string // of the lines, in order
		never string
		stays bool // the probe cannot be removed
	}{
		"nobody at the source": {
			spoil: func(_ *testing.T, c *clouds) {
				c.src = "kodo://photos/?region=z0&insecure=true&endpoint=http://" + nobody
			},
			code: 2, want: []string{"FAIL  reachable", "endpoint=", nobody}, never: "kodo://photos/\n  ok",
		},
		"no source bucket": {
			spoil: func(_ *testing.T, c *clouds) { c.src = strings.Replace(c.src, "photos", "fotos", 1) },
			code:  2, want: []string{"FAIL  reachable", `"fotos"`},
		},
		"no target bucket": {
			spoil: func(_ *testing.T, c *clouds) {
				c.dst = strings.Replace(c.dst, "photos-new", "fotos-new", 1)
			},
			args: []string{"--ledger", "oss://photos-new/.ferry/"}, code: 2, want: []string{"FAIL  listable", `"fotos-new" does not exist`, "check its name", "1 of"},
		},
		"a wrong secret": {
			spoil: func(_ *testing.T, c *clouds) { c.env = append(c.env, "QINIU_SECRET_KEY=wrong") },
			code:  2, want: []string{"FAIL  listable", "QINIU_SECRET_KEY"},
		},
		"a versioned bucket": {
			spoil: func(t *testing.T, c *clouds) {
				if err := c.oss.SetVersioning(standins.Target, "Suspended"); err != nil {
					t.Fatal(err)
				}
			},
			code: 2, want: []string{"note  versioning", "Ferry looks before each", "FAIL  versioning", "--ledger"},
		},
		"a bucket under retention": {
			spoil: func(t *testing.T, c *clouds) {
				if err := c.oss.SetRetention(standins.Target, 30); err != nil {
					t.Fatal(err)
				}
			},
			code: 2, want: []string{"note  retention", "30 days", "FAIL  retention", "another bucket"}, never: "writable",
		},
		"keys that may not write": {
			spoil: func(_ *testing.T, c *clouds) {
				c.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Status, Status: 403, Rate: 1})
			},
			code: 2, want: []string{"FAIL  writable", "oss:PutObject", "FAIL  writable"}, never: "deletable",
		},
		"keys that may not delete": {
			spoil: func(_ *testing.T, c *clouds) {
				c.oss.Desk().Inject(chaos.Rule{Op: "delete", Kind: chaos.Status, Status: 403, Rate: 1})
			},
			code: 0, want: []string{"note  deletable", "oss:DeleteObject", ".ferry/check-"}, stays: true,
		},
		"keys that may not delete what a job mirrors": {
			spoil: func(_ *testing.T, c *clouds) {
				c.oss.Desk().Inject(chaos.Rule{Op: "delete", Kind: chaos.Status, Status: 403, Rate: 1})
			},
			args: []string{"--delete"}, code: 2, want: []string{"FAIL  deletable", "oss:DeleteObject", "by hand"}, stays: true,
		},
		"uploads that cannot be aborted": {
			spoil: func(_ *testing.T, c *clouds) {
				c.oss.Desk().Inject(chaos.Rule{Op: "begin", Kind: chaos.Status, Status: 403, Rate: 1})
			},
			code: 2, want: []string{"FAIL  in parts", "big objects"},
		},
		"a clock that is off": {
			spoil: func(t *testing.T, c *clouds) {
				c.dst = "oss://photos-new/?region=cn-hangzhou&insecure=true&endpoint=" + elsewhen(t, c.oss.Endpoint(), 20*time.Minute)
			},
			code: 2, want: []string{"FAIL  clock", "20m0s behind", "NTP"},
		},
		"a clock that drifts": {
			spoil: func(t *testing.T, c *clouds) {
				c.dst = "oss://photos-new/?region=cn-hangzhou&insecure=true&endpoint=" + elsewhen(t, c.oss.Endpoint(), -5*time.Minute)
			},
			code: 0, want: []string{"note  clock", "5m0s ahead"},
		},
		"a domain that makes pictures slim": {
			spoil: func(t *testing.T, c *clouds) {
				for i := range 3 {
					if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: fmt.Sprintf("z/%d.jpg", i), Body: []byte("a picture"), MimeType: "image/jpeg"}); err != nil {
						t.Fatal(err)
					}
				}
				c.src += "&domain=" + c.altering(t)
			},
			code: 2, want: []string{"FAIL  same bytes", "3 of 20 objects", `"z/0.jpg"`, "the region's own host has the right ones", "leave domain= out"},
		},
		"a hash that is listed wrong": {
			spoil: func(t *testing.T, c *clouds) {
				if _, err := c.kodo.Put(standins.Source, kodo.Object{Key: "a", Body: []byte("bytes"), Hash: "Fto5o-5ea0sNMlW_75VgGJCv2AcJ"}); err != nil {
					t.Fatal(err)
				}
			},
			code: 2, want: []string{"FAIL  same bytes", "1 of 20 objects", "hashMismatch: copy"},
		},
		"queues of which one is missing and one hides too shortly": {
			spoil: func(t *testing.T, c *clouds) {
				_, at := madeQueues(t, time.Minute, "list", "verify", "delete", "dead")
				c.env = append(c.env, "FERRY_QUEUES="+at)
			},
			code: 2, want: []string{"FAIL  ferry-list", "hides a received message for 1m0s", "30 minutes", "FAIL  ferry-copy", "does not exist"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClouds(t)
			c.fill(t, 25)
			tc.spoil(t, c)
			for i, a := range tc.args {
				if a == "oss://photos-new/.ferry/" {
					tc.args[i] = c.ledger
				}
			}
			out, said, code := execute(t, c.env, append([]string{"check", c.src, c.dst}, tc.args...)...)
			t.Logf("%s%s", out, said)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			rest := out + said
			for _, want := range tc.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("it does not say %q, or not in that order", want)
					continue
				}
				rest = after
			}
			for _, never := range []string{tc.never, emulation.SecretKey, "%!", "goroutine "} {
				if never != "" && strings.Contains(out+said, never) {
					t.Errorf("it says %q", never)
				}
			}
			if !tc.stays {
				c.untouched(t)
			}
		})
	}
}

func TestACheckThatIsInterruptedRemovesItsProbe(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 3)
	c.oss.Desk().Inject(chaos.Rule{Op: "get", Kind: chaos.Latency, Rate: 1, Delay: time.Minute}) // the probe is read back for long
	_, code := signalled(t, c.env, syscall.SIGINT, func() bool { return len(c.oss.Keys(standins.Target)) > 0 }, "check", c.src, c.dst)
	if code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	c.untouched(t)
}

func TestACheckOfANamedJobIsReadByPrograms(t *testing.T) {
	c := newClouds(t)
	c.fill(t, 3)
	var posted []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted = append(posted, string(body))
	}))
	t.Cleanup(hook.Close)
	path := filepath.Join(t.TempDir(), "ferry.yaml")
	text := "jobs:\n  photos:\n    source: " + c.src + "\n    target: " + c.dst + "\n    alerts: [{to: FERRY_ALERT_OPS, kind: json, insecure: true}, {to: FERRY_ALERT_NONE, kind: wecom}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const token = "0cc175b9c0f1b6a831c399e269772661"
	env := append(slices.Clone(c.env), "FERRY_ALERT_OPS="+hook.URL+"/"+token)
	for _, args := range [][]string{nil, {"--ring"}} {
		out, said, code := execute(t, env, append([]string{"check", "photos", "--file", path, "--json"}, args...)...)
		var got struct {
			Job    string
			OK     bool
			Checks []struct{ Place, What, State, Says string }
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil || strings.Count(out, "\n") != 1 {
			t.Fatalf("%v: %s", err, out)
		}
		if code != 2 || got.Job != "photos" || got.OK || !strings.Contains(said, "1 of ") {
			t.Errorf("exit code %d, %+v, %s, want 2 and one that failed", code, got, said)
		}
		last := got.Checks[len(got.Checks)-2:]
		if last[0].What != "FERRY_ALERT_OPS" || last[0].State != "ok" || last[1].State != "fail" || !strings.Contains(last[1].Says, "FERRY_ALERT_NONE is not set") {
			t.Errorf("the alerts are %+v, want the first in order and the second not set", last)
		}
		if strings.Contains(out+said, token) {
			t.Error("it repeats the secret of a webhook")
		}
	}
	if len(posted) != 1 || !strings.Contains(posted[0], "this is a test") {
		t.Errorf("posted %q, want one test message, and only with --ring", posted)
	}
	c.untouched(t)
}
