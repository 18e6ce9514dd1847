package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/job"
	"kodoferry/shared/report"
)

// told is a webhook and what it was told, in order.
type told struct {
	*httptest.Server
	mu  sync.Mutex
	all []letter
}

type letter struct{ Event, Run, Text, Next string }

// falseHash is a hash of other bytes, so that an object listed with it fails.
const falseHash = "Fto5o-5ea0sNMlW_75VgGJCv2AcJ"

const hookToken = "5d41402abc4b2a76b9719d911017c592"

func listen(t *testing.T) *told {
	t.Helper()
	w := &told{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var l letter
		if err := json.NewDecoder(r.Body).Decode(&l); err != nil || r.URL.Query().Get("token") != hookToken {
			t.Errorf("the webhook was sent what it cannot read: %v", err)
		}
		w.mu.Lock()
		w.all = append(w.all, l)
		w.mu.Unlock()
	}))
	t.Cleanup(w.Close)
	return w
}

// env has the webhook's URL.
func (w *told) env(name string) string {
	if name == "FERRY_ALERT_OPS" {
		return w.URL + "/?token=" + hookToken
	}
	return ""
}

// of are the letters about that.
func (w *told) of(event string) []letter {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.all), func(l letter) bool { return l.Event != event })
}

// withEnv makes the world's configuration see what getenv has besides.
func (w *world) withEnv(getenv func(string) string) {
	own := map[string]string{"QINIU_ACCESS_KEY": "ak", "QINIU_SECRET_KEY": "sk", "ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
	w.config = app.Load(func(name string) string {
		if v := own[name]; v != "" {
			return v
		}
		return getenv(name)
	})
}

func alerting(j *job.Job) {
	j.Alerts = []job.Alert{{To: "FERRY_ALERT_OPS", Kind: job.JSON, Insecure: true}}
}

func TestEachThingIsToldOnceWithTheCommandToRunNext(t *testing.T) {
	w, hook := newWorld(t), listen(t)
	w.withEnv(hook.env)
	w.fill(t, 200)
	for _, key := range []string{"z/1", "z/2", "z/3"} { // three failures of one cause
		w.put(t, kodo.Object{Key: key, Body: []byte(key), Hash: falseHash, PutTime: time.Now().Add(-24 * time.Hour)})
	}
	rep, err := w.copy(t, agent.CopyOptions{}, alerting)
	if err != nil || rep.Objects.Failed != 3 {
		t.Fatalf("%+v, %v, want 3 failed", rep.Summary, err)
	}
	for event, want := range map[string]struct{ text, next string }{
		"started":  {"kodo://photos/ -> oss://photos-new/", "ferry status " + rep.Run + " --watch --ledger 'oss://ledger-bucket/"},
		"failing":  {`"z/`, "ferry why " + rep.Run + " z/"},
		"many":     {"over 1 % fail: 3 of the first 203", "ferry status " + rep.Run},
		"finished": {"incomplete in", "ferry report " + rep.Run + " --ledger 'oss://ledger-bucket/"},
	} {
		got := hook.of(event)
		if len(got) != 1 || got[0].Run != rep.Run || !strings.Contains(got[0].Text, want.text) || !strings.HasPrefix(got[0].Next, want.next) {
			t.Errorf("%s was told as %+v, want once, with %q and %q", event, got, want.text, want.next)
		}
	}
	if got := hook.of("finished"); len(got) == 1 && !strings.Contains(got[0].Text, "203 listed = 200 copied + 0 unchanged + 0 skipped + 0 conflict + 0 gone + 3 failed") {
		t.Errorf("the end was told as %q, want the books", got[0].Text)
	}
}

func TestRefusedDeletionsAreTold(t *testing.T) {
	w, hook := newWorld(t), listen(t)
	w.withEnv(hook.env)
	w.fill(t, 20)
	mirror := func(j *job.Job) { j.Delete, j.MaxDeletes = true, 2; alerting(j) }
	if rep, err := w.copy(t, agent.CopyOptions{}, mirror); err != nil || rep.Result != report.Verified {
		t.Fatalf("%+v, %v", rep.Summary, err)
	}
	for _, key := range []string{"k/00001", "k/00002", "k/00003"} {
		w.kodo.Remove("photos", key)
	}
	rep, err := w.copy(t, agent.CopyOptions{}, mirror)
	if err != nil || rep.Mirror == nil || rep.Mirror.Refused == "" {
		t.Fatalf("%+v, %v, want refused deletions", rep, err)
	}
	if got := hook.of("refused"); len(got) != 1 || !strings.Contains(got[0].Text, "3 objects would be deleted, and maxDeletes allows 2") {
		t.Errorf("it was told %+v, want once, with both numbers", got)
	}
	if got := hook.of("started"); len(got) != 2 || got[0].Run == got[1].Run {
		t.Errorf("two runs were begun and told as %+v", got)
	}
}

func TestAWebhookThatFailsFailsNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		posts  int64 // of each of two alerts
	}{
		"it refuses":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, 1},
		"it hangs up":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3},
		"it sends astray":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, 1},
		"it is overloaded": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var posts atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				posts.Add(1)
				tc.answer(w, r)
			}))
			t.Cleanup(s.Close)
			w.withEnv(func(name string) string {
				if name != "FERRY_ALERT_OPS" {
					return ""
				}
				return s.URL + "/" + hookToken
			})
			w.fill(t, 20)
			var log bytes.Buffer
			rep, err := w.copy(t, agent.CopyOptions{Log: slog.New(slog.NewJSONHandler(&log, nil))}, alerting)
			if err != nil || rep.Result != report.Verified {
				t.Errorf("%+v, %v, want verified", rep.Summary, err)
			}
			if said := log.String(); strings.Count(said, "alert not sent") != 2 || strings.Contains(said, hookToken) {
				t.Errorf("the log says %s, want two alerts that were not sent, and no secret", said)
			}
			if n := posts.Load(); n != 2*tc.posts {
				t.Errorf("it was asked %d times, want %d for each of two alerts", n, tc.posts)
			}
		})
	}
}

func TestTheFunctionsTellEachThingOnce(t *testing.T) {
	t.Parallel()
	hook := listen(t)
	p := newPlatform(t, fc.FC, 0, func(_ *platform, f *fc.Function) { f.Env["FERRY_ALERT_OPS"] = hook.env("FERRY_ALERT_OPS") })
	p.fill(t, 300)
	p.put(t, kodo.Object{Key: "z", Body: []byte("x"), Hash: falseHash, PutTime: time.Now().Add(-24 * time.Hour)})
	rep := p.run(t, alerting, func(j *job.Job) { j.Limits.BatchObjects, j.Limits.ShardKeys = 20, 100 })
	if rep.Objects.Failed != 1 || rep.Objects.Verified != 300 {
		t.Fatalf("%+v, want 300 verified and 1 failed\n%s", rep.Summary, tail(p.logs.String()))
	}
	// The report stands a moment before it is told.
	for deadline := time.Now().Add(10 * time.Second); len(hook.of("finished")) == 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	for _, event := range []string{"started", "failing", "finished"} {
		if got := hook.of(event); len(got) != 1 || got[0].Run != rep.Run {
			t.Errorf("%s was told as %+v, want once\n%s", event, got, tail(p.logs.String()))
		}
	}
	if strings.Contains(p.logs.String(), hookToken) {
		t.Error("a log line repeats the webhook's secret")
	}
}
