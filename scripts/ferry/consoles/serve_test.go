package consoles

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/console"
	"kodoferry/shared/console/access"
	"kodoferry/shared/job"
)

// TestTheServerBoundsWhatItReads before any page sees it, and ends when it is told to.
func TestTheServerBoundsWhatItReads(t *testing.T) {
	at, err := job.ParseLocation("oss://ledger/?region=cn-hangzhou")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := console.New(console.Options{
		Config: app.Load(func(name string) string { return env[name] }), Ledger: at, Door: access.NewDoor("", time.Now), Guard: access.Guard{Hosts: access.HostsOf(listener.Addr().String())},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, c) }()
	long := strings.Repeat("x", 64<<10)
	for name, tc := range map[string]struct {
		path   string
		header http.Header
		status int
	}{
		"nothing odd":   {"/sign-in", nil, 200},
		"a long header": {"/sign-in", http.Header{"X-Long": {long}}, 431},
		"a long cookie": {"/sign-in", http.Header{"Cookie": {"ferry_console=" + long}}, 431},
		"a long path":   {"/" + long, nil, 431},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range tc.header {
			r.Header[name] = values
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, _ = io.Copy(io.Discard, answer.Body) // its status is what is asked about
		_ = answer.Body.Close()
		if answer.StatusCode != tc.status {
			t.Errorf("%s: %d, want %d", name, answer.StatusCode, tc.status)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
