package odd

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Given is what the server behind a Front answered.
type Given struct {
	Status string // as "200 OK"
	Header http.Header
	Body   []byte
	Cut    bool // the server behind broke off amid the body
}

// Front starts a server that passes each request on to the one at behind, as
// http://host, and hands what that answers to send, for it to be sent as it is or
// otherwise. A request keeps the Host that it came with, and so its signature.
func Front(behind string, send func(w *Wire, r *http.Request, a Given)) (*Server, error) {
	host := strings.TrimPrefix(behind, "http://")
	return Start(func(w *Wire, r *http.Request) {
		u := url.URL{Scheme: "http", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		asked, err := http.NewRequestWithContext(r.Context(), r.Method, u.String(), r.Body)
		if err != nil {
			w.Hangup()
			return
		}
		asked.Header, asked.ContentLength, asked.Host = r.Header, r.ContentLength, r.Host
		resp, err := http.DefaultTransport.RoundTrip(asked)
		if err != nil {
			w.Hangup()
			return
		}
		body, err := io.ReadAll(resp.Body) // of a stand-in on this machine
		_ = resp.Body.Close()
		resp.Header.Del("Transfer-Encoding")
		if r.Method != http.MethodHead && resp.Header.Get("Content-Length") == "" {
			resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
		}
		send(w, r, Given{resp.Status, resp.Header, body, err != nil})
	})
}

// Head is the answer's head, with the empty line behind it.
func (a Given) Head() string {
	var lines strings.Builder
	_ = a.Header.Write(&lines) // into memory
	return "HTTP/1.1 " + a.Status + "\r\n" + lines.String() + "\r\n"
}

// Of is the answer with another body, whose length its head tells.
func (a Given) Of(body []byte) Given {
	a.Header = a.Header.Clone()
	a.Header.Set("Content-Length", fmt.Sprint(len(body)))
	a.Body = body
	return a
}

// As sends the answer as it came.
func (w *Wire) As(a Given) {
	if a.Cut {
		w.Hangup()
	}
	w.Send(a.Head() + string(a.Body))
}
