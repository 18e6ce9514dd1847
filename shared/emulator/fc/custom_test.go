//go:build unix

package fc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/fc/testdata/behave"
)

// TestACustomRuntimesServerIsAskedAsAnInstanceIs: one process does one invocation after the
// other with the keys of each, and is gone with one that fails
// to answer.
func TestACustomRuntimesServerIsAskedAsAnInstanceIs(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Platform: fc.Custom, Timeout: time.Second, Credentials: rotating()})
	first := ask(t, c, behave.Command{})
	second := ask(t, c, behave.Command{})
	if first.PID != second.PID || first.Keys == second.Keys || first.RequestID == second.RequestID {
		t.Errorf("%+v, then %+v, want one process and keys of each invocation", first, second)
	}
	if second.Env["FC_SERVER_PORT"] != "9000" || second.Env["FC_RUNTIME_API"] != "" {
		t.Errorf("its environment is %v, want a port and no runtime API", second.Env)
	}
	for name, tc := range map[string]struct {
		do         behave.Command
		gone, late bool
	}{
		"it says so":        {behave.Command{Fail: "boom"}, false, false},
		"it ends":           {behave.Command{Exit: 3}, true, false},
		"it takes too long": {behave.Command{Stub: time.Minute}, true, true},
	} {
		_, err := c.Invoke(context.Background(), "f", command(tc.do))
		if f, ok := errors.AsType[*fc.Failure](err); !ok || f.Gone != tc.gone || f.Late != tc.late {
			t.Errorf("%s: %v, want a failure, gone %v, late %v", name, err, tc.gone, tc.late)
		}
	}
	if third := ask(t, c, behave.Command{}); third.PID == first.PID {
		t.Error("the process that took too long is asked again")
	}
}

func TestACustomRuntimeGetsRequestsAsTheyCame(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Platform: fc.Custom})
	h, err := c.HTTP("f")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	resp, err := http.Post(s.URL+"/a%2Fb?x=1&y", "text/plain", strings.NewReader("照片\xff"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	saw := "POST /a%2Fb?x=1&y " + strings.TrimPrefix(s.URL, "http://")
	if resp.StatusCode != http.StatusTeapot || string(body) != "照片\xff" || resp.Header.Get("X-Saw") != saw {
		t.Errorf("%d, %q, it saw %q, want 418, the bytes that were sent and %q", resp.StatusCode, body, resp.Header.Get("X-Saw"), saw)
	}
}
