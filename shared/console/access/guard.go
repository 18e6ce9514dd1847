package access

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// MaxBody is the most bytes of a request's body: a form with a list of some 10,000 keys.
const MaxBody = 1 << 20

// Guard refuses requests that no page of the console's own can have sent. The zero value
// takes any host's name.
type Guard struct {
	// Hosts are the names, with their ports, by which the console may be asked for; none:
	// any. A name of somebody else that leads to this machine (DNS rebinding) is not among them.
	Hosts []string
}

// HostsOf returns the names of a console that listens at an address: for the loopback
// interface all names of that, else none, for nobody knows them all.
func HostsOf(listen string) []string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil
	}
	names := []string{"localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port}
	if host != "localhost" {
		names = append(names, net.JoinHostPort(host, port))
	}
	return names
}

// Host reports whether the console is asked for by a name of its own.
func (g Guard) Host(r *http.Request) bool {
	return len(g.Hosts) == 0 || slices.Contains(g.Hosts, strings.ToLower(r.Host))
}

// Own reports whether a request that changes anything comes from a page of the console:
// its Origin is the host that it goes to. A browser that leaves Origin out says by
// Sec-Fetch-Site that it is so.
func (g Guard) Own(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return r.Header.Get("Sec-Fetch-Site") == "same-origin"
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// Policy is the Content-Security-Policy of every page.
const Policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// Headers sets the headers of every answer.
func Headers(h http.Header) {
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}
