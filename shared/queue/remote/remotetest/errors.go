package remotetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
)

func damaged(t *testing.T, s Suite) {
	const body = "0123456789012345678901234567890123456789012345678901234567890123456789"
	w, q := s.open(t, pile.Attributes{Visibility: time.Hour}, Way{})
	send(t, q, body)
	w.Server.Desk().Inject(chaos.Rule{Op: "receive", Kind: chaos.Flip, Rate: 1})
	kinds := map[fault.Kind]int{}
	for range 200 {
		got, err := q.Receive(t.Context(), 1, 0)
		kinds[fault.KindOf(err)]++
		for _, m := range got {
			if string(m.Body) != body {
				t.Fatalf("received %q, want %q or an error", m.Body, body)
			}
		}
		if err := w.Server.Send("jobs", []byte(body), 0); err != nil {
			t.Fatal(err)
		}
	}
	if kinds[fault.Corrupt] == 0 {
		t.Errorf("errors by kind: %v, want some corrupt", kinds)
	}
}

func impossible(t *testing.T, s Suite) {
	_, q := s.open(t, pile.Attributes{}, Way{})
	for _, n := range []int{-1, 0, 17} {
		if _, err := q.Receive(t.Context(), n, 0); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Receive(%d) = %v, want kind %s", n, err, fault.Invalid)
		}
	}
	if _, err := q.Extend(t.Context(), queue.Message{Receipt: "x"}, -time.Second); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Extend by -1 s = %v, want kind %s", err, fault.Invalid)
	}
	if err := q.Delete(t.Context(), queue.Message{Receipt: "not of the service's form"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Delete by no receipt = %v, want kind %s", err, fault.NotFound)
	}
}

func checks(t *testing.T, s Suite) {
	w, _ := s.open(t, pile.Attributes{}, Way{})
	w.AddKeys(Keys{"old", "s", "t"}, time.Now().Add(-time.Hour))
	keys := func(id, secret, token string) Way {
		return Way{Keys: func() Keys { return Keys{id, secret, token} }}
	}
	for name, tc := range map[string]struct {
		how  Way
		kind fault.Kind
		says string
	}{
		"all is well":   {Way{}, "", ""},
		"no key":        {keys("", "", ""), fault.Denied, s.Says["no key"]},
		"a forbidden":   {Way{}, fault.Denied, s.Says["a forbidden"]},
		"no such queue": {Way{Queue: "jbos"}, fault.NotFound, `queue "jbos" does not exist`},
		"unknown key":   {keys("nobody", "s", ""), fault.Denied, s.Says["unknown key"]},
		"wrong secret":  {keys("id", "s", ""), fault.Denied, s.Says["wrong secret"]},
		"expired token": {keys("old", "s", "t"), fault.Denied, s.Says["expired token"]},
		"nobody there":  {Way{Endpoint: "http://127.0.0.1:1"}, fault.Temporary, "127.0.0.1:1 cannot be reached: " + s.Says["nobody there"]},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a forbidden" {
				w.Server.Desk().Inject(chaos.Rule{Op: "attributes", Kind: chaos.Status, Status: 403, Rate: 1, Limit: 1})
			}
			if tc.kind != "" && tc.says == "" {
				t.Fatal("the driver's test does not tell what Check says")
			}
			q := w.Open(t, tc.how)
			q.Hasten()
			err := q.Check(t.Context())
			if fault.KindOf(err) != tc.kind || tc.says != "" && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Check = %v, want kind %q that says %q", err, tc.kind, tc.says)
			}
		})
	}
}

func newestKeys(t *testing.T, s Suite) {
	var keys Keys
	w, q := s.open(t, pile.Attributes{}, Way{Keys: func() Keys { return keys }})
	w.AddKeys(Keys{"role", "s", "t"}, time.Now().Add(time.Hour))
	for _, step := range []struct {
		keys Keys
		want fault.Kind
	}{
		{Keys{ID: "nobody", Secret: "secret"}, fault.Denied},
		{Good, ""},
		{Keys{ID: "role", Secret: "s"}, fault.Denied},
		{Keys{ID: "role", Secret: "s", Token: "t"}, ""},
		{Keys{}, fault.Denied},
	} {
		keys = step.keys
		if _, err := q.Depth(t.Context()); fault.KindOf(err) != step.want {
			t.Errorf("Depth with key %q = %v, want kind %q", keys.ID, err, step.want)
		}
	}
}

func kindsOfErrors(t *testing.T, s Suite) {
	w, q := s.hasty(t, pile.Attributes{})
	for rule, want := range map[string]fault.Kind{
		"attributes:throttle:1":   fault.Throttled,
		"attributes:status:1:403": fault.Denied,
		"attributes:status:1:500": fault.Temporary,
		"attributes:status:1:503": fault.Temporary,
		"attributes:lost:1":       fault.Temporary,
		"attributes:reset:1":      fault.Temporary,
	} {
		parsed, err := chaos.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		w.Server.Desk().Inject(parsed)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err = q.Depth(ctx)
		cancel()
		if fault.KindOf(err) != want || want == fault.Throttled && fault.WaitOf(err) <= 0 {
			t.Errorf("%s: Depth = %v, waiting %v, want kind %s", rule, err, fault.WaitOf(err), want)
		}
	}
}

func notTheService(t *testing.T, s Suite) {
	w := s.start(t)
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"a proxy that asks for a password": {407, "<html>Who are you?</html>", fault.Invalid},
		"a proxy that forbids":             {403, "<html>No.</html>", fault.Denied},
		"a redirect":                       {302, "", fault.Unknown},
		"a page that says yes":             {200, "<html>Welcome</html>", fault.Temporary},
		"a code nobody knows":              {409, s.Odd, fault.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Location", "/elsewhere")
				rw.WriteHeader(tc.status)
				_, _ = rw.Write([]byte(tc.body))
			}))
			defer server.Close()
			q := w.Open(t, Way{Endpoint: server.URL})
			q.Hasten()
			if _, err := q.Depth(t.Context()); fault.KindOf(err) != tc.kind {
				t.Errorf("Depth = %v, want kind %s", err, tc.kind)
			}
		})
	}
}
