package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/console"
	"kodoferry/shared/console/access"
	"kodoferry/shared/console/language"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

const (
	host  = "127.0.0.1:7680"
	token = "a-token-of-more-than-20-characters"
	keyID = "the-id-of-a-key"
	key   = "the-secret-of-a-key"
	run   = "photos/20260101T000000Z"
)

var now = time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC)

// world is a console over a ledger at a stand-in for OSS: a job with a run that was begun, a
// run whose records are of a newer version, one that is damaged, and one whose job is gone.
type world struct {
	testing.TB
	oss    *oss.Server
	ledger job.Location
	config app.Config
	led    *ledger.Ledger
}

func newWorld(t testing.TB) *world {
	t.Helper()
	server, err := oss.Start(oss.Config{AccessKeyID: keyID, AccessKeySecret: key, AnyDate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := &world{TB: t, oss: server}
	if err := server.CreateBucket("ledger"); err != nil {
		t.Fatal(err)
	}
	w.ledger, w.config = w.at("ledger", key)
	if w.led, err = w.config.Ledger(w.ledger); err != nil {
		t.Fatal(err)
	}
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", w.ledger.String(), func(j *job.Job) { j.Name = "photos" })
	if err != nil {
		t.Fatal(err)
	}
	raw, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	w.put("jobs/photos.json", fmt.Sprintf(`{"v":1,"name":"photos","job":%s,"at":"2026-01-01T00:00:00Z"}`, raw))
	w.put("jobs/newer.json", `{"v":99,"name":"newer"}`)
	w.put("jobs/damaged.json", `{"v":1,`)
	for _, name := range []string{run, "newer/20260101T000000Z", "damaged/20260101T000000Z"} {
		if _, err := w.led.Run(name).CreateStarted(t.Context(), ledger.Started{Job: raw, At: now.Add(-time.Minute), Root: ledger.ShardRef{Shard: ledger.RootShard}, Deployed: true}); err != nil {
			t.Fatal(err)
		}
	}
	w.put("runs/newer/20260101T000000Z/job.json", `{"v":99}`)
	w.put("runs/damaged/20260101T000000Z/job.json", `{"v":1,"run`)
	return w
}

// at is a ledger in a bucket of the stand-in, with a secret that may be wrong.
func (w *world) at(bucket, secret string) (job.Location, app.Config) {
	w.Helper()
	at, err := job.ParseLocation(fmt.Sprintf("oss://%s/.ferry/?region=cn-hangzhou&endpoint=%s&insecure=true", bucket, url.QueryEscape(w.oss.Endpoint())))
	if err != nil {
		w.Fatal(err)
	}
	vars := map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": keyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret, "FERRY_LEDGER": at.String()}
	return at, app.Load(func(name string) string { return vars[name] })
}

func (w *world) put(name, text string) {
	w.Helper()
	if err := w.oss.Put("ledger", oss.Object{Key: ".ferry/" + name, Body: []byte(text)}); err != nil {
		w.Fatal(err)
	}
}

// open opens a console of the world, as set changes it.
func (w *world) open(set func(*console.Options)) *visitor {
	w.Helper()
	o := console.Options{
		Config: w.config, Ledger: w.ledger, Changes: true, Door: access.NewDoor(token, func() time.Time { return now }), Guard: access.Guard{Hosts: access.HostsOf(host)},
		Stays: true, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Grace: time.Millisecond,
	}
	if set != nil {
		set(&o)
	}
	c, err := console.New(o)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(c.Close)
	v := &visitor{TB: w.TB, to: c}
	r := v.ask(ask{method: "POST", path: "/sign-in", form: url.Values{"token": {token}, "who": {"Ann"}}, stranger: true})
	if len(r.Cookies()) == 0 {
		w.Fatalf("signing in is answered with %d", r.StatusCode)
	}
	v.cookie = r.Cookies()[0].Name + "=" + r.Cookies()[0].Value
	page := text(v.ask(ask{path: "/jobs/new"}).Response, w.TB)
	if !seal.MatchString(page) {
		w.Fatalf("no form has a seal\n%.1000s", page)
	}
	v.seal = seal.FindStringSubmatch(page)[1]
	return v
}

var seal = regexp.MustCompile(`name="seal" value="([^"]+)"`)

// visitor is a browser that is signed in.
type visitor struct {
	testing.TB
	to           http.Handler
	cookie, seal string
}

// ask is a request: a GET of the visitor's, unless it says otherwise.
type ask struct {
	method, path string
	form         url.Values
	body         io.Reader
	header       map[string]string
	stranger     bool // without the cookie
	unsealed     bool // without the seal
	lang         string
	within       time.Duration // whoever asks is gone after that; 0: never
}

type answer struct{ *http.Response }

func (v *visitor) ask(a ask) answer {
	v.Helper()
	method, body := a.method, a.body
	if method == "" {
		method = "GET"
	}
	if a.form != nil {
		form := url.Values{}
		for name, values := range a.form {
			form[name] = values
		}
		if !a.unsealed && form["seal"] == nil {
			form.Set("seal", v.seal)
		}
		body = strings.NewReader(form.Encode())
	}
	ctx := v.Context()
	if a.within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.within)
		defer cancel()
	}
	r := httptest.NewRequestWithContext(ctx, method, a.path, body)
	r.Host = host
	r.Header.Set("Accept-Language", a.lang)
	if method != "GET" {
		r.Header.Set("Origin", "http://"+host)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !a.stranger {
		r.Header.Set("Cookie", v.cookie)
	}
	for name, value := range a.header {
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	w := httptest.NewRecorder()
	v.to.ServeHTTP(w, r)
	return answer{w.Result()}
}

func text(r *http.Response, t testing.TB) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestBadInputGetsAPageThatSaysWhatIsWrong in both languages, with its status, and what to do
// about it; nothing of it is written down.
func TestBadInputGetsAPageThatSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	plain := w.open(nil)
	reads := w.open(func(o *console.Options) { o.Changes = false })
	elsewhere := func(bucket, secret string) *visitor {
		return w.open(func(o *console.Options) { o.Ledger, o.Config = w.at(bucket, secret) })
	}
	act := func(what string) ask { return ask{method: "POST", path: what, form: url.Values{}} }
	from := func(a ask, header ...string) ask {
		a.header = map[string]string{header[0]: header[1]}
		return a
	}
	unsealed := act("/runs/" + run + "/pause")
	unsealed.unsealed = true
	formed := func(path string, pairs ...string) ask {
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return ask{method: "POST", path: path, form: form}
	}
	for name, tc := range map[string]struct {
		v      *visitor
		a      ask
		status int
		says   string // a sentence of the catalogue, with its cure if there is one, or a text
		kept   bool   // that it was asked for, and refused, is written down
	}{
		"no cookie":                            {plain, ask{path: "/runs", stranger: true}, 401, "signin.title", false},
		"no cookie, and a change":              {plain, ask{method: "POST", path: "/runs/" + run + "/pause", stranger: true, form: url.Values{}}, 401, "problem.signedout", false},
		"a cookie of nobody":                   {plain, ask{path: "/runs", stranger: true, header: map[string]string{"Cookie": "ferry_console=1.2.3.4"}}, 401, "signin.title", false},
		"a cookie that is garbage":             {plain, ask{path: "/runs", stranger: true, header: map[string]string{"Cookie": "ferry_console=" + strings.Repeat(".", 4000)}}, 401, "signin.title", false},
		"a wrong token":                        {plain, formed("/sign-in", "token", "wrong"), 401, "signin.wrong", false},
		"no token":                             {plain, formed("/sign-in"), 401, "signin.wrong", false},
		"a link with a wrong token":            {plain, ask{path: "/sign-in?token=wrong", stranger: true}, 401, "signin.wrong", false},
		"a name that rebinds":                  {plain, from(ask{path: "/runs"}, "Host", "evil.example:7680"), 421, "problem.host", false},
		"no name":                              {plain, from(ask{path: "/runs"}, "Host", ""), 421, "problem.host", false},
		"signing in by a name that leads here": {plain, from(formed("/sign-in", "token", token), "Host", "evil.example:7680"), 421, "problem.host", false},
		"a form of another site":               {plain, from(act("/runs/"+run+"/pause"), "Origin", "https://evil.example"), 403, "problem.origin", false},
		"a form of a page without origin":      {plain, from(act("/runs/"+run+"/pause"), "Origin", "null"), 403, "problem.origin", false},
		"a form that says no origin":           {plain, from(act("/runs/"+run+"/pause"), "Origin", ""), 403, "problem.origin", false},
		"signing in from another site":         {plain, from(formed("/sign-in", "token", token), "Origin", "https://evil.example"), 403, "problem.origin", false},
		"signing out from another site":        {plain, from(act("/sign-out"), "Origin", "https://evil.example"), 403, "problem.origin", false},
		"settings from another site":           {plain, from(formed("/settings", "theme", "dark"), "Origin", "https://evil.example"), 403, "problem.origin", false},
		"a form without a seal":                {plain, unsealed, 403, "problem.seal", false},
		"a form with another's seal":           {plain, formed("/runs/"+run+"/pause", "seal", "AAAA"), 403, "problem.seal", false},
		"a seal in the address alone":          {plain, ask{method: "POST", path: "/runs/" + run + "/pause?seal=" + plain.seal, form: url.Values{}, unsealed: true}, 403, "problem.seal", false},
		"a change where nothing may be":        {reads, act("/runs/" + run + "/pause"), 403, "problem.readonly", false},
		"a job kept where nothing may be":      {reads, formed("/form/keep", "name", "x"), 403, "problem.readonly", false},
		"a test where nothing may be":          {reads, formed("/addresses/test", "job", "photos"), 403, "problem.readonly", false},
		"a form that is too long":              {plain, formed("/form/review", "keys", strings.Repeat("k", access.MaxBody)), 413, "problem.long", false},
		"a form that is none":                  {plain, ask{method: "POST", path: "/form/review", body: strings.NewReader("%zz")}, 400, "problem.form", false},
		"a form in parts":                      {plain, from(ask{method: "POST", path: "/form/review", body: strings.NewReader("--b\r\n")}, "Content-Type", "multipart/form-data; boundary=b"), 403, "problem.seal", false},
		"no such page":                         {plain, ask{path: "/nope"}, 404, "problem.nopage", false},
		"another method":                       {plain, ask{method: "DELETE", path: "/runs/" + run}, 404, "problem.nopage", false},
		"a method of nobody":                   {plain, ask{method: "FOO", path: "/runs"}, 404, "problem.nopage", false},
		"no such change of a run":              {plain, act("/runs/" + run + "/format"), 404, "problem.nopage", false},
		"no such page of a change":             {plain, ask{path: "/runs/" + run + "/format"}, 404, "problem.nopage", false},
		"no such change of a job":              {plain, act("/jobs/photos/format"), 404, "problem.nopage", false},
		"a run that does not exist":            {plain, ask{path: "/runs/photos/20270101T000000Z"}, 404, "problem.notfound", false},
		"its figures":                          {plain, ask{path: "/runs/photos/20270101T000000Z/live"}, 404, "problem.notfound", false},
		"its report":                           {plain, ask{path: "/runs/photos/20270101T000000Z/report"}, 404, "problem.notfound", false},
		"its pause":                            {plain, act("/runs/photos/20270101T000000Z/pause"), 404, "problem.notfound", false},
		"a run of a job that does not exist":   {plain, ask{path: "/runs/nobody/20270101T000000Z"}, 404, "problem.notfound", false},
		"runs of a job that does not exist":    {plain, ask{path: "/runs?job=nobody"}, 404, "problem.notfound", false},
		"runs in a state that is none":         {plain, ask{path: "/runs?state=bogus"}, 404, "problem.notfound", false},
		"a job that does not exist":            {plain, ask{path: "/jobs/nobody"}, 404, "problem.notfound", false},
		"a job that is no name":                {plain, ask{path: "/jobs/%2e%2e%2f%2e%2e"}, 422, "problem.invalid", false},
		"its start":                            {plain, act("/jobs/nobody/start"), 404, "problem.notfound", false},
		"its test":                             {plain, formed("/addresses/test", "job", "nobody"), 404, "problem.notfound", false},
		"a run whose name leads elsewhere":     {plain, ask{path: "/runs/photos/..%2f..%2fjobs"}, 422, "problem.invalid", false},
		"a file that the run has not":          {plain, ask{path: "/runs/" + run + "/files/secrets.csv"}, 404, "problem.nofile", false},
		"a file of another run":                {plain, ask{path: "/runs/" + run + "/files/..%2f..%2f..%2fjobs%2fphotos.json"}, 404, "problem.nofile", false},
		"a record of the run that is no file":  {plain, ask{path: "/runs/" + run + "/files/job.json"}, 404, "problem.nofile", false},
		"a report before the end":              {plain, ask{path: "/runs/" + run + "/report"}, 409, "problem.notover", false},
		"a story without a key":                {plain, ask{path: "/runs/" + run + "/object?key=none.jpg"}, 404, "object.missing", false},
		"a key that is not percent-encoded":    {plain, ask{path: "/runs/" + run + "/object?encoded=1&key=%25zz"}, 422, "problem.invalid", false},
		"limits that are none":                 {plain, formed("/runs/"+run+"/limits", "bandwidth", "fast"), 422, "problem.invalid", true},
		"no limits":                            {plain, formed("/runs/" + run + "/limits"), 422, "problem.nolimits", false},
		"a name that is typed wrong":           {plain, formed("/jobs/photos/seal", "typed", "photo"), 422, "problem.typed", false},
		"a start without queues":               {plain, act("/jobs/photos/start"), 409, "problem.noqueues", false},
		"a resume without queues":              {plain, act("/runs/" + run + "/resume"), 409, "problem.noqueues", false},
		"a retry of a run that goes on":        {plain, act("/runs/" + run + "/retry"), 422, "problem.invalid", false},
		"a job without a source":               {plain, formed("/form/review", "name", "x", "target", "oss://b/?region=cn-hangzhou"), 422, "form.wrong", false},
		"a job whose name is no name":          {plain, formed("/form/keep", "name", "../x", "source", "kodo://a/?region=z0", "target", "oss://b/?region=cn-hangzhou"), 422, "form.wrong", false},
		"a job with a secret in its source":    {plain, formed("/form/review", "name", "x", "source", "kodo://id:secret@a/?region=z0", "target", "oss://b/?region=cn-hangzhou"), 422, "form.wrong", false},
		"a plan of a job that does not parse":  {plain, formed("/form/plan", "name", "x", "source", "ftp://a"), 422, "form.wrong", false},
		"a plan that asks a host of somebody":  {reads, formed("/form/plan", "name", "x", "source", "kodo://photos/?region=z0&endpoint=https://evil.example", "target", "oss://photos-new/?region=cn-hangzhou"), 403, "problem.elsewhere", false},
		"a plan that downloads from somebody":  {reads, formed("/form/plan", "name", "x", "source", "kodo://photos/?region=z0&domain=evil.example", "target", "oss://photos-new/?region=cn-hangzhou"), 403, "problem.elsewhere", false},
		"a plan of the console's disk":         {reads, formed("/form/plan", "name", "x", "source", "file:///etc", "target", "oss://photos-new/?region=cn-hangzhou"), 403, "problem.elsewhere", false},
		"a plan that asks S3 at somebody's":    {reads, formed("/form/plan", "name", "x", "source", "s3://photos/?region=us-east-1&endpoint=https://evil.example", "target", "oss://photos-new/?region=cn-hangzhou"), 403, "problem.elsewhere", false},
		"a plan whose target is somebody's":    {reads, formed("/form/plan", "name", "x", "source", "kodo://photos/?region=z0", "target", "oss://photos-new/?region=cn-hangzhou&endpoint=https://evil.example"), 403, "problem.elsewhere", false},
		"a run of a newer version":             {plain, ask{path: "/runs/newer/20260101T000000Z"}, 501, "problem.newer", false},
		"a job of a newer version":             {plain, ask{path: "/jobs/newer"}, 200, `class="note bad" role="alert"`, false},
		"a run that is damaged":                {plain, ask{path: "/runs/damaged/20260101T000000Z"}, 502, "problem.corrupt", false},
		"a ledger that does not exist":         {elsewhere("nobody", key), ask{path: "/runs"}, 502, "problem.ledger", false},
		"a ledger that denies":                 {elsewhere("ledger", "wrong"), ask{path: "/jobs"}, 502, "problem.ledger", false},
		"a run in a ledger that denies":        {elsewhere("ledger", "wrong"), ask{path: "/runs/" + run}, 502, "problem.denied", false},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.audits()
			for _, lang := range language.All {
				tc.a.lang = lang.HTML
				if tc.a.body != nil && lang != language.All[0] {
					continue // a body is read once
				}
				r := tc.v.ask(tc.a)
				page := text(r.Response, t)
				if r.StatusCode != tc.status {
					t.Errorf("%s: %d, want %d\n%.1500s", lang.Tag, r.StatusCode, tc.status, page[max(0, strings.Index(page, "<main")):])
				}
				for _, name := range []string{tc.says, tc.says + ".cure"} {
					if strings.HasSuffix(name, ".cure") && !lang.Has(name) {
						continue
					}
					if want := lang.Or(name, name); !strings.Contains(html.UnescapeString(page), want) {
						t.Errorf("%s: the page lacks %q\n%.1500s", lang.Tag, want, page[max(0, strings.Index(page, "<main")):])
					}
				}
				if !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'self'") {
					t.Errorf("%s: the policy is %q", lang.Tag, r.Header.Get("Content-Security-Policy"))
				}
				told(t, r.Response, page)
			}
			if after := w.audits(); after > before != tc.kept {
				t.Errorf("it is written down as a change: %d records, %d before", after, before)
			}
		})
	}
}

// told fails where an answer has a secret, a token, or an address that is signed.
func told(t *testing.T, r *http.Response, page string) {
	t.Helper()
	all := page + fmt.Sprint(r.Header)
	for _, secret := range []string{key, keyID, token, "Signature=", "signature=", "OSSAccessKeyId"} {
		if strings.Contains(all, secret) {
			t.Errorf("the answer has %q", secret)
		}
	}
}

// audits is how many records of changes there are.
func (w *world) audits() (n int) {
	for _, key := range w.oss.Keys("ledger") {
		if strings.HasPrefix(key, ".ferry/audit/") {
			n++
		}
	}
	return n
}

// TestAScriptIsToldByJSON what a person is told by a page.
func TestAScriptIsToldByJSON(t *testing.T) {
	v := newWorld(t).open(nil)
	for path, status := range map[string]int{"/runs/photos/20270101T000000Z/live": 404, "/nope": 404} {
		r := v.ask(ask{path: path, header: map[string]string{"Accept": "application/json"}, lang: "zh"})
		var told struct{ Error, Cure string }
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil || r.StatusCode != status || told.Error == "" || told.Cure == "" {
			t.Errorf("%s: %d %+v, %v", path, r.StatusCode, told, err)
		}
	}
}

// TestALedgerThatDoesNotAnswerIsTold within the time that a page may take, and of a run what
// was known before is shown.
func TestALedgerThatDoesNotAnswerIsTold(t *testing.T) {
	w := newWorld(t)
	v := w.open(func(o *console.Options) { o.Now, o.Every = time.Now, time.Nanosecond })
	hurried := w.open(func(o *console.Options) { o.Wait = 50 * time.Millisecond })
	v.page(200, "Listing", ask{path: "/runs/" + run})
	w.oss.Desk().Inject(chaos.Rule{Op: "*", Kind: chaos.Status, Rate: 1, Status: 503})
	hurried.page(504, "answers too slowly", ask{path: "/runs"})
	hurried.page(504, "answers too slowly", ask{path: "/jobs"})
	v.page(200, "these figures are old", ask{path: "/runs/" + run, within: 50 * time.Millisecond})
	w.oss.Desk().Inject()
	v.page(200, "photos", ask{path: "/jobs"})
}

// page fails unless a request is answered so.
func (v *visitor) page(status int, says string, a ask) {
	v.Helper()
	r := v.ask(a)
	if page := html.UnescapeString(text(r.Response, v)); r.StatusCode != status || !strings.Contains(page, says) {
		v.Errorf("%s: %d, want %d and %q\n%.1500s", a.path, r.StatusCode, status, says, page[max(0, strings.Index(page, "<main")):])
	}
}

// TestAPanicIsAPage and no end: of what is shown, and of a change behind its page.
func TestAPanicIsAPage(t *testing.T) {
	w := newWorld(t)
	var calls atomic.Int64
	var at int64 // the call of the clock that panics
	v := w.open(func(o *console.Options) {
		o.Now = func() time.Time {
			if calls.Add(1) == at {
				panic("the clock fell down")
			}
			return now
		}
	})
	for name, tc := range map[string]struct {
		a  ask
		at int64
	}{
		"of a page":   {ask{path: "/changes"}, 1},
		"of a change": {ask{method: "POST", path: "/runs/" + run + "/limits", form: url.Values{"requests": {"10"}}}, 3},
	} {
		calls.Store(0)
		at = tc.at
		t.Log(name)
		v.page(500, "The page failed", tc.a)
	}
	at = 0
	v.page(200, "photos", ask{path: "/runs"})
}

// TestALinkCountsForWhoFollowsIt, and not for who looks at where it leads.
func TestALinkCountsForWhoFollowsIt(t *testing.T) {
	w := newWorld(t)
	door := access.NewDoor("", time.Now)
	c, err := console.New(console.Options{Config: w.config, Ledger: w.ledger, Door: door, Guard: access.Guard{Hosts: access.HostsOf(host)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	v := &visitor{TB: t, to: c}
	link := "/sign-in?token=" + door.Issue() + "&back=" + url.QueryEscape("//evil.example/")
	for _, looked := range []ask{{method: "HEAD", path: link}, {path: link, header: map[string]string{"Sec-Purpose": "prefetch"}}} {
		if r := v.ask(looked); r.StatusCode != 200 || len(r.Cookies()) > 0 {
			t.Errorf("who looks gets %d and %v", r.StatusCode, r.Cookies())
		}
	}
	if r := v.ask(ask{path: link}); r.StatusCode != 303 || len(r.Cookies()) != 1 || r.Header.Get("Location") != "/runs" {
		t.Errorf("who follows it gets %d, %v, and is sent to %q", r.StatusCode, r.Cookies(), r.Header.Get("Location"))
	}
	if r := v.ask(ask{path: link}); r.StatusCode != 401 || len(r.Cookies()) > 0 {
		t.Errorf("who follows it again gets %d and %v", r.StatusCode, r.Cookies())
	}
}

// TestNoOddRequestFailsAPage asks every page for what nobody names so: each answer is of the
// table above, and repeats nothing as markup.
func TestNoOddRequestFailsAPage(t *testing.T) {
	w := newWorld(t)
	v := w.open(nil)
	odd := []string{"%2e%2e", "%2f", "%00", "%0d%0aSet-Cookie:x=1", "%3Cimg%20src=x%20onerror=alert(1)%3E", "%e2%80%ae", "%ff%fe", "photos", "20260101T000000Z", strings.Repeat("x", 3000), "%20", "report.html", "-"}
	routes := []string{"/runs/{}", "/runs/{}/{}", "/runs/photos/{}", "/runs/photos/{}/live", "/runs/" + run + "/{}", "/runs/" + run + "/files/{}", "/runs/" + run + "/object?key={}", "/runs/" + run + "/object?encoded=1&key={}",
		"/runs?job={}", "/runs?state={}&most={}", "/jobs/{}", "/jobs/{}/{}", "/jobs/photos/{}", "/jobs/photos/schedule?every={}&at={}", "/sign-in?back={}", "/static/{}/{}", "/{}"}
	for _, route := range routes {
		for _, word := range odd {
			path := strings.ReplaceAll(route, "{}", word)
			for _, a := range []ask{{path: path}, {method: "POST", path: path, form: url.Values{"typed": {word}, "bandwidth": {word}, "job": {word}}}} {
				r := v.ask(a)
				page := text(r.Response, t)
				told(t, r.Response, page)
				if r.StatusCode >= 500 && r.StatusCode != 502 || strings.Contains(page, "<img src") || r.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s %.200s: %d, %v\n%.600s", a.method, path, r.StatusCode, r.Header["Set-Cookie"], page[max(0, strings.Index(page, "<main")):])
				}
			}
		}
	}
}

// TestManyAskAtOnce for every kind of page, while others change limits.
func TestManyAskAtOnce(t *testing.T) {
	w := newWorld(t)
	v := w.open(func(o *console.Options) { o.Now, o.Every = time.Now, time.Nanosecond })
	var g sync.WaitGroup
	for i := range 60 {
		g.Go(func() {
			a := ask{path: []string{"/runs", "/runs/" + run, "/runs/" + run + "/live", "/jobs", "/addresses", "/changes"}[i%6]}
			want := 200
			if i%10 == 9 {
				a, want = ask{method: "POST", path: "/runs/" + run + "/limits", form: url.Values{"requests": {fmt.Sprint(100 + i)}}}, 303
			}
			if r := v.ask(a); r.StatusCode != want {
				t.Errorf("%s %s: %d, want %d", a.method, a.path, r.StatusCode, want)
			}
		})
	}
	g.Wait()
	if n := w.audits(); n < 6 || n > 12 { // what came of one may be written after its answer
		t.Errorf("6 changes are written down in %d records, want 6 and what came of each", n)
	}
}

// A run was cancelled while another process was about to end it: that one ended it, and was cut off
// before page, manifest.json and failed.csv were made those of its report.
func TestTheFilesOfARunAreThoseOfItsReport(t *testing.T) {
	w := newWorld(t)
	v := w.open(nil)
	end := func(result report.Result, list string) report.Files {
		name := "failed-" + report.Sum([]byte(list)) + ".csv"
		w.put("runs/"+run+"/"+name, list)
		files, err := report.Encode(
			report.Report{V: ledger.Version, Summary: report.Summary{Run: run, Result: result}},
			report.Manifest{V: ledger.Version, Run: run, Lists: []report.List{{File: ledger.File{Name: name, SHA256: report.Sum([]byte(list))}}}})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	cut, ended := end(report.Cancelled, "the rows of one"), end(report.Verified, "the rows of the other")
	at := "runs/" + run + "/"
	w.put(at+"report.html", string(cut.Page))
	w.put(at+"manifest.json", string(cut.Manifest))
	if r := v.ask(ask{path: "/" + at + "files/report.html"}); r.StatusCode != http.StatusNotFound {
		t.Errorf("the page of a run without a report is answered with %d", r.StatusCode)
	}
	w.put(at+"report.json", string(ended.Report))
	w.put(at+"manifest-"+report.Sum(ended.Manifest)+".json", string(ended.Manifest))
	for name, want := range map[string]string{
		"report.html": string(ended.Page), "manifest.json": string(ended.Manifest), "report.json": string(ended.Report),
		"failed-" + report.Sum([]byte("the rows of the other")) + ".csv": "the rows of the other",
	} {
		r := v.ask(ask{path: "/" + at + "files/" + name})
		if got := text(r.Response, t); r.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: %d, and it is not that of the report: %.300s", name, r.StatusCode, got)
		}
	}
	if r := v.ask(ask{path: "/" + at + "files/failed-" + report.Sum([]byte("the rows of one")) + ".csv"}); r.StatusCode != http.StatusNotFound {
		t.Errorf("a list that the run's manifest does not name is answered with %d", r.StatusCode)
	}
}
