package faas

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestACustomRuntimeIsAskedByHTTP as Function Compute asks it: what a request is says the
// header x-fc-control-path, and whether an event succeeded the status and x-fc-status.
func TestACustomRuntimeIsAskedByHTTP(t *testing.T) {
	var left time.Duration
	var keys Credentials
	var told http.Header
	f := New(func(ctx context.Context, m Message) error {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		if strings.Contains(string(m.Body), "bad") {
			return errors.New("boom")
		}
		return nil
	}, Options{
		Swap: func(c Credentials) { keys = c },
		HTTP: func(_ context.Context, r Request) Response {
			told = r.Header
			return Response{Status: 418, Header: map[string]string{"X-Path": r.Path + "?" + r.Query}, Cookie: "a=b", Body: append([]byte(r.From+" "), r.Body...)}
		},
	})
	for name, tc := range map[string]struct {
		control      []string
		method, path string
		body         string
		status       int
		failed       string // x-fc-status
		says         string
	}{
		"an event":                                {[]string{"/invoke"}, "POST", "/invoke", `{"v":1}`, 200, "200", `{"done":1}`},
		"an event that fails":                     {[]string{"/invoke"}, "POST", "/invoke", `{"v":1,"bad":1}`, 404, "404", "boom"},
		"an event that cannot be read":            {[]string{"/invoke"}, "POST", "/invoke", `[]`, 404, "404", "empty array"},
		"an event of a tool that tells no path":   {nil, "POST", "/invoke", `{"v":1}`, 200, "200", `{"done":1}`},
		"a request of an HTTP trigger":            {[]string{"/http-invoke"}, "GET", "/a%2Fb?x=1", "", 418, "200", "192.0.2.7 "},
		"one whose path is that of events":        {[]string{"/http-invoke"}, "POST", "/invoke", `{"v":1}`, 418, "200", `{"v":1}`},
		"one that names a control path by itself": {[]string{"/http-invoke", "/invoke"}, "POST", "/", `{"v":1}`, 400, "", "two control paths"},
		"the question whether it is initialized":  {[]string{"/initialize"}, "POST", "/initialize", "", 200, "", ""},
		"a path that is not known":                {[]string{"/pre-stop"}, "GET", "/pre-stop", "", 404, "", "no such control path"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body))
			r.Header = http.Header{
				"X-Fc-Control-Path": tc.control, "X-Fc-Request-Id": {"r"}, "X-Fc-Function-Timeout": {"60"}, "X-Fc-Client-Ip": {"192.0.2.7"},
				"X-Fc-Access-Key-Id": {"id"}, "X-Fc-Access-Key-Secret": {"secret"}, "X-Fc-Security-Token": {"token"}, "Accept": {"x"},
			}
			told, left = nil, 0
			w := httptest.NewRecorder()
			f.custom().ServeHTTP(w, r)
			if w.Code != tc.status || w.Header().Get("X-Fc-Status") != tc.failed || !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("%d, x-fc-status %q, %q, want %d, %q and %q", w.Code, w.Header().Get("X-Fc-Status"), w.Body, tc.status, tc.failed, tc.says)
			}
			if told != nil && (len(told) != 1 || told.Get("Accept") != "x" || w.Header().Get("Set-Cookie") != "a=b") {
				t.Errorf("it was told %v and sets the cookie %q, want nothing of the platform, and a=b", told, w.Header().Get("Set-Cookie"))
			}
			if left > 59*time.Second+100*time.Millisecond {
				t.Errorf("a message had %v, want the timeout less a second", left)
			}
		})
	}
	if keys != (Credentials{"id", "secret", "token"}) {
		t.Errorf("the keys are %v, want those of the invocation", keys)
	}
}

func TestHowAFunctionIsStartedSaysItsPlatform(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"as a custom runtime":   {[]string{"--listen", ":9000"}, ":9000"},
		"without arguments":     {nil, ""},
		"without an address":    {[]string{"--listen"}, ""},
		"with another argument": {[]string{"--help", ":9000"}, ""},
	} {
		if got := Custom(tc.args); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
