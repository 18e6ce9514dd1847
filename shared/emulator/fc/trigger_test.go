//go:build unix

package fc_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/fc/testdata/behave"
	"kodoferry/shared/fault"
)

// ticked returns the event of a timer that ticked once.
func ticked(t *testing.T, p fc.Platform, cfg fc.TimerConfig) map[string]any {
	t.Helper()
	c := one(t, fc.Function{Platform: p, MaxInstances: 1})
	cfg.Name, cfg.Function = "nightly", "f"
	timer, err := c.Timer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.At.IsZero() && cfg.Every == 0 {
		if _, err := timer.Fire(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "it ticked", func() bool { return len(c.Stats()["f"].FirstAnswers) == 1 })
	timer.Stop()
	var events []string
	eventually(t, "the instance has room", func() bool {
		r, err := tryAsk(c, behave.Command{})
		events = r.Heard
		return err == nil
	})
	var event map[string]any
	if err := json.Unmarshal([]byte(events[0]), &event); err != nil {
		t.Fatalf("the event is %q: %v", events[0], err)
	}
	return event
}

func TestATimerTicksAsFunctionComputesDoes(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]fc.TimerConfig{
		"every so often": {Every: 20 * time.Millisecond},
		"at a time":      {At: time.Now().Add(20 * time.Millisecond)},
		"when asked":     {},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Payload = "sweep"
			event := ticked(t, fc.FC, cfg)
			at, err := time.Parse("2006-01-02T15:04:05Z", event["triggerTime"].(string))
			if len(event) != 3 || event["triggerName"] != "nightly" || event["payload"] != "sweep" || err != nil || time.Since(at) > time.Minute {
				t.Errorf("the event is %v, want triggerName nightly, payload sweep and the time", event)
			}
		})
	}
}

func TestAScheduleTicksAsEventBridgesDoes(t *testing.T) {
	t.Parallel()
	event := ticked(t, fc.Lambda, fc.TimerConfig{})
	for k, want := range map[string]string{"detail-type": "Scheduled Event", "source": "aws.events", "version": "0", "region": "us-east-1", "account": "123456789012"} {
		if event[k] != want {
			t.Errorf("%s = %v, want %s", k, event[k], want)
		}
	}
	if rules, _ := event["resources"].([]any); len(rules) != 1 || rules[0] != "arn:aws:events:us-east-1:123456789012:rule/nightly" {
		t.Errorf("resources = %v, want the rule", event["resources"])
	}
	if event := ticked(t, fc.Lambda, fc.TimerConfig{Payload: `{"my":"input"}`}); len(event) != 1 || event["my"] != "input" {
		t.Errorf("with a constant input the event is %v, want that alone", event)
	}
}

func TestATimerThatNoPlatformTakesIsRefused(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Platform: fc.Lambda})
	for name, cfg := range map[string]fc.TimerConfig{
		"no name":              {Function: "f"},
		"two times":            {Name: "n", Function: "f", Every: time.Second, At: time.Now()},
		"an input of no JSON":  {Name: "n", Function: "f", Payload: "sweep"},
		"a time that is minus": {Name: "n", Function: "f", Every: -1},
	} {
		if _, err := c.Timer(cfg); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: Timer = %v, want Invalid", name, err)
		}
	}
	if _, err := c.Timer(fc.TimerConfig{Name: "n", Function: "nobody"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Timer of an unknown function = %v, want NotFound", err)
	}
}

func get(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Mine", "yes")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// served is where the HTTP trigger of the function f answers.
func served(t *testing.T, c *fc.Cloud) string {
	t.Helper()
	h, err := c.HTTP("f")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func TestARequestBecomesAnEventAndTheAnswerAResponse(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c := one(t, fc.Function{Platform: p})
		at := served(t, c)

		// An answer that describes no response is the body: here the event itself.
		resp, body := get(t, "POST", at+"/a%20b?x=1&y=%26", "\xff\x00")
		var event struct {
			Version, RawPath, Body                 string
			IsBase64Encoded                        bool
			Headers                                map[string]string
			QueryParameters, QueryStringParameters map[string]string
			RequestContext                         struct {
				RequestID string
				HTTP      struct{ Method, Path, SourceIP, Protocol string }
			}
		}
		if err := json.Unmarshal([]byte(body), &event); err != nil || resp.StatusCode != 200 {
			t.Fatalf("the response is %d %q, want the event", resp.StatusCode, body)
		}
		version, header, query := "v1", event.Headers["X-Mine"], event.QueryParameters
		if p == fc.Lambda {
			version, header, query = "2.0", event.Headers["x-mine"], event.QueryStringParameters
		}
		if event.Version != version || event.RawPath != "/a%20b" || event.Body != "/wA=" || !event.IsBase64Encoded || header != "yes" || query["x"] != "1" || query["y"] != "&" {
			t.Errorf("the event is %s, want the request's path, query, header and body", body)
		}
		if about := event.RequestContext; about.HTTP.Method != "POST" || about.HTTP.Path != "/a b" || about.HTTP.SourceIP != "127.0.0.1" || about.RequestID == "" {
			t.Errorf("the request's context is %+v, want method, path, address and id", about)
		}

		resp, body = get(t, "GET", at+"/teapot", "")
		if resp.StatusCode != 418 || body != "hi" || resp.Header.Get("X-Tea") != "yes" {
			t.Errorf("the response is %d %q %v, want the one the function described", resp.StatusCode, body, resp.Header)
		}
	})
}

func TestAFunctionURLKeepsQuietAboutWhy(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Platform: fc.Lambda})
	at := served(t, c)
	resp, body := get(t, "GET", at+"/rotten", "")
	if resp.StatusCode != 502 || body != `{"Message":"Bad Gateway"}` || resp.Header.Get("X-Amzn-Request-Id") == "" {
		t.Errorf("the response is %d %q %v, want 502 and nothing of the function's error", resp.StatusCode, body, resp.Header)
	}
}

func TestAResponseThatIsNoneFails(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{})
	at := served(t, c)
	for path, says := range map[string]string{"/broken-body": "not base64", "/broken-status": "200 to 599"} {
		if resp, body := get(t, "GET", at+path, ""); resp.StatusCode != 502 || !strings.Contains(body, says) {
			t.Errorf("%s: the response is %d %q, want 502 and %q", path, resp.StatusCode, body, says)
		}
	}
}

func TestATriggerSaysThatTheFunctionFailed(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{MaxInstances: 1})
	at := served(t, c)
	resp, body := get(t, "GET", at+"/rotten", "")
	if resp.StatusCode != 502 || resp.Header.Get("X-Fc-Error-Type") != "UnhandledInvocationError" || !strings.Contains(body, `"errorMessage":"a rotten message"`) || resp.Header.Get("X-Fc-Request-Id") == "" {
		t.Errorf("the response is %d %q %v, want 502 with the function's error", resp.StatusCode, body, resp.Header)
	}
	busy := make(chan error)
	go func() { _, err := tryAsk(c, behave.Command{Sleep: 300 * time.Millisecond}); busy <- err }()
	eventually(t, "the instance is busy", func() bool { return c.Stats()["f"].Invocations == 2 })
	if resp, body := get(t, "GET", at+"/", ""); resp.StatusCode != 429 {
		t.Errorf("the response is %d %q, want 429", resp.StatusCode, body)
	}
	if err := <-busy; err != nil {
		t.Error(err)
	}
	if _, err := c.HTTP("nobody"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("HTTP of an unknown function = %v, want NotFound", err)
	}
}
