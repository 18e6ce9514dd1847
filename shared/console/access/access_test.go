package access

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// clock is a time that a test sets.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func request(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:7680/runs", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestAnIssuedTokenLetsInOnce(t *testing.T) {
	c := &clock{time.Now()}
	d := NewDoor("", c.read)
	token := d.Issue()
	s, once, err := d.Enter(token, "me")
	if err != nil || !once {
		t.Fatalf("the first time: %v, once %v", err, once)
	}
	if _, _, err := d.Enter(token, "me"); err == nil {
		t.Error("the second time lets in")
	}
	for _, wrong := range []string{"", "x", token + "x"} {
		if _, _, err := d.Enter(wrong, ""); err == nil {
			t.Errorf("the token %q lets in", wrong)
		}
	}
	got, ok := d.Session(request(d.Cookie(s, false)))
	if !ok || got.Who != "me" {
		t.Errorf("the cookie is that of %+v, %v", got, ok)
	}
	c.now = c.now.Add(Lasts)
	if _, ok := d.Session(request(d.Cookie(s, false))); ok {
		t.Error("a session goes on after its time")
	}
}

// TestEveryInstanceKnowsTheCookiesOfTheOthers, of one token, and none of another's.
func TestEveryInstanceKnowsTheCookiesOfTheOthers(t *testing.T) {
	one, two, other := NewDoor("secret", time.Now), NewDoor("secret", time.Now), NewDoor("changed", time.Now)
	s, once, err := one.Enter("secret", "me")
	if err != nil || once {
		t.Fatalf("%v, once %v", err, once)
	}
	cookie := one.Cookie(s, true)
	if _, ok := two.Session(request(cookie)); !ok {
		t.Error("another instance does not know the cookie")
	}
	if !two.Sealed(s, one.Seal(s)) {
		t.Error("another instance does not know the form")
	}
	if _, ok := other.Session(request(cookie)); ok {
		t.Error("a cookie counts under another token")
	}
}

func TestACookieThatWasAlteredCountsForNothing(t *testing.T) {
	d := NewDoor("secret", time.Now)
	s, _, err := d.Enter("secret", "me")
	if err != nil {
		t.Fatal(err)
	}
	good := d.Cookie(s, false)
	if !good.HttpOnly || good.SameSite != http.SameSiteStrictMode {
		t.Errorf("the cookie is %+v, want HttpOnly and SameSite=Strict", good)
	}
	parts := strings.Split(good.Value, ".")
	for name, value := range map[string]string{
		"later":        "99999999999." + strings.Join(parts[1:], "."),
		"another":      parts[0] + ".AAAA." + strings.Join(parts[2:], "."),
		"another name": parts[0] + "." + parts[1] + ".cm9vdA." + parts[3],
		"no signature": strings.Join(parts[:3], "."),
		"empty":        "",
		"the form's":   strings.Join(parts[:3], ".") + "." + d.Seal(s),
	} {
		if _, ok := d.Session(request(&http.Cookie{Name: good.Name, Value: value})); ok {
			t.Errorf("%s: the cookie counts", name)
		}
	}
	if other, _, _ := d.Enter("secret", "me"); d.Sealed(other, d.Seal(s)) {
		t.Error("the form of one session counts in another")
	}
}

func TestOnlyPagesOfTheConsoleChangeAnything(t *testing.T) {
	g := Guard{Hosts: HostsOf("127.0.0.1:7680")}
	for name, c := range map[string]struct {
		host, origin, site string
		asked, own         bool
	}{
		"its own page":            {"127.0.0.1:7680", "http://127.0.0.1:7680", "", true, true},
		"its own page, localhost": {"localhost:7680", "http://localhost:7680", "", true, true},
		"a page by IPv6":          {"[::1]:7680", "http://[::1]:7680", "", true, true},
		"no origin, same site":    {"127.0.0.1:7680", "", "same-origin", true, true},
		"no origin":               {"127.0.0.1:7680", "", "", true, false},
		"another site":            {"127.0.0.1:7680", "https://evil.example", "", true, false},
		"another port":            {"127.0.0.1:7680", "http://127.0.0.1:8080", "", true, false},
		"a sandboxed page":        {"127.0.0.1:7680", "null", "", true, false},
		"a name that rebinds":     {"evil.example:7680", "http://evil.example:7680", "", false, true},
		"another site, no origin": {"127.0.0.1:7680", "", "cross-site", true, false},
	} {
		r := request()
		r.Host = c.host
		r.Header.Set("Origin", c.origin)
		r.Header.Set("Sec-Fetch-Site", c.site)
		if asked, own := g.Host(r), g.Own(r); asked != c.asked || own != c.own {
			t.Errorf("%s: asked by its name %v, its own %v, want %v, %v", name, asked, own, c.asked, c.own)
		}
	}
	if HostsOf("0.0.0.0:80") != nil || HostsOf("192.0.2.1:80") != nil || HostsOf("x") != nil {
		t.Error("an address that is no loopback has names")
	}
}

func TestNamesAreShortAndLegible(t *testing.T) {
	for in, want := range map[string]string{"  Ann \n": "Ann", "a\u202eb\x00c": "abc", strings.Repeat("é", 40): strings.Repeat("é", 32), "\xff王": "王"} {
		if got := name(in); got != want {
			t.Errorf("%q is kept as %q, want %q", in, got, want)
		}
	}
}
