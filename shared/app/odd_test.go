package app_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/agent"
	"kodoferry/shared/emulator/odd"
	"kodoferry/shared/report"
)

// TestWhatIsOddStopsNothing has a source whose listings end early and hold a time
// of no calendar, and whose downloads come with a head that net/http refuses, with
// more bytes than announced, in a range of capitals, or cut off once.
func TestWhatIsOddStopsNothing(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(io.Discard)
	w := newWorld(t)
	const objects = 60
	w.fill(t, objects)
	var cut atomic.Bool
	odds := map[string]func(w *odd.Wire, head, body string){
		"k/00003": func(w *odd.Wire, head, body string) {
			w.Send(strings.Replace(head, "\r\n", "\r\nX-Qn-Meta-v1.ns/width: 1\r\n", 1) + body)
		},
		"k/00005": func(w *odd.Wire, head, body string) { w.Send(head + body + "what nobody asked for") },
		"k/00009": func(w *odd.Wire, head, body string) {
			if cut.CompareAndSwap(false, true) {
				w.Hangup()
				body = body[:len(body)/2]
			}
			w.Send(head + body)
		},
	}
	time := regexp.MustCompile(`("key":"k/00007".*?"putTime":)\d+`)
	marker := regexp.MustCompile(`"marker":"[^"]*"`)
	behind := w.kodo.Endpoint()
	front, err := odd.Start(func(w *odd.Wire, r *http.Request) {
		u := url.URL{Scheme: "http", Host: strings.TrimPrefix(behind, "http://"), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		if r.URL.Path == "/list" {
			u.RawQuery = strings.Replace(u.RawQuery, "limit=1000", "limit=20", 1)
		}
		asked, err := http.NewRequestWithContext(t.Context(), r.Method, u.String(), r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		asked.Header, asked.ContentLength, asked.Host = r.Header, r.ContentLength, r.Host
		if r.URL.Path == "/list" { // it asks for less than was signed
			asked.Header.Del("Authorization")
			if err := auth.New("ak", "sk").AddToken(auth.TokenQiniu, asked); err != nil {
				t.Error(err)
			}
		}
		resp, err := http.DefaultTransport.RoundTrip(asked)
		if err != nil {
			w.Hangup()
			return
		}
		data, _ := io.ReadAll(resp.Body) // of the stand-in on this machine
		_ = resp.Body.Close()
		if r.URL.Path == "/list" {
			data = marker.ReplaceAll(time.ReplaceAll(data, []byte("${1}9223372036854775807")), []byte(`"marker":""`))
			resp.Header.Set("Content-Length", fmt.Sprint(len(data)))
		}
		var head strings.Builder
		resp.Header.Del("Transfer-Encoding")
		if r.Method != http.MethodHead && resp.Header.Get("Content-Length") == "" {
			resp.Header.Set("Content-Length", fmt.Sprint(len(data)))
		}
		_ = resp.Header.Write(&head) // it takes everything
		start := fmt.Sprintf("HTTP/1.1 %s\r\n%s\r\n", resp.Status, head.String())
		if send := odds[strings.TrimPrefix(r.URL.Path, "/")]; send != nil && r.Method == http.MethodGet {
			send(w, start, string(data))
			return
		}
		w.Send(start + string(data))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	w.src = "kodo://photos/?region=z0&insecure=true&endpoint=" + front.URL + "&domain=" + strings.TrimPrefix(front.URL, "http://")
	rep, err := w.copy(t, agent.CopyOptions{})
	if err != nil || rep.Result != report.Verified || rep.Objects.Verified != objects {
		t.Errorf("%+v, %v, want %d verified", rep.Summary, err, objects)
	}
	// The time, the head, and the first key behind each of two early ends.
	if rep.Warned != 4 {
		t.Errorf("%d objects with warnings, want 4", rep.Warned)
	}
	if logged.Len() > 0 {
		t.Errorf("standard error says %s", logged.String())
	}
}
