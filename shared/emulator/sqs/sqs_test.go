package sqs_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/pile"
	"kodoferry/shared/emulator/pile/piletest"
	"kodoferry/shared/emulator/sqs"
)

func TestItIsAQueueLikeAnyOther(t *testing.T) {
	piletest.Run(t, func(t *testing.T, jobs pile.Attributes) piletest.Service {
		c := &pile.Clock{}
		s := start(t, c)
		if err := s.CreateQueue("jobs", jobs); err != nil {
			t.Fatal(err)
		}
		return piletest.Service{Clock: c, Aged: true, Server: s}
	})
}

// post sends what no client would, or takes away from what one sent.
func post(t *testing.T, s *sqs.Server, target, body string, change func(*http.Request)) (status int, answer, query string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint()+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	change(r)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header.Get("X-Amzn-Query-Error")
}

func TestWhatIsNotSignedRightIsRefused(t *testing.T) {
	s := start(t, nil)
	now := time.Now().UTC().Format("20060102T150405Z")
	credential := "AWS4-HMAC-SHA256 Credential=id/" + now[:8] + "/eu-central-1/sqs/aws4_request, SignedHeaders="
	for name, tc := range map[string]struct {
		authorization, date string
		want                string
	}{
		"nothing":                   {"", now, "MissingAuthenticationToken;Sender"},
		"another scheme":            {"Basic aWQ6c2VjcmV0", now, "IncompleteSignature;Sender"},
		"no date":                   {credential + "host;x-amz-date, Signature=00", "", "IncompleteSignature;Sender"},
		"a host that is not signed": {credential + "x-amz-date, Signature=00", now, "SignatureDoesNotMatch;Sender"},
		"a made-up signature":       {credential + "host;x-amz-date, Signature=00", now, "SignatureDoesNotMatch;Sender"},
		"another region":            {strings.Replace(credential, "eu-central-1", "us-east-1", 1) + "host;x-amz-date, Signature=00", now, "SignatureDoesNotMatch;Sender"},
	} {
		status, answer, query := post(t, s, "AmazonSQS.ListQueues", "{}", func(r *http.Request) {
			if tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			r.Header.Set("X-Amz-Date", tc.date)
		})
		if query != tc.want || status < 400 || !strings.Contains(answer, "__type") {
			t.Errorf("%s: status %d, %s, %s, want %s", name, status, query, answer, tc.want)
		}
	}
}

func TestAnAlteredRequestIsRefused(t *testing.T) {
	s := start(t, nil)
	if err := s.CreateQueue("jobs", sqs.Attributes{}); err != nil {
		t.Fatal(err)
	}
	c := client(s, "id", "secret", "")
	var seen *http.Request
	body := capture(t, c, s, &seen)
	for name, change := range map[string]func(*http.Request, *[]byte){
		"as it was":      func(*http.Request, *[]byte) {},
		"another body":   func(_ *http.Request, b *[]byte) { *b = bytes.Replace(*b, []byte("pay 1"), []byte("pay 9"), 1) },
		"another target": func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Target", "AmazonSQS.PurgeQueue") },
	} {
		r, altered := seen.Clone(t.Context()), bytes.Clone(body)
		change(r, &altered)
		r.Body, r.ContentLength, r.RequestURI = io.NopCloser(bytes.NewReader(altered)), int64(len(altered)), ""
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if want := map[bool]int{true: 200, false: 403}[name == "as it was"]; resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", name, resp.StatusCode, want)
		}
	}
}

func TestFaultsAreTheServicesOwn(t *testing.T) {
	s := start(t, nil)
	c := client(s, "id", "secret", "")
	url := create(t, c, "jobs", nil)
	for rule, want := range map[string]string{
		"send:throttle:1":   "RequestThrottled",
		"send:status:1:403": "AccessDenied",
		"send:status:1:500": "InternalFailure",
		"send:status:1:503": "ServiceUnavailable",
	} {
		r, err := chaos.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		s.Desk().Inject(r)
		if err := sendOne(t, c, url); code(err) != want {
			t.Errorf("%s: %v, want %s", rule, err, want)
		}
	}
	s.Desk().Inject()
	if err := sendOne(t, c, url); err != nil {
		t.Error(err)
	}
	if n := s.Desk().Counts()["send"]; n != 5 {
		t.Errorf("%d sends counted, want 5", n)
	}
}
