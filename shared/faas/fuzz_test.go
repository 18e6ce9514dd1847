package faas_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/faas"
)

// FuzzRequest hands any bytes to a function that takes HTTP requests: it gets requests
// with a method and a path, and whoever asks gets an answer that tells nothing.
func FuzzRequest(f *testing.F) {
	for _, event := range []string{
		`{"version":"v1","rawPath":"/a%20b","body":"aGVsbG8=","isBase64Encoded":true,"headers":{"authorization":"Qiniu x:y"},"queryParameters":{"q":"1 2"},"requestContext":{"domainName":"n","http":{"method":"POST"}}}`,
		`{"version":"2.0","rawPath":"/","rawQueryString":"p=0&q=1+2","body":"hello","headers":{"host":"n"},"requestContext":{"http":{"method":"POST"}}}`,
		`{"rawPath":"","requestContext":null}`, `{"rawPath":"/","body":"%","isBase64Encoded":true,"requestContext":{"http":{"method":"GET"}}}`, `{"rawPath":1,"requestContext":[],"headers":[]}`,
	} {
		f.Add([]byte(event))
	}
	var asked *faas.Request
	fn := faas.New(func(context.Context, faas.Message) error { return nil }, faas.Options{
		Log: slog.New(slog.DiscardHandler),
		HTTP: func(_ context.Context, r faas.Request) faas.Response {
			asked = &r
			return faas.Response{Status: http.StatusAccepted}
		},
	})
	f.Fuzz(func(t *testing.T, event []byte) {
		asked = nil
		raw, err := fn.Invoke(t.Context(), event)
		if asked != nil && (asked.Method == "" || !strings.HasPrefix(asked.Path, "/")) {
			t.Errorf("%q is the request %+v", event, *asked)
		}
		if err != nil {
			if asked != nil {
				t.Errorf("%q was answered with %v", event, err)
			}
			return // it is no request
		}
		var told struct {
			StatusCode int    `json:"statusCode"`
			Body       string `json:"body"`
		}
		if json.Unmarshal(raw, &told) == nil && told.StatusCode != 0 && told.StatusCode != 202 && told.Body != http.StatusText(told.StatusCode)+"\n" {
			t.Errorf("%q is answered with %q", event, raw)
		}
	})
}
