package faas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"kodoferry/shared/faas"
)

// answered is what a function answers to an event.
func answered(t *testing.T, o faas.Options, event string) (status int, body string, err error) {
	t.Helper()
	f := faas.New(func(context.Context, faas.Message) error { return nil }, o)
	raw, err := f.Invoke(t.Context(), []byte(event))
	var told struct {
		StatusCode int
		Body       string
	}
	if err == nil {
		err = json.Unmarshal(raw, &told)
	}
	return told.StatusCode, told.Body, err
}

func TestAnHTTPRequestComesOutOfTheEventOfEitherPlatform(t *testing.T) {
	for name, event := range map[string]string{
		"Function Compute": `{"version":"v1","rawPath":"/a%20b","body":"aGVsbG8=","isBase64Encoded":true,"headers":{"authorization":"Qiniu x:y","Content-Type":"application/json"},
			"queryParameters":{"q":"1 2","p":"0"},"requestContext":{"domainName":"n.cn-hangzhou.fcapp.run","http":{"method":"POST","path":"/a b"},"requestId":"1"}}`,
		"a function URL": `{"version":"2.0","rawPath":"/a%20b","rawQueryString":"p=0&q=1+2","body":"hello","isBase64Encoded":false,
			"headers":{"authorization":"Qiniu x:y","content-type":"application/json","host":"n.cn-hangzhou.fcapp.run"},"requestContext":{"domainName":"other","http":{"method":"POST"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var got faas.Request
			status, body, err := answered(t, faas.Options{HTTP: func(_ context.Context, r faas.Request) faas.Response {
				got = r
				return faas.Response{Status: http.StatusAccepted, Body: []byte("fine")}
			}}, event)
			if err != nil || status != http.StatusAccepted || body != "fine" {
				t.Errorf("answered %d %q, %v, want 202 fine", status, body, err)
			}
			if got.Method != "POST" || got.Host != "n.cn-hangzhou.fcapp.run" || got.Path != "/a%20b" || got.Query != "p=0&q=1+2" || string(got.Body) != "hello" ||
				got.Header.Get("Authorization") != "Qiniu x:y" || got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("the request is %+v", got)
			}
		})
	}
}

func TestWhoAsksIsToldNothingOfWhatWentWrong(t *testing.T) {
	const event = `{"rawPath":"/","body":"","headers":{},"requestContext":{"http":{"method":"POST"}}}`
	fine := func(context.Context, faas.Request) faas.Response { return faas.Response{Status: 200} }
	for name, tc := range map[string]struct {
		o      faas.Options
		event  string
		status int
	}{
		"not configured":   {faas.Options{HTTP: fine, Ready: func() error { return errors.New("SECRET is not set") }}, event, 503},
		"a panic":          {faas.Options{HTTP: func(context.Context, faas.Request) faas.Response { panic("SECRET") }}, event, 500},
		"a panic before":   {faas.Options{HTTP: fine, Ready: func() error { panic("SECRET") }}, event, 500},
		"a broken body":    {faas.Options{HTTP: fine}, `{"rawPath":"/","body":"SECRET!","isBase64Encoded":true,"requestContext":{"http":{"method":"POST"}}}`, 400},
		"without a method": {faas.Options{HTTP: fine}, `{"rawPath":"/","requestContext":{}}`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			tc.o.Log = slog.New(slog.NewJSONHandler(&log, nil))
			status, body, err := answered(t, tc.o, tc.event)
			if err != nil || status != tc.status || strings.Contains(body, "SECRET") {
				t.Errorf("answered %d %q, %v, want %d and nothing of why", status, body, err, tc.status)
			}
			if log.Len() == 0 {
				t.Error("nothing was logged")
			}
		})
	}
}

func TestAFunctionWithoutHTTPRefusesARequest(t *testing.T) {
	if _, _, err := answered(t, faas.Options{}, `{"rawPath":"/","requestContext":{"http":{"method":"GET"}}}`); err == nil || !strings.Contains(err.Error(), "serves no HTTP") {
		t.Errorf("error %v, want it to say that no HTTP is served", err)
	}
}
