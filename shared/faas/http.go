package faas

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
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
}

// Response answers a Request.
type Response struct {
	Status int
	Header map[string]string
	Body   []byte // text
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
		Header: http.Header{}, Body: []byte(f.text("body")),
	}
	var headers, query map[string]string
	_ = json.Unmarshal(f["headers"], &headers) // none that can be read are none
	for name, value := range headers {
		r.Header.Set(name, value)
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

// serve answers an HTTP request. Whatever goes wrong is an answer, for an error
// would be told to whoever asks, in words that are meant for the log.
func (f *Function) serve(ctx context.Context, who invocation, event fields) (answer []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			_ = f.panicked(ctx, v)
			answer, err = respond(Response{Status: http.StatusInternalServerError})
		}
	}()
	end, err := f.begin(who)
	if err != nil {
		f.o.Log.ErrorContext(ctx, "request not served", "err", err)
		return respond(Response{Status: http.StatusServiceUnavailable})
	}
	defer end()
	r, err := event.request()
	if err != nil {
		f.o.Log.WarnContext(ctx, "request refused", "err", err)
		return respond(Response{Status: http.StatusBadRequest})
	}
	return respond(f.o.HTTP(ctx, r))
}

// respond is a response as both platforms take it.
func respond(r Response) ([]byte, error) {
	if r.Body == nil {
		r.Body = []byte(http.StatusText(r.Status) + "\n")
	}
	return json.Marshal(struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers,omitempty"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
		Body            string            `json:"body"`
	}{r.Status, r.Header, false, string(r.Body)})
}
