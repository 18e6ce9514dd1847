package kodo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"kodoferry/shared/fault"
)

func TestWhatACodeMeans(t *testing.T) {
	for status, want := range map[int]struct{ bucket, object, download fault.Kind }{
		301: {fault.Invalid, fault.Invalid, fault.Invalid},
		400: {fault.Invalid, fault.Invalid, fault.Invalid},
		401: {fault.Denied, fault.Denied, fault.Denied},
		403: {fault.Denied, fault.Denied, fault.Denied},
		404: {fault.Invalid, fault.Invalid, fault.NotFound}, // the API says 612
		406: {fault.Invalid, fault.Invalid, fault.Invalid},
		408: {fault.Temporary, fault.Temporary, fault.Temporary},
		419: {fault.Denied, fault.Denied, fault.Denied},
		429: {fault.Throttled, fault.Throttled, fault.Throttled},
		478: {fault.Temporary, fault.Temporary, fault.Temporary},
		500: {fault.Temporary, fault.Temporary, fault.Temporary},
		503: {fault.Throttled, fault.Throttled, fault.Throttled},
		504: {fault.Temporary, fault.Temporary, fault.Temporary},
		573: {fault.Throttled, fault.Throttled, fault.Throttled},
		579: {fault.Temporary, fault.Temporary, fault.Temporary},
		599: {fault.Throttled, fault.Throttled, fault.Throttled},
		608: {fault.Changed, fault.Changed, fault.Changed},
		612: {fault.NotFound, fault.NotFound, fault.NotFound},
		614: {fault.Changed, fault.Changed, fault.Changed},
		630: {fault.Invalid, fault.Invalid, fault.Invalid},
		631: {fault.NotFound, fault.Invalid, fault.Invalid}, // of an object, NotFound would say that it was deleted
		640: {fault.Invalid, fault.Invalid, fault.Invalid},
		701: {fault.Invalid, fault.Invalid, fault.Invalid},
	} {
		b := &Bucket{cfg: Config{Bucket: "b"}}
		for asked, kind := range map[what]fault.Kind{ofBucket: want.bucket, ofObject: want.object, ofDownload: want.download} {
			if got, cause := b.meaning(asked, &refusal{status: status}); got != kind || cause == nil {
				t.Errorf("%d asked of %d means %s (%v), want %s", status, asked, got, cause, kind)
			}
		}
	}
}

func TestWhatAnAnswerSays(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   string
		wait   time.Duration
	}{
		"Kodo's own words and request": {status: 400, header: map[string]string{"X-Reqid": "abc"}, body: `{"error":"incorrect region"}`, want: "status 400: incorrect region (request abc)"},
		"no words":                     {status: 599, want: "status 599"},
		"a clock that is off":          {status: 401, header: map[string]string{"Date": "Mon, 23 Nov 2026 04:00:00 GMT"}, body: `{"error":"bad token"}`, want: "status 401: bad token; this machine's clock is 8h0m0s off the host's: set it"},
		"a clock that is nearly right": {status: 401, header: map[string]string{"Date": "Mon, 23 Nov 2026 12:05:00 GMT"}, body: `{"error":"bad token"}`, want: "status 401: bad token"},
		"a clock that does not matter": {status: 400, header: map[string]string{"Date": "Mon, 23 Nov 2026 04:00:00 GMT"}, want: "status 400"},
		"a wait in seconds":            {status: 573, header: map[string]string{"Retry-After": "90"}, want: "status 573", wait: 90 * time.Second},
		"a wait until a time":          {status: 503, header: map[string]string{"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT"}, want: "status 503", wait: 30 * time.Second},
		"a wait that is over":          {status: 573, header: map[string]string{"Retry-After": "Mon, 23 Nov 2026 11:00:30 GMT"}, want: "status 573"},
		"a wait of nonsense":           {status: 573, header: map[string]string{"Retry-After": "-5"}, want: "status 573"},
		"a long text is cut":           {status: 400, body: strings.Repeat("é", 400), want: "status 400: " + strings.Repeat("é", 150) + "…"},
		"control characters":           {status: 400, body: "a\x1b[2J\nb", want: "status 400: a [2J b"},
		"a signature in JSON":          {status: 403, body: `{"error":"http://h/k?e=123&token=ak:s1-_=&x=1 refused"}`, want: "status 403: http://h/k?e=…&token=…&x=1 refused"},
		"HTML":                         {status: 502, body: "<html><body>", want: "status 502"},
		"JSON that is cut":             {status: 502, body: `{"error":"tok`, want: "status 502"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &Bucket{cfg: Config{Bucket: "b", Now: func() time.Time { return now }}}
			resp := &http.Response{StatusCode: tc.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(tc.body))}
			for k, v := range tc.header {
				resp.Header.Set(k, v)
			}
			err := b.refused("op", "k", ofDownload, resp)
			r, ok := errors.AsType[*refusal](err)
			if !ok || r.Error() != tc.want || fault.WaitOf(err) != tc.wait || tc.wait > 0 && fault.KindOf(err) != fault.Throttled {
				t.Errorf("got %v, wait %s, want %q, wait %s", err, fault.WaitOf(err), tc.want, tc.wait)
			}
		})
	}
}

func TestARequestWithoutAnAnswer(t *testing.T) {
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("handed over"))
	for name, tc := range map[string]struct {
		ctx  context.Context
		err  error
		want string
	}{
		"the address is left out":   {t.Context(), &url.Error{Op: "Get", URL: "http://h/k?e=1&token=secret", Err: syscall.ECONNRESET}, "connection reset by peer"},
		"why it was ended is named": {ended, &url.Error{Op: "Get", URL: "http://h/k?e=1&token=secret", Err: context.Canceled}, "handed over"},
		"what is not known":         {t.Context(), errors.New("odd"), "odd"},
	} {
		t.Run(name, func(t *testing.T) {
			err := network(tc.ctx, "op", "k", tc.err)
			if fault.KindOf(err) != fault.Temporary || err.Error() != `op "k": temporary: `+tc.want {
				t.Errorf("got %v, want a temporary fault: %s", err, tc.want)
			}
		})
	}
}

func TestHostOfALocation(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example.com/k?token=x": "a.example.com", "//b.example.com": "b.example.com", "/k?e=1": "the same host",
		"": "the same host", "http://u:pw@c:81?x": "c:81",
	} {
		if got := hostOf(in); got != want {
			t.Errorf("hostOf(%q) = %q, want %q", in, got, want)
		}
	}
}
