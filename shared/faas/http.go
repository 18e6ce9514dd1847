package faas

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Request is an HTTP request that came through an HTTP trigger of Function
// Compute, or a function URL of Lambda. The trigger lets anybody in: whoever
// handles it finds out who asks.
type Request struct {
	Method string
	Host   string // the header, or the name under which the platform serves the function
	Path   string // as it was sent, escapes and all
	Query  string // without "?"; from Function Compute in the order of the names, for it does not tell the one that was sent
	Header http.Header
	Body   []byte
	From   string // the address that the platform was asked from
}

// Response answers a Request.
type Response struct {
	Status int
	Header map[string]string
	Cookie string // the value of a Set-Cookie; "": none
	Body   []byte
}

// isHTTP reports whether an event is that of an HTTP request: of Function
// Compute's HTTP trigger (fc-runtime-go-sdk, events/http.go), or of a function
// URL (payload format 2.0), which differ in how they tell the query.
func isHTTP(event []byte) (fields, bool) {
	event = bytes.TrimSpace(event)
	if len(event) == 0 || event[0] != '{' {
		return nil, false
	}
	var f fields
	if json.Unmarshal(event, &f) != nil || !f.has("rawPath", "requestContext") {
		return nil, false
	}
	return f, true
}

// request reads the request out of its event.
func (f fields) request() (Request, error) {
	about := f.object("requestContext")
	how := about.object("http")
	r := Request{
		Method: how.text("method"), Host: about.text("domainName"), Path: f.text("rawPath"), Query: f.text("rawQueryString"),
		Header: http.Header{}, Body: []byte(f.text("body")), From: how.text("sourceIp"),
	}
	var headers, query map[string]string
	_ = json.Unmarshal(f["headers"], &headers) // none that can be read are none
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	// A function URL tells cookies apart from the headers.
	var cookies []string
	if json.Unmarshal(f["cookies"], &cookies) == nil && len(cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	if json.Unmarshal(f["queryParameters"], &query) == nil && r.Query == "" {
		values := url.Values{}
		for name, value := range query {
			values.Set(name, value)
		}
		r.Query = values.Encode()
	}
	if strings.TrimSpace(string(f["isBase64Encoded"])) == "true" {
		body, err := base64.StdEncoding.DecodeString(f.text("body"))
		if err != nil {
			return r, errors.New("the body says it is base64, and is not")
		}
		r.Body = body
	}
	if r.Method == "" || !strings.HasPrefix(r.Path, "/") {
		return r, errors.New("the request has no method, or no path")
	}
	return r, nil
}

// serve answers an HTTP request that came as an event.
func (f *Function) serve(ctx context.Context, who invocation, event fields) ([]byte, error) {
	return respond(event, f.reply(ctx, who, event.request))
}

// reply answers the HTTP request that read returns. Whatever goes wrong is an answer, for
// an error would be told to whoever asks, in words that are meant for the log.
func (f *Function) reply(ctx context.Context, who invocation, read func() (Request, error)) (answer Response) {
	defer func() {
		if v := recover(); v != nil {
			_ = f.panicked(ctx, v)
			answer = Response{Status: http.StatusInternalServerError}
		}
	}()
	end, err := f.begin(who)
	if err != nil {
		f.o.Log.ErrorContext(ctx, "request not served", "err", err)
		return Response{Status: http.StatusServiceUnavailable}
	}
	defer end()
	r, err := read()
	if err != nil {
		f.o.Log.WarnContext(ctx, "request refused", "err", err)
		return Response{Status: http.StatusBadRequest}
	}
	return f.o.HTTP(ctx, r)
}

// text is the body of a response: that of its status where it has none.
func (r Response) text() []byte {
	if r.Body == nil {
		return []byte(http.StatusText(r.Status) + "\n")
	}
	return r.Body
}

// respond is a response as the platform of an event takes it: bytes that are no text in
// base64, and a cookie, at a function URL, apart from the headers.
func respond(event fields, r Response) ([]byte, error) {
	r.Body = r.text()
	type answer struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers,omitempty"`
		Cookies         []string          `json:"cookies,omitempty"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
		Body            string            `json:"body"`
	}
	a := answer{StatusCode: r.Status, Headers: r.Header, Body: string(r.Body)}
	if !utf8.Valid(r.Body) {
		a.IsBase64Encoded, a.Body = true, base64.StdEncoding.EncodeToString(r.Body)
	}
	switch {
	case r.Cookie == "":
	case event.text("version") == functionURL:
		a.Cookies = []string{r.Cookie}
	default:
		a.Headers = maps.Clone(r.Header)
		if a.Headers == nil {
			a.Headers = map[string]string{}
		}
		a.Headers["Set-Cookie"] = r.Cookie
	}
	return json.Marshal(a)
}

// functionURL is the version of the events of Lambda's function URLs.
const functionURL = "2.0"

// Serve answers requests by a handler, whose answer is sent as a whole: neither platform
// sends it as it comes.
func Serve(h http.Handler) func(ctx context.Context, r Request) Response {
	return func(ctx context.Context, r Request) Response {
		u, err := url.ParseRequestURI(r.Path)
		if err != nil {
			return Response{Status: http.StatusBadRequest}
		}
		u.RawQuery = r.Query
		header := r.Header.Clone()
		header.Del("Host")
		request := &http.Request{
			Method: r.Method, URL: u, RequestURI: u.RequestURI(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: r.Host, Header: header,
			Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)), RemoteAddr: r.From,
		}
		w := &gathered{header: http.Header{}}
		h.ServeHTTP(w, request.WithContext(ctx))
		return w.response()
	}
}

// gathered is an answer that is being written.
type gathered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (g *gathered) Header() http.Header { return g.header }

func (g *gathered) WriteHeader(status int) {
	if g.status == 0 {
		g.status = status
	}
}

func (g *gathered) Write(p []byte) (int, error) {
	g.WriteHeader(http.StatusOK)
	return g.body.Write(p)
}

func (g *gathered) response() Response {
	r := Response{Status: cmp.Or(g.status, http.StatusOK), Header: map[string]string{}, Body: g.body.Bytes(), Cookie: g.header.Get("Set-Cookie")}
	if r.Body == nil {
		r.Body = []byte{}
	}
	for name, values := range g.header {
		if name != "Set-Cookie" {
			r.Header[name] = strings.Join(values, ", ")
		}
	}
	return r
}
