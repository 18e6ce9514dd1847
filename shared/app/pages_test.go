package app_test

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/job"
	"kodoferry/shared/rights"
)

const (
	consoleHost  = "console.example.com"
	consoleToken = "a-token-of-more-than-20-characters"
)

// visitor is a browser at the function that serves the console.
type visitor struct {
	testing.TB
	at     string // where the trigger listens
	cookie string
	seal   string
}

// console deploys the function that serves the console under a name; set changes its environment.
func (p *platform) console(t testing.TB, name string, set map[string]string) *visitor {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	env := maps.Clone(p.env)
	maps.Copy(env, set)
	f := fc.Function{Name: name, Binary: filepath.Join(dir, "console"), Env: env, Platform: p.on, Timeout: 2 * time.Minute, MaxInstances: 1, Log: p.logs}
	p.assume(&f)
	return &visitor{TB: t, at: p.trigger(t, f)}
}

var seal = regexp.MustCompile(`name="seal" value="([^"]+)"`)

// ask sends a request as a browser does, and keeps the cookie and the seal that it gets.
func (v *visitor) ask(method, path string, form url.Values) (int, http.Header, string) {
	v.Helper()
	var body io.Reader
	if form != nil {
		form.Set("seal", v.seal)
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.Context(), method, v.at+path, body)
	if err != nil {
		v.Fatal(err)
	}
	r.Host = consoleHost
	r.Header.Set("Origin", "https://"+consoleHost)
	r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.cookie != "" {
		r.Header.Set("Cookie", "other=1; "+v.cookie)
	}
	answer, err := http.DefaultTransport.RoundTrip(r) // it follows no redirect
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		v.Fatal(err)
	}
	for _, c := range answer.Cookies() {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode {
			v.Errorf("the cookie is %s, want HttpOnly, Secure and SameSite=Strict", c)
		}
		v.cookie = c.Name + "=" + c.Value
	}
	if m := seal.FindSubmatch(page); m != nil {
		v.seal = string(m[1])
	}
	return answer.StatusCode, answer.Header, string(page)
}

// want fails unless a request is answered so.
func (v *visitor) want(status int, says, method, path string, form url.Values) (http.Header, string) {
	v.Helper()
	got, header, page := v.ask(method, path, form)
	if got != status || !strings.Contains(page, says) {
		v.Fatalf("%s %s: %d, want %d and %q\n%.2000s", method, path, got, status, says, page)
	}
	return header, page
}

// TestTheConsoleIsAFunction on both platforms: with its token and without, read-only and
// with changes.
func TestTheConsoleIsAFunction(t *testing.T) {
	t.Parallel()
	for _, on := range []fc.Platform{fc.FC, fc.Custom, fc.Lambda} {
		t.Run(string(on), func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, on, 0)
			p.fill(t, 20)
			j := p.kept(t, func(j *job.Job) { j.Delete, j.Events.Window = false, 0 })
			v := p.console(t, "reading", map[string]string{"FERRY_CONSOLE_TOKEN": consoleToken})
			v.want(401, "登录", "GET", "/runs", nil)
			v.want(401, "令牌不对", "POST", "/sign-in", url.Values{"token": {"wrong"}})
			if v.cookie != "" {
				t.Fatalf("a wrong token gets the cookie %s", v.cookie)
			}
			v.want(303, "", "POST", "/sign-in", url.Values{"token": {consoleToken}, "who": {"Ann"}})
			_, page := v.want(200, "Ann", "GET", "/jobs", nil)
			if !strings.Contains(page, j.Name) || !strings.Contains(page, "只读") {
				t.Errorf("the jobs' page has not the job, or does not say that it only reads\n%.2000s", page)
			}
			v.want(403, "只读", "POST", "/jobs/"+j.Name+"/start", url.Values{})
			css := regexp.MustCompile(`/static/[^"]+css`).FindString(page)
			if h, _ := v.want(200, "--ground", "GET", css, nil); !strings.HasPrefix(h.Get("Content-Type"), "text/css") {
				t.Errorf("the style is sent as %q", h.Get("Content-Type"))
			}

			v = p.console(t, "changing", map[string]string{"FERRY_CONSOLE_TOKEN": consoleToken, "FERRY_CONSOLE_CHANGES": "1"})
			v.want(303, "", "POST", "/sign-in", url.Values{"token": {consoleToken}, "who": {"Ann"}})
			v.want(200, j.Name, "GET", "/jobs/"+j.Name+"/start", nil)
			h, _ := v.want(303, "", "POST", "/jobs/"+j.Name+"/start", url.Values{})
			run, _, _ := strings.Cut(h.Get("Location"), "?")
			name := strings.TrimPrefix(run, "/runs/")
			v.want(200, name[strings.LastIndexByte(name, '/')+1:], "GET", run, nil)
			v.want(200, "run.books", "GET", run+"/live", nil)
			p.report(t, p.deploy.Ledger().Run(name))
			if h, _ := v.want(200, "", "GET", run+"/files/report.html", nil); !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
				t.Error("the report is not held in a sandbox")
			}
			_, list := v.want(200, "objects/", "GET", run+"/report", nil)
			file := regexp.MustCompile(`/runs/[^"]+/files/objects/[^"]+\.csv\.gz`).FindString(list)
			if _, data := v.want(200, "\x1f\x8b", "GET", file, nil); len(data) < 100 {
				t.Errorf("the file of rows has %d bytes", len(data))
			}
			v.want(200, "Ann", "GET", "/changes", nil)
		})
	}
}

// TestAFunctionWithoutATokenServesNobody, nor one with a token that can be guessed.
func TestAFunctionWithoutATokenServesNobody(t *testing.T) {
	t.Parallel()
	p := deployed(t, fc.FC)
	for name, token := range map[string]string{"none": "", "short": "secret"} {
		v := p.console(t, name, map[string]string{"FERRY_CONSOLE_TOKEN": token})
		if status, _, page := v.ask("GET", "/runs", nil); status != 503 || strings.Contains(page, "FERRY") {
			t.Errorf("%s: %d %q, want 503 and nothing of the reason", name, status, page)
		}
	}
	why := func() bool { return strings.Contains(p.logs.String(), "FERRY_CONSOLE_TOKEN has 6 characters") }
	for began := time.Now(); !why() && time.Since(began) < 10*time.Second; { // its log comes by a pipe
		time.Sleep(10 * time.Millisecond)
	}
	if !why() {
		t.Errorf("the log does not say why\n%s", tail(p.logs.String()))
	}
}

// TestTheConsoleReadsUnderTheRightsOfItsRole, and needs no others: every page of one that
// only reads, and a plan.
func TestTheConsoleReadsUnderTheRightsOfItsRole(t *testing.T) {
	t.Parallel()
	r := newRuled(t)
	r.fill(t, 30)
	j := r.kept(t, func(j *job.Job) { j.Delete, j.Events.Window = false, 0 })
	name, err := r.deploy.Start(t.Context(), j, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	v := r.console(t, "ferry-console", map[string]string{"FERRY_CONSOLE_TOKEN": consoleToken})
	v.want(303, "", "POST", "/sign-in", url.Values{"token": {consoleToken}})
	for _, path := range []string{"/runs", "/runs/" + name, "/runs/" + name + "/live", "/runs/" + name + "/cancel", "/runs/" + name + "/limits", "/jobs", "/jobs/" + j.Name, "/jobs/" + j.Name + "/edit", "/addresses", "/changes", "/runs/" + name + "/object"} {
		v.want(200, "", "GET", path, nil)
	}
	v.want(200, "30", "POST", "/form/plan", url.Values{"name": {"plan"}, "source": {r.src}, "target": {r.dst}})
	exact(t, rights.Console, r.policies[rights.Console], "oss:GetObject", "oss:ListObjects") // of a target that holds something
}
