package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/agent"
	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/eventnames"
	"kodoferry/shared/ledger/index"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/ledger/progress"
	"kodoferry/shared/report"
	"kodoferry/shared/store"
	driver "kodoferry/shared/store/kodo"
)

// notifyHost is the name under which the platform serves the function.
const notifyHost = "notify.cn-hangzhou.fcapp.run"

// notify deploys the function that receives notifications and returns its address.
func (p *platform) notify(t testing.TB) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	f := fc.Function{Name: "ferry-notify", Binary: filepath.Join(dir, "notify"), Env: p.env, Platform: p.on, Timeout: 30 * time.Second, MaxInstances: 8, Log: p.logs}
	p.assume(&f)
	if p.on == fc.FC {
		f.Concurrency, f.MaxInstances = 20, 1
	}
	return p.trigger(t, f) + "/"
}

// trigger deploys a function that requests start, and returns its address.
func (p *platform) trigger(t testing.TB, f fc.Function) string {
	t.Helper()
	if err := p.cloud.Deploy(f); err != nil {
		t.Fatal(err)
	}
	trigger, err := p.cloud.HTTP(f.Name)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(trigger)
	t.Cleanup(s.Close)
	return s.URL
}

// kept is a job that the deployment keeps by name and that follows events.
func (p *platform) kept(t testing.TB, set ...func(*job.Job)) job.Job {
	t.Helper()
	j, err := job.New(p.src, p.dst, p.ledgerAt(), append([]func(*job.Job){func(j *job.Job) {
		j.Name, j.Delete, j.Events.Window = "photos", true, job.Span(time.Second)
	}}, set...)...)
	if err != nil {
		t.Fatal(err)
	}
	data, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.WriteJob(t.Context(), p.deploy.Ledger().Folder(), kept.Job{Name: j.Name, Job: data, At: time.Now()}, nil); err != nil {
		t.Fatal(err)
	}
	return j
}

// install has the bucket notify at that address.
func (p *platform) install(t testing.TB, url string) {
	t.Helper()
	b, err := driver.Open(driver.Config{Bucket: "photos", Endpoint: p.kodo.Endpoint(), Insecure: true, AccessKey: "ak", SecretKey: "sk"})
	if err != nil {
		t.Fatal(err)
	}
	rule := driver.Rule{Name: "ferry", Events: []string{"put", "mkfile", "delete", "copy", "move"}, URLs: []string{url}, AccessKey: "ak", Host: notifyHost}
	if _, err := b.SetRule(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
}

// change overwrites 25 objects of the source, adds 15 and deletes 10.
func (p *platform) change(t testing.TB, round string) {
	t.Helper()
	for i := range 25 {
		p.put(t, kodo.Object{Key: fmt.Sprintf("k/%05d", i), Body: []byte(round + " newer " + fmt.Sprint(i))})
	}
	for i := range 15 {
		p.put(t, kodo.Object{Key: fmt.Sprintf("%s/%05d", round, i), Body: []byte(round + " new " + fmt.Sprint(i))})
	}
	for i := 25; i < 35; i++ {
		p.kodo.Remove("photos", fmt.Sprintf("k/%05d", i))
	}
}

// moved counts what has been done to the target.
func (p *platform) moved() (puts, deletes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data["put"], p.data["delete"]
}

// equal fails unless source and target hold the same, but for theirs.
func (p *platform) equal(t testing.TB, theirs map[string][]byte) {
	t.Helper()
	src, err := driver.Open(driver.Config{Bucket: "photos", Endpoint: p.kodo.Endpoint(), Insecure: true, AccessKey: "ak", SecretKey: "sk"})
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for o, err := range src.List(t.Context(), store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		want++
		body, ok := theirs[o.Key]
		if !ok {
			found, _ := p.kodo.Get("photos", o.Key)
			body = found.Body
		}
		if got, ok := p.oss.Get("photos-new", o.Key); !ok || !bytes.Equal(got.Body, body) {
			t.Errorf("%s holds %q in the target, want %q", o.Key, got.Body, body)
		}
	}
	if got := len(p.oss.Keys("photos-new")); got != want {
		t.Errorf("the target has %d objects, want the source's %d", got, want)
	}
}

// eventsEnd waits until n events have their records and nothing of them is open,
// and returns their rows.
func (p *platform) eventsEnd(t testing.TB, name string, n int) (rows []ledger.Row) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		batches, open := p.events(t, name)
		if len(batches) >= n && open == 0 {
			for b, run := range batches {
				settled, _, err := run.Batches().Settled(t.Context(), ledger.BatchRef{ID: b, Pending: 1})
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, settled...)
			}
			return rows
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%d events have ended, %d are open, want %d and none\n%s", len(batches), open, n, tail(p.logs.String()))
		}
	}
}

func (p *platform) events(t testing.TB, name string) (batches map[string]*ledger.Run, open int) {
	t.Helper()
	batches = map[string]*ledger.Run{}
	runs, err := index.EventRuns(t.Context(), p.deploy.Ledger(), name) // two where a day ends meanwhile
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		run := p.deploy.Ledger().Run(r)
		walk, err := progress.Walk(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range walk.Shards {
			open += len(s.Open)
			for _, b := range s.Closed.Batches {
				batches[b.ID] = run
			}
		}
	}
	return batches, open
}

func TestFiftyChangesMoveByEventsAlone(t *testing.T) {
	t.Parallel()
	for _, on := range []fc.Platform{fc.FC, fc.Lambda} {
		t.Run(string(on), func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, on, 0)
			j := p.kept(t)
			p.fill(t, 200)
			if rep, err := p.copy(t, agent.CopyOptions{}, func(to *job.Job) { *to = j }); err != nil || rep.Result != report.Verified {
				t.Fatalf("%+v, %v, want the first run verified", rep.Summary, err)
			}
			p.install(t, p.notify(t))
			puts, deletes := p.moved()

			theirs := map[string][]byte{"k/00100": []byte("the application's")}
			if err := p.oss.Put("photos-new", oss.Object{Key: "k/00100", Body: theirs["k/00100"]}); err != nil {
				t.Fatal(err)
			}
			p.put(t, kodo.Object{Key: "k/00100", Body: []byte("older than the application's"), PutTime: time.Now().Add(-time.Hour)})
			begun := time.Now()
			p.change(t, "events")
			rows := p.eventsEnd(t, j.Name, 51)
			t.Logf("%d events in %v", len(rows), time.Since(begun).Round(time.Millisecond))

			nowPuts, nowDeletes := p.moved()
			if nowPuts-puts != 40 || nowDeletes-deletes != 10 {
				t.Errorf("%d puts and %d deletions, want exactly 40 and 10\n%s", nowPuts-puts, nowDeletes-deletes, tail(p.logs.String()))
			}
			states := map[ledger.State]int{}
			for _, row := range rows {
				states[row.State]++
				if row.State == ledger.Copied && row.Verdict != ledger.Verified {
					t.Errorf("%s was copied and not verified: %s", row.Key(), row.Reason)
				}
			}
			if len(rows) != 51 || states[ledger.Copied] != 40 || states[ledger.Deleted] != 10 || states[ledger.Conflict] != 1 {
				t.Errorf("%d rows, %v, want 40 copied, 10 deleted and the application's in conflict", len(rows), states)
			}
			p.equal(t, theirs)
			if s := p.logs.String(); strings.Contains(s, "sk\"") || strings.Contains(s, "Qiniu ak:") {
				t.Error("a key, or a signature, stands in the log")
			}
		})
	}
}

// post sends a notification and returns the answer.
func post(t *testing.T, url, body, secret string, scheme auth.TokenType, change func(*http.Request)) (status int, heard map[string]int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = notifyHost
	r.Header.Set("Content-Type", "application/json")
	if secret != "" {
		if err := auth.New("ak", secret).AddToken(scheme, r); err != nil {
			t.Fatal(err)
		}
		r.Body = io.NopCloser(strings.NewReader(body))
	}
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(raw, &heard) // of a refusal it is text
	return resp.StatusCode, heard
}

func TestABadNotificationIsAnsweredAndNothingElse(t *testing.T) {
	p := deployed(t, fc.FC)
	p.kept(t)
	url := p.notify(t)
	const (
		known   = `{"bucket":"photos","key":"a-telling-key"}`
		unknown = `[{"bucket":"unheard-of","key":"a"},{"bucket":"unheard-of","key":"b"}]`
	)
	for name, tc := range map[string]struct {
		body, secret string
		scheme       auth.TokenType
		change       func(*http.Request)
		status       int
		unknown      int
	}{
		"unsigned":                     {body: known, status: 401},
		"signed with another secret":   {body: known, secret: "another", status: 401},
		"signed so by QBox":            {body: known, secret: "another", scheme: auth.TokenQBox, status: 401},
		"changed on the way":           {body: known, secret: "sk", scheme: auth.TokenQiniu, change: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.ToUpper(known))) }, status: 401},
		"of a bucket nobody knows":     {body: unknown, secret: "sk", scheme: auth.TokenQiniu, status: 202, unknown: 2},
		"of one, signed by QBox":       {body: unknown, secret: "sk", scheme: auth.TokenQBox, status: 202, unknown: 2},
		"that names no key":            {body: `{"bucket":"photos"}`, secret: "sk", scheme: auth.TokenQiniu, status: 400},
		"that is longer than they are": {body: `{"bucket":"photos","key":"` + strings.Repeat("x", 1<<20) + `"}`, secret: "sk", scheme: auth.TokenQiniu, status: 413},
		"by another method":            {body: known, secret: "sk", scheme: auth.TokenQiniu, change: func(r *http.Request) { r.Method = http.MethodPut }, status: 405},
	} {
		status, heard := post(t, url, tc.body, tc.secret, tc.scheme, tc.change)
		if status != tc.status || heard["unknown"] != tc.unknown || heard["tasks"] != 0 {
			t.Errorf("%s: answered %d, %v, want %d and %d unknown events", name, status, heard, tc.status, tc.unknown)
		}
	}
	if n := p.mns.Desk().Counts()["send"]; n != 0 {
		t.Errorf("%d messages were sent, want none", n)
	}
	log := p.logs.String()
	for _, want := range []string{"notification refused", "no job follows", `"total":4`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, tail(log))
		}
	}
	for _, secret := range []string{"a-telling-key", "unheard-of", "Qiniu ak"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log repeats %q of what was refused", secret)
		}
	}
	long := `[{"bucket":"photos","key":"` + strings.Repeat("\\u0001", 12<<10) + `"},{"bucket":"photos","key":"` + strings.Repeat("长", 30<<10) + `"},{"bucket":"photos","key":"a"}]`
	if status, heard := post(t, url, long, "sk", auth.TokenQiniu, nil); status != 200 || heard["tasks"] != 1 || heard["left"] != 2 {
		t.Errorf("two keys that no message can carry beside one: answered %d, %v, want 200, one task, and two left to the next run", status, heard)
	}
	if status, heard := post(t, url, known, "sk", auth.TokenQiniu, nil); status != 200 || heard["tasks"] != 1 {
		t.Errorf("a good one: answered %d, %v, want 200 and a task: the others prove nothing", status, heard)
	}
}

func TestASealedJobGetsNoEvents(t *testing.T) {
	p := deployed(t, fc.FC)
	j := p.kept(t)
	if _, err := p.deploy.Ledger().CreateSeal(t.Context(), j.Name, time.Now()); err != nil {
		t.Fatal(err)
	}
	if status, heard := post(t, p.notify(t), `{"bucket":"photos","key":"a"}`, "sk", auth.TokenQiniu, nil); status != 202 || heard["unknown"] != 1 {
		t.Errorf("answered %d, %v, want 202: no job follows the bucket any more", status, heard)
	}
	if n := p.mns.Desk().Counts()["send"]; n != 0 {
		t.Errorf("%d messages were sent, want none", n)
	}
}

func TestTheSweeperHasADayOfEventsReported(t *testing.T) {
	p := newPlatform(t, fc.FC, 0)
	j := p.kept(t)
	frozen, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Now().UTC().AddDate(0, 0, -2)
	run := p.deploy.Ledger().Run(eventnames.Run(j.Name, day, 1))
	if _, err := run.CreateStarted(t.Context(), ledger.Started{Job: frozen, At: day, Events: true, Deployed: true}); err != nil {
		t.Fatal(err)
	}
	p.put(t, kodo.Object{Key: "b", Body: []byte("2")})
	for _, key := range []string{"a", "b"} {
		_, batch := eventnames.Batch(key, day)
		w := ledger.WriteOff{Rows: []ledger.Row{{Src: store.Object{Key: key, Size: 1}, State: ledger.Unchanged, Verdict: ledger.Verified}}}
		if key == "b" { // its message was lost when it was handed on
			rest := ledger.BatchRef{ID: batch + ".1abcdefgh", First: key, Last: key, Rows: 1, Pending: 1}
			if err := run.Batches().WriteRows(t.Context(), rest.ID, []ledger.Row{{Src: store.Object{Key: key}, State: ledger.Pending}}); err != nil {
				t.Fatal(err)
			}
			w = ledger.WriteOff{Rest: []ledger.BatchRef{rest}}
		}
		if _, err := run.Batches().CreateWriteOff(t.Context(), batch, w); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for range 2 { // first what was lost, then the report
		if err := p.deploy.Sweep(t.Context(), time.Second, now); err != nil {
			t.Fatal(err)
		}
		p.eventsEnd(t, j.Name, 2)
		now = now.Add(time.Second)
	}
	rep := p.report(t, run)
	if o := rep.Objects; !rep.Balanced || o.Listed != 2 || o.Copied != 1 || o.Unchanged != 1 || rep.Result != report.Verified {
		t.Errorf("%s: %+v, want both events accounted for", rep.Result, o)
	}
	if next, err := p.deploy.Start(t.Context(), j, nil, time.Now()); err != nil || eventnames.IsRun(next) {
		t.Errorf("Start = %s, %v, want an ordinary run beside those of events", next, err)
	}
}
