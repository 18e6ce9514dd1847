package console_test

import (
	"net/url"
	"strings"
	"testing"

	"kodoferry/shared/console"
)

// TestSigningOutEndsTheCookie, also one that was copied, and says what holds where the process is
// one of several.
func TestSigningOutEndsTheCookie(t *testing.T) {
	for name, tc := range map[string]struct {
		stays bool
		says  string
	}{"a process": {true, "You are signed out."}, "a function": {false, "in other instances of the function"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v := w.open(func(o *console.Options) { o.Stays = tc.stays })
			r := v.ask(ask{method: "POST", path: "/sign-out", form: url.Values{"seal": {v.seal}}})
			to := r.Header.Get("Location")
			if r.StatusCode != 303 || len(r.Cookies()) != 1 || r.Cookies()[0].MaxAge >= 0 {
				t.Fatalf("signing out is answered with %d, %v", r.StatusCode, r.Cookies())
			}
			for _, a := range []ask{{path: "/runs"}, {method: "POST", path: "/jobs/photos/start", form: url.Values{"seal": {v.seal}}}} {
				if r := v.ask(a); r.StatusCode != 401 {
					t.Errorf("%s is answered with %d by the cookie that was signed out of, want 401", a.path, r.StatusCode)
				}
			}
			if page := text(v.ask(ask{path: to, stranger: true}).Response, t); !strings.Contains(page, tc.says) {
				t.Errorf("%s does not say %q\n%.800s", to, tc.says, page)
			}
		})
	}
}
